"""Where a backbone's tokens lie in the volume."""

from __future__ import annotations

import keras

from keras_neurovit._checks import InputError
from keras_neurovit.layers import PositionEmbedding3D, PrefixTokens, TokenPooling


def token_grid(backbone: keras.Model) -> tuple[int, int, int]:
    """Patches, or blocks, along (x, y, z).

    Raises:
        InputError: a backbone whose tokens have no places.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> token_grid(vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32))
        (4, 4, 4)
    """
    tables = [layer for layer in backbone.layers if isinstance(layer, PositionEmbedding3D)]
    if not tables:
        raise InputError("this backbone has no patches whose structures could be told", "one from vit3d or minit3d")
    return tables[-1].grid


def prefix_tokens(backbone: keras.Model) -> int:
    """Class and register tokens among a backbone's outputs: those it puts on, less those it pools away itself."""
    put_on = sum(layer.num_tokens for layer in backbone.layers if isinstance(layer, PrefixTokens))
    return put_on - sum(layer.num_prefix_tokens for layer in backbone.layers if isinstance(layer, TokenPooling))
