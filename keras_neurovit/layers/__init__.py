"""Three-dimensional layers, in keras.ops alone: the same on TensorFlow, JAX and PyTorch."""

from keras_neurovit.layers.blocks import BlockHead, Blocks3D, FoldBlocks, UnfoldBlocks
from keras_neurovit.layers.drop_path import DropPath
from keras_neurovit.layers.encoder_block import LayerScale, TransformerEncoderBlock
from keras_neurovit.layers.patch_embedding import PatchEmbedding3D
from keras_neurovit.layers.position_embedding import PositionEmbedding3D
from keras_neurovit.layers.structure_pooling import StructurePooling
from keras_neurovit.layers.structure_shares import StructureShares
from keras_neurovit.layers.tokens import PrefixTokens, TokenPooling

__all__ = [
    "BlockHead",
    "Blocks3D",
    "DropPath",
    "FoldBlocks",
    "LayerScale",
    "PatchEmbedding3D",
    "PositionEmbedding3D",
    "PrefixTokens",
    "StructurePooling",
    "StructureShares",
    "TokenPooling",
    "TransformerEncoderBlock",
    "UnfoldBlocks",
]
