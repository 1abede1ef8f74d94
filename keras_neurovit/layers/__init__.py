"""Three-dimensional layers, in keras.ops alone: the same on TensorFlow, JAX and PyTorch."""

from keras_neurovit.layers.blocks import BlockDetails, BlockHead, Blocks3D, FoldBlocks, UnfoldBlocks
from keras_neurovit.layers.brightness_levels import BrightnessLevels
from keras_neurovit.layers.drop_path import DropPath
from keras_neurovit.layers.encoder_block import LayerScale, TransformerEncoderBlock
from keras_neurovit.layers.neighbour_block import NeighbourBlock3D
from keras_neurovit.layers.patch_embedding import PatchEmbedding3D
from keras_neurovit.layers.patch_mask import PutBack, RandomPatchMask, SeenTokens
from keras_neurovit.layers.patches import patch_statistics, patches_of, volume_of
from keras_neurovit.layers.position_embedding import PositionEmbedding3D
from keras_neurovit.layers.structure_pooling import StructurePooling
from keras_neurovit.layers.structure_shares import StructureShares
from keras_neurovit.layers.tokens import PrefixTokens, TokenPooling

__all__ = [
    "BlockDetails",
    "BlockHead",
    "Blocks3D",
    "BrightnessLevels",
    "DropPath",
    "FoldBlocks",
    "LayerScale",
    "NeighbourBlock3D",
    "PatchEmbedding3D",
    "PositionEmbedding3D",
    "PrefixTokens",
    "PutBack",
    "RandomPatchMask",
    "SeenTokens",
    "StructurePooling",
    "StructureShares",
    "TokenPooling",
    "TransformerEncoderBlock",
    "UnfoldBlocks",
    "patch_statistics",
    "patches_of",
    "volume_of",
]
