"""Losses that need no label: filling in what is hidden, and telling who is who."""

from __future__ import annotations

import keras
from keras import ops

from keras_neurovit._checks import positive
from keras_neurovit.layers import patch_statistics, patches_of


@keras.saving.register_keras_serializable("keras_neurovit")
class MaskedPatchLoss(keras.losses.Loss):
    """Mean squared error over the voxels of the patches that were hidden and count; 0 for a volume of which none does.

    Shape: volumes (batch, x, y, z, channel), what `models.masked_autoencoder` tells (batch, token, voxel × channel + 1)
    → (batch,)

    Args:
        patch_size: voxels a patch, (x, y, z).
        normalised: whether a patch is told relative to its own mean and spread: fine structure then counts as much as
            what is bright.
        name: of the loss.

    Source: He et al. 2021 (arXiv 2111.06377), section 4.1, "reconstruction target".

    Example:
        >>> import numpy as np
        >>> volumes = np.zeros((1, 4, 6, 10, 1), "float32")
        >>> told = np.concatenate([np.full((1, 8, 30), 2.0), np.ones((1, 8, 1))], axis=-1)
        >>> float(MaskedPatchLoss((2, 3, 5))(volumes, told))
        4.0
    """

    def __init__(
        self,
        patch_size: tuple[int, int, int],
        normalised: bool = True,
        name: str = "masked_patch_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.patch_size, self.normalised = tuple(patch_size), normalised

    def call(self, y_true, y_pred):
        patches, counts = patches_of(y_true, self.patch_size), y_pred[..., -1]
        if self.normalised:
            mean, spread = patch_statistics(patches)
            patches = (patches - mean) / spread
        error = ops.mean((patches - y_pred[..., :-1]) ** 2, axis=-1)
        return ops.sum(error * counts, axis=1) / ops.maximum(ops.sum(counts, axis=1), 1.0)

    def get_config(self):
        return {**super().get_config(), "patch_size": self.patch_size, "normalised": self.normalised}


@keras.saving.register_keras_serializable("keras_neurovit")
class ContrastiveLoss(keras.losses.Loss):
    """Of all others in the batch, how surely is it told which show the same head.

    Shape: whose scan (batch,) integers, unit vectors (batch, projection_dim) → (batch,)

    A scan whose person appears once in the batch has nothing to be told, and costs nothing. With diagnoses in place of
    people the loss is the supervised one.

    Args:
        temperature: what similarities are divided by.
        name: of the loss.

    Raises:
        InputError: a temperature that is not positive.

    Source: Chen et al. 2020 (SimCLR, arXiv 2002.05709), equation 1; several alike: Khosla et al. 2020 (arXiv
    2004.11362), equation 2.

    Example:
        >>> import numpy as np
        >>> alike = np.float32([[1, 0], [1, 0], [0, 1], [0, 1]])
        >>> loss = ContrastiveLoss(0.1)
        >>> float(loss(np.array([0, 0, 1, 1]), alike)) < 0.001 < float(loss(np.array([0, 1, 0, 1]), alike))
        True
    """

    def __init__(self, temperature: float = 0.1, name: str = "contrastive_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.temperature = positive("temperature", temperature)

    def call(self, y_true, y_pred):
        whose = ops.reshape(y_true, (-1,))
        others = 1.0 - ops.eye(ops.shape(y_pred)[0], dtype="float32")
        similar = ops.matmul(y_pred, ops.transpose(y_pred)) / self.temperature
        similar = ops.where(others > 0, similar, -1e9)
        same = others * ops.cast(ops.expand_dims(whose, 0) == ops.expand_dims(whose, 1), "float32")
        certain = ops.log_softmax(similar, axis=1)
        return -ops.sum(same * certain, axis=1) / ops.maximum(ops.sum(same, axis=1), 1.0)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}
