"""The multiple-instance neuroimage transformer."""

from __future__ import annotations

from math import prod

import keras

from keras_neurovit import _checks
from keras_neurovit.layers import (
    Blocks3D,
    FoldBlocks,
    PatchEmbedding3D,
    PositionEmbedding3D,
    PrefixTokens,
    TokenPooling,
    UnfoldBlocks,
)
from keras_neurovit.models.encoder import encoder


def minit3d(
    volume_shape: tuple[int, int, int],
    block_size: int | tuple[int, int, int],
    patch_size: int | tuple[int, int, int],
    num_layers: int,
    num_heads: int,
    hidden_dim: int,
    mlp_dim: int,
    *,
    num_channels: int = 1,
    dropout: float = 0.0,
    attention_dropout: float = 0.0,
    drop_path: float = 0.0,
    epsilon: float = 1e-6,
    gradient_checkpointing: bool = False,
    name: str = "backbone",
) -> keras.Model:
    """A backbone: volume to one feature a block, each computed from that block's voxels alone.

    The volume is cut into blocks and each block into patches. One transformer, the same for all blocks, reads a
    block's patches and a class token; the class token is the block's feature. Every token carries an embedding of its
    block's place in the head, every patch also one of its place in the block. Attention stays inside a block, so its
    cost grows linearly with the volume. `classifier(…, pooling="blocks")` is the published head.

    Shape: (batch, x, y, z, channel) → (batch, block, hidden_dim); blocks in C order of their grid (x slowest)

    Args:
        volume_shape: voxels along (x, y, z); a multiple of the block.
        block_size: voxels a block, one number or three; a multiple of the patch.
        patch_size: voxels a patch, one number or three.
        num_layers: encoder blocks of the shared transformer.
        num_heads: attention heads an encoder block.
        hidden_dim: length of a token.
        mlp_dim: width of an encoder block's perceptron.
        num_channels: channels of the volume.
        dropout: see `TransformerEncoderBlock`, as for the next one.
        attention_dropout: rate on the attention scores.
        drop_path: stochastic depth of the last encoder block, drawn for each block of a volume; it grows linearly from
            0 in the first.
        epsilon: of the layer normalisations.
        gradient_checkpointing: for grids that do not fit into memory, see `TransformerEncoderBlock`.
        name: of the model.

    Raises:
        InputError: a volume that the block does not divide, a block that the patch does not divide.

    Source: Singla et al. 2022 (arXiv 2208.09567). Here a block's embedding is one vector for all its tokens, so that
    its table can be resized to another volume, and no encoder block is left out when predicting.

    Example:
        >>> minit3d((8, 12, 20), (4, 6, 10), 2, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32).output_shape
        (None, 8, 16)
    """
    volume_shape, block_size = _checks.triple("volume_shape", volume_shape), _checks.triple("block_size", block_size)
    block_grid = _checks.divisible(volume_shape, block_size, part="block_size")
    patch_grid = _checks.divisible(block_size, _checks.triple("patch_size", patch_size), whole="block_size")
    num_blocks = prod(block_grid)
    volumes = keras.Input((*volume_shape, num_channels), name="volume")
    blocks = Blocks3D(block_size, name="blocks")(volumes)
    tokens = PatchEmbedding3D(hidden_dim, patch_size, name="patch_embedding")(blocks)
    tokens = PositionEmbedding3D(patch_grid, name="position_embedding")(tokens)
    tokens = PrefixTokens(1, name="class_token")(tokens)
    tokens = UnfoldBlocks(num_blocks, name="unfold_tokens")(tokens)
    tokens = PositionEmbedding3D(block_grid, name="block_embedding")(tokens)
    tokens = FoldBlocks(name="fold_tokens")(tokens)
    tokens = encoder(
        tokens,
        num_layers,
        num_heads=num_heads,
        mlp_dim=mlp_dim,
        dropout=dropout,
        attention_dropout=attention_dropout,
        drop_path=drop_path,
        epsilon=epsilon,
        gradient_checkpointing=gradient_checkpointing,
    )
    # Patches are normalised too: what measures reads them.
    tokens = keras.layers.LayerNormalization(epsilon=epsilon, name="norm")(tokens)
    features = TokenPooling("class", num_prefix_tokens=1, name="block_feature")(tokens)
    features = UnfoldBlocks(num_blocks, name="unfold_features")(features)
    return keras.Model(volumes, features, name=name)
