"""What everything public must keep, run over the public lists so that a new layer cannot dodge it."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit import augmentation, layers

VOLUMES, TOKENS = (2, 8, 12, 20, 1), (2, 64, 24)  # patch (2, 3, 5): grid (4, 4, 4)
CELLS = (2, 4, 3, 5, 8)

LAYERS = {
    "BlockDetails": (lambda: layers.BlockDetails((1, 1, 1), (7, 3, 3)), TOKENS),
    "BlockHead": (lambda: layers.BlockHead(3), TOKENS),
    "Blocks3D": (lambda: layers.Blocks3D((4, 6, 10)), VOLUMES),
    "BrightnessLevels": (lambda: layers.BrightnessLevels(3), VOLUMES),
    "DropPath": (lambda: layers.DropPath(0.5, seed=1), TOKENS),
    "FoldBlocks": (layers.FoldBlocks, TOKENS),
    "LayerScale": (lambda: layers.LayerScale(0.1), TOKENS),
    "NeighbourBlock3D": (layers.NeighbourBlock3D, CELLS),
    "PatchEmbedding3D": (lambda: layers.PatchEmbedding3D(24, (2, 3, 5)), VOLUMES),
    "PositionEmbedding3D": (lambda: layers.PositionEmbedding3D((4, 4, 4)), TOKENS),
    "PrefixTokens": (lambda: layers.PrefixTokens(2), TOKENS),
    "StructurePooling": (lambda: layers.StructurePooling((4, 4, 4), 2, [0.0, 1.0, 2.0], [1.0, 2.0, 1.0]), TOKENS),
    "StructureShares": (lambda: layers.StructureShares(3, (4, 4, 4), 2), TOKENS),
    "TokenPooling": (lambda: layers.TokenPooling("attention", num_prefix_tokens=1), TOKENS),
    "TransformerEncoderBlock": (lambda: layers.TransformerEncoderBlock(2, 48, layer_scale=0.1), TOKENS),
    "UnfoldBlocks": (lambda: layers.UnfoldBlocks(2), TOKENS),
    "RandomFlip3D": (lambda: augmentation.RandomFlip3D(seed=1), VOLUMES),
    "RandomAffine3D": (lambda: augmentation.RandomAffine3D(seed=1), VOLUMES),
    "RandomElastic3D": (lambda: augmentation.RandomElastic3D(0.4, seed=1), VOLUMES),
    "RandomGamma3D": (lambda: augmentation.RandomGamma3D(seed=1), VOLUMES),
    "RandomBiasField3D": (lambda: augmentation.RandomBiasField3D(seed=1), VOLUMES),
    "RandomNoise3D": (lambda: augmentation.RandomNoise3D(seed=1), VOLUMES),
    "RandomBlur3D": (lambda: augmentation.RandomBlur3D(seed=1), VOLUMES),
    "RandomAnisotropy3D": (lambda: augmentation.RandomAnisotropy3D(rate=0.5, seed=1), VOLUMES),
    "RandomGhosting3D": (lambda: augmentation.RandomGhosting3D(rate=0.5, seed=1), VOLUMES),
    "RandomCutout3D": (lambda: augmentation.RandomCutout3D(seed=1), VOLUMES),
}


def public_layers() -> set[str]:
    """Names of every public layer of one input."""
    found = set()
    for room in (layers, augmentation):
        found |= {
            n for n in room.__all__ if isinstance(c := getattr(room, n), type) and issubclass(c, keras.layers.Layer)
        }
    several = {
        "MixUp3D",
        "CutMix3D",
        "PutBack",
        "RandomPatchMask",
        "SeenTokens",
    }  # inputs or outputs: tested where used
    return found - {"RandomTransform3D"} - several  # the former is abstract


def sample(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers to put through a layer."""
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def run(layer, values, **arguments) -> np.ndarray:
    """A layer's output as NumPy."""
    return keras.ops.convert_to_numpy(layer(values, **arguments))
