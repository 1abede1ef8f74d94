"""Three-dimensional layers, in keras.ops alone: the same on TensorFlow, JAX and PyTorch."""

from keras_neurovit.layers.drop_path import DropPath
from keras_neurovit.layers.encoder_block import LayerScale, TransformerEncoderBlock
from keras_neurovit.layers.patch_embedding import PatchEmbedding3D
from keras_neurovit.layers.position_embedding import PositionEmbedding3D
from keras_neurovit.layers.tokens import PrefixTokens, TokenPooling

__all__ = [
    "DropPath",
    "LayerScale",
    "PatchEmbedding3D",
    "PositionEmbedding3D",
    "PrefixTokens",
    "TokenPooling",
    "TransformerEncoderBlock",
]
