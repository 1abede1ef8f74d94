"""A backbone that learns which scans show the same head."""

from __future__ import annotations

import keras

from keras_neurovit.layers import TokenPooling
from keras_neurovit.models.grid import prefix_tokens, tokens_of


def projector(
    backbone: keras.Model,
    *,
    projection_dim: int = 128,
    hidden_dim: int | None = None,
    pooling: str = "mean",
    name: str = "projector",
) -> keras.Model:
    """Pool a backbone's tokens and project them onto the unit sphere, for contrastive learning.

    Train with `training.ContrastiveLoss` on batches in which each person appears more than once, for example
    `data.make_dataset(..., views=2)`. The backbone is trained in place; the projection is thrown away afterwards.

    Shape: (batch, x, y, z, channel) → (batch, projection_dim), of length 1

    Args:
        backbone: a model that returns tokens.
        projection_dim: length of a projection.
        hidden_dim: width of the hidden layer; None for the length of a token.
        pooling: see `TokenPooling`.
        name: of the model.

    Source: Chen et al. 2020 (SimCLR, arXiv 2002.05709), sections 2 and 4.2: a head of two layers, thrown away.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> projector(backbone, projection_dim=8).output_shape
        (None, 8)
    """
    volumes = keras.Input(backbone.input_shape[1:], name="volume")
    tokens = tokens_of(backbone, volumes)
    feature = TokenPooling(pooling, num_prefix_tokens=prefix_tokens(backbone), name="pooling")(tokens)
    width = hidden_dim or feature.shape[-1]
    feature = keras.layers.Dense(width, activation="gelu", dtype="float32", name="hidden")(feature)
    feature = keras.layers.Dense(projection_dim, dtype="float32", name="projection")(feature)
    return keras.Model(volumes, keras.layers.UnitNormalization(dtype="float32", name="sphere")(feature), name=name)
