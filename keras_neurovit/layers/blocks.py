"""A volume as a bag of blocks: cutting, folding into the batch, and scoring."""

from __future__ import annotations

from math import prod

import keras

from keras_neurovit import _checks
from keras_neurovit.layers.patches import volume_of


@keras.saving.register_keras_serializable("keras_neurovit")
class Blocks3D(keras.layers.Layer):
    """Cut each volume into non-overlapping blocks, and make every block a sample of its own.

    A volume's blocks follow one another in C order of their grid (x slowest, z fastest).

    Shape: (batch, x, y, z, channel) → (batch · block, bx, by, bz, channel)

    Args:
        block_size: voxels a block, one number or three (x, y, z); must divide the volume.

    Raises:
        InputError: a volume whose shape the block does not divide; names the shape to pad to.

    Source: Singla et al. 2022 (arXiv 2208.09567): each block is an instance.

    Example:
        >>> import numpy as np
        >>> Blocks3D((4, 6, 10))(np.zeros((3, 8, 12, 20, 1))).shape
        TensorShape([24, 4, 6, 10, 1])
    """

    def __init__(self, block_size: int | tuple[int, int, int], **kwargs):
        super().__init__(**kwargs)
        self.block_size = _checks.triple("block_size", block_size)

    def call(self, volumes):
        (_, gy, gz), (bx, by, bz) = self._grid(volumes.shape), self.block_size
        # Six axes, the batch along with the first: LiteRT transposes no more.
        blocks = keras.ops.reshape(volumes, (-1, bx, gy, by, gz, bz * volumes.shape[-1]))
        blocks = keras.ops.transpose(blocks, (0, 2, 4, 1, 3, 5))
        return keras.ops.reshape(blocks, (-1, bx, by, bz, volumes.shape[-1]))

    def compute_output_shape(self, input_shape):
        return (_times(input_shape[0], prod(self._grid(input_shape))), *self.block_size, input_shape[-1])

    def _grid(self, shape):
        return _checks.divisible(shape[1:4], self.block_size, part="block_size")


@keras.saving.register_keras_serializable("keras_neurovit")
class FoldBlocks(keras.layers.Layer):
    """Make every block a sample of its own; `UnfoldBlocks` undoes it.

    Shape: (batch, block, …) → (batch · block, …)

    Example:
        >>> import numpy as np
        >>> FoldBlocks()(np.zeros((3, 8, 5, 16))).shape
        TensorShape([24, 5, 16])
    """

    def call(self, blocks):
        return keras.ops.reshape(blocks, (-1, *blocks.shape[2:]))

    def compute_output_shape(self, input_shape):
        return (_times(input_shape[0], input_shape[1]), *input_shape[2:])


@keras.saving.register_keras_serializable("keras_neurovit")
class UnfoldBlocks(keras.layers.Layer):
    """Give each volume its blocks back.

    Shape: (batch · block, …) → (batch, block, …)

    Args:
        num_blocks: blocks a volume.

    Example:
        >>> import numpy as np
        >>> UnfoldBlocks(8)(np.zeros((24, 5, 16))).shape
        TensorShape([3, 8, 5, 16])
    """

    def __init__(self, num_blocks: int, **kwargs):
        super().__init__(**kwargs)
        self.num_blocks = num_blocks

    def call(self, samples):
        return keras.ops.reshape(samples, (-1, self.num_blocks, *samples.shape[1:]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0] and input_shape[0] // self.num_blocks, self.num_blocks, *input_shape[1:])


@keras.saving.register_keras_serializable("keras_neurovit")
class BlockDetails(keras.layers.Layer):
    """Lay the patches of all blocks out where they lie in the volume; class tokens have no place.

    Shape: (batch · block, class token and patches, channel) → (batch, i, j, k, channel), patches along (x, y, z)

    Args:
        block_grid: blocks (i, j, k) of a volume.
        patch_grid: patches (i, j, k) of a block.

    Example:
        >>> import numpy as np
        >>> BlockDetails((2, 2, 2), (2, 3, 5))(np.zeros((24, 31, 16))).shape
        TensorShape([3, 4, 6, 10, 16])
    """

    def __init__(self, block_grid: tuple[int, int, int], patch_grid: tuple[int, int, int], **kwargs):
        super().__init__(**kwargs)
        self.block_grid = _checks.triple("block_grid", block_grid)
        self.patch_grid = _checks.triple("patch_grid", patch_grid)

    def call(self, tokens):
        patches = tokens[:, 1:]
        blocks = (-1, prod(self.block_grid), patches.shape[1] * patches.shape[2])
        return volume_of(keras.ops.reshape(patches, blocks), self.block_grid, self.patch_grid)

    def compute_output_shape(self, input_shape):
        cells = (blocks * patches for blocks, patches in zip(self.block_grid, self.patch_grid, strict=True))
        return (input_shape[0] and input_shape[0] // prod(self.block_grid), *cells, input_shape[-1])


@keras.saving.register_keras_serializable("keras_neurovit")
class BlockHead(keras.layers.Layer):
    """Score every block with one shared linear layer, and the volume with a second one over all blocks' scores.

    The second layer has weights for each block at its place: it fits one grid of blocks alone.

    Shape: (batch, block, hidden_dim) → (batch, num_classes)

    Args:
        num_classes: scores a block, and of the volume.
        activation: of the volume's scores; None for logits.

    Source: Singla et al. 2022 (arXiv 2208.09567): the blocks' logits are concatenated and aggregated linearly.

    Example:
        >>> import numpy as np
        >>> BlockHead(2)(np.zeros((3, 8, 16))).shape
        TensorShape([3, 2])
    """

    def __init__(self, num_classes: int, activation: str | None = None, **kwargs):
        super().__init__(**kwargs)
        self.num_classes, self.activation = num_classes, activation
        policy = {"dtype": self.dtype_policy}
        self.block_scores = keras.layers.Dense(num_classes, name="block_scores", **policy)
        self.scores = keras.layers.Dense(num_classes, activation=activation, name="scores", **policy)

    def build(self, input_shape):
        self.block_scores.build(input_shape)
        self.scores.build((input_shape[0], input_shape[1] * self.num_classes))

    def call(self, blocks):
        votes = self.block_scores(blocks)
        return self.scores(keras.ops.reshape(votes, (-1, votes.shape[1] * self.num_classes)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)


def _times(batch: int | None, number: int) -> int | None:
    return None if batch is None else batch * number
