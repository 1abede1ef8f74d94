"""Where a backbone's tokens lie in the volume, and the details that lie between them."""

from __future__ import annotations

import keras

from keras_neurovit._checks import InputError
from keras_neurovit.layers import BlockDetails, Blocks3D, PositionEmbedding3D, PrefixTokens, TokenPooling

DETAILS = ("details", "finer_details")
"""Names of the layers in a backbone that tell details of each cell of a patch, and of each smaller cell in these."""


def tokens_of(backbone: keras.Model, volumes) -> keras.KerasTensor:
    """A backbone's tokens, also of one that a head has taken details from.

    Shape: (batch, x, y, z, channel) → (batch, token, hidden_dim)
    """
    return keras.tree.flatten(backbone(volumes))[0]


def tokens_and_details(backbone: keras.Model, volumes) -> list[keras.KerasTensor]:
    """A backbone's tokens without those that have no place, and details of the cells of each patch if it tells any.

    Shape: (batch, x, y, z, channel) → [(batch, patch, hidden_dim)], [that, (batch, i, j, k, channel)], or finer ones
    after these
    """
    outputs = keras.tree.flatten(backbone.output)
    told = [layer.output for name in DETAILS for layer in backbone.layers if layer.name == name]
    if any(isinstance(layer, Blocks3D) for layer in backbone.layers):
        told = told or [_patches_of_blocks(backbone)]
    if len(outputs) == 1 and told:
        backbone = keras.Model(backbone.input, [*outputs, *told], name=backbone.name)
    tokens, *details = keras.tree.flatten(backbone(volumes))
    return [tokens[:, prefix_tokens(backbone) :], *details]


def _patches_of_blocks(backbone: keras.Model) -> keras.KerasTensor:
    """A block's one token cannot tell of all that its patches hold: they are its details."""
    patch_grid, block_grid = (layer.grid for layer in backbone.layers if isinstance(layer, PositionEmbedding3D))
    return BlockDetails(block_grid, patch_grid, name=DETAILS[0])(backbone.get_layer("norm").output)


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
