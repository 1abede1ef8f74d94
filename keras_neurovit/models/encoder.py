"""The stack of encoder blocks that the transformers share."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit.layers import TransformerEncoderBlock


def encoder(tokens: keras.KerasTensor, num_layers: int, *, drop_path: float = 0.0, **options) -> keras.KerasTensor:
    """Tokens through encoder blocks named `block_0`, `block_1`, …

    Shape: (batch, token, hidden_dim) → (batch, token, hidden_dim)

    Args:
        tokens: symbolic, inside a functional model.
        num_layers: encoder blocks.
        drop_path: stochastic depth of the last block; it grows linearly from 0 in the first.
        options: of every `TransformerEncoderBlock`.

    Source: depth growing linearly, Huang et al. 2016 (arXiv 1603.09382), section 3.

    Example:
        >>> encoder(keras.Input((5, 16)), num_layers=3, num_heads=2, mlp_dim=32).shape
        (None, 5, 16)
    """
    for index, rate in enumerate(np.linspace(0.0, drop_path, num_layers)):
        tokens = TransformerEncoderBlock(drop_path=float(rate), name=f"block_{index}", **options)(tokens)
    return tokens
