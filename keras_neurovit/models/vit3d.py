"""The plain vision transformer, in three dimensions."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from keras_neurovit import _checks
from keras_neurovit.layers import (
    BrightnessLevels,
    NeighbourBlock3D,
    PatchEmbedding3D,
    PositionEmbedding3D,
    PrefixTokens,
)
from keras_neurovit.models.encoder import encoder
from keras_neurovit.models.grid import DETAILS


def vit3d(
    volume_shape: tuple[int, int, int],
    patch_size: int | tuple[int, int, int],
    num_layers: int,
    num_heads: int,
    hidden_dim: int,
    mlp_dim: int,
    *,
    num_channels: int = 1,
    stem: Mapping | None = None,
    position: str = "learned",
    class_token: bool = False,
    num_register_tokens: int = 0,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    drop_path: float = 0.0,
    layer_scale: float | None = None,
    use_bias: bool = True,
    epsilon: float = 1e-6,
    gradient_checkpointing: bool = False,
    name: str = "backbone",
) -> keras.Model:
    """A backbone: volume to normalised tokens.

    Shape: (batch, x, y, z, channel) → (batch, prefix + patch, hidden_dim); prefix tokens are the class token, if any,
    then the registers.

    Args:
        volume_shape: voxels along (x, y, z); a multiple of the patch.
        patch_size: voxels a patch, one number or three.
        num_layers: encoder blocks.
        num_heads: attention heads a block.
        hidden_dim: length of a token.
        mlp_dim: width of a block's perceptron.
        num_channels: channels of the volume.
        stem: None embeds a patch linearly. {"patch_size": 4, "hidden_dim": 64, "num_layers": 1, "num_levels": 3} embeds
            smaller patches of voxels and of what lies above each level of brightness (`BrightnessLevels`), lets each
            hear its neighbours (`NeighbourBlock3D`), and embeds these: what a voxel's brightness means depends on what
            is around it, and a linear patch cannot tell. A key "stem" in it embeds still smaller ones first, likewise.
            Heads that tell structures read the smaller patches too, so that tokens need not carry every detail.
        position: "learned" or "sine".
        class_token: whether a class token stands first.
        num_register_tokens: further learned tokens.
        dropout: see `TransformerEncoderBlock`, as for the next ones.
        attention_dropout: rate on the attention scores.
        drop_path: stochastic depth of the last block; it grows linearly from 0 in the first.
        layer_scale: first value of LayerScale, or None.
        use_bias: bias in the attention's projections.
        epsilon: of the layer normalisations.
        gradient_checkpointing: for grids that do not fit into memory, see `TransformerEncoderBlock`.
        name: of the model.

    Raises:
        InputError: a volume that the patch does not divide, an unknown position kind.

    Source: Dosovitskiy et al. 2020 (arXiv 2010.11929); for brain MRI, Dhinagar et al. 2023 (arXiv 2303.08216).

    Example:
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> backbone.output_shape
        (None, 64, 16)
    """
    volume_shape, patch_size = _checks.triple("volume_shape", volume_shape), _checks.triple("patch_size", patch_size)
    grid = _checks.divisible(volume_shape, patch_size)
    volumes = keras.Input((*volume_shape, num_channels), name="volume")
    if stem is None:
        tokens = PatchEmbedding3D(hidden_dim, patch_size, name="patch_embedding")(volumes)
    else:
        tokens = _embed_parts(volumes, hidden_dim, patch_size, epsilon, **stem)
    tokens = PositionEmbedding3D(grid, position, name="position_embedding")(tokens)
    if num_prefix := int(class_token) + num_register_tokens:
        tokens = PrefixTokens(num_prefix, name="prefix_tokens")(tokens)
    tokens = encoder(
        tokens,
        num_layers,
        num_heads=num_heads,
        mlp_dim=mlp_dim,
        dropout=dropout,
        attention_dropout=attention_dropout,
        drop_path=drop_path,
        layer_scale=layer_scale,
        use_bias=use_bias,
        epsilon=epsilon,
        gradient_checkpointing=gradient_checkpointing,
    )
    tokens = keras.layers.LayerNormalization(epsilon=epsilon, name="norm")(tokens)
    return keras.Model(volumes, tokens, name=name)


def _embed_parts(
    volumes,
    width: int,
    whole,
    epsilon: float,
    patch_size,
    hidden_dim: int,
    num_layers: int,
    num_levels: int = 0,
    stem: Mapping | None = None,
    depth: int = 0,
):
    """Patches embedded by way of smaller ones, which may be embedded by way of smaller ones again."""
    part = _checks.triple("stem patch_size", patch_size)
    parts = _checks.divisible(whole, part, "patch_size", "stem patch_size")
    if depth == len(DETAILS):
        raise _checks.InputError("a stem's stem has no stem", f"{len(DETAILS)} or fewer", stem)
    if num_levels:
        volumes = BrightnessLevels(num_levels, name="stem_levels")(volumes)
    prefix = "finer_stem" if depth else "stem"
    if stem is None:
        details = PatchEmbedding3D(hidden_dim, part, name=f"{prefix}_embedding")(volumes)
    else:
        details = _embed_parts(volumes, hidden_dim, part, epsilon, **stem, depth=depth + 1)
    fine = _checks.divisible(volumes.shape[1:4], part)
    details = keras.layers.Reshape((*fine, hidden_dim), name=f"{prefix}_grid")(details)
    for index in range(num_layers):
        details = NeighbourBlock3D(epsilon, name=f"{prefix}_{index}")(details)
    details = keras.layers.LayerNormalization(epsilon=epsilon, name=DETAILS[depth])(details)
    return PatchEmbedding3D(width, parts, name="stem_embedding" if depth else "patch_embedding")(details)
