"""A head on a backbone."""

from __future__ import annotations

import keras

from keras_neurovit import _checks
from keras_neurovit.layers import PrefixTokens, TokenPooling


def classifier(
    backbone: keras.Model,
    num_classes: int,
    *,
    pooling: str = "mean",
    dropout: float = 0.0,
    activation: str | None = None,
    name: str = "classifier",
) -> keras.Model:
    """Pool a backbone's tokens and score the classes.

    The backbone stays one layer of the model (`model.get_layer("backbone")`), so that heads can be swapped and the
    backbone frozen as a whole. The head computes in float32 under any dtype policy.

    Shape: (batch, x, y, z, channel) → (batch, num_classes)

    Args:
        backbone: a model that returns tokens, for example from `vit3d`.
        num_classes: columns of the output.
        pooling: "mean", "class" or "attention"; see `TokenPooling`.
        dropout: rate before the head.
        activation: None for logits, "softmax" for probabilities.
        name: of the model.

    Raises:
        InputError: fewer than one class; pooling "class" on a backbone without a class token.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> classifier(backbone, num_classes=3).output_shape
        (None, 3)
    """
    if num_classes < 1:
        raise _checks.InputError("num_classes is unusable", expected="1 or more", received=num_classes)
    prefix = sum(layer.num_tokens for layer in backbone.layers if isinstance(layer, PrefixTokens))
    volumes = keras.Input(backbone.input_shape[1:], name="volume")
    features = TokenPooling(pooling, num_prefix_tokens=prefix, name="pooling")(backbone(volumes))
    features = keras.layers.Dropout(dropout, name="head_dropout")(features)
    scores = keras.layers.Dense(num_classes, activation=activation, dtype="float32", name="head")(features)
    return keras.Model(volumes, scores, name=name)
