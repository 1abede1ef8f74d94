"""A head on a backbone."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from keras_neurovit import _checks
from keras_neurovit.layers import BlockHead, StructurePooling, TokenPooling
from keras_neurovit.models.grid import prefix_tokens, token_grid, tokens_and_details, tokens_of


def classifier(
    backbone: keras.Model,
    num_classes: int,
    *,
    pooling: str = "mean",
    structures: Mapping | None = None,
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
        pooling: "mean", "class" or "attention", see `TokenPooling`, then a linear layer; "blocks" scores each token, a
            block of `minit3d`, and then the volume, see `BlockHead`; its weights fit one volume shape alone;
            "structures" measures structures and scores their volumes, see `StructurePooling`.
        structures: keyword arguments of `StructurePooling` (cells, means, deviations), for pooling "structures".
        dropout: rate before the head.
        activation: None for logits, "softmax" for probabilities.
        name: of the model.

    Raises:
        InputError: fewer than one class; pooling "class" on a backbone without a class token, "blocks" on one with
            such tokens.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> classifier(backbone, num_classes=3).output_shape
        (None, 3)
    """
    if num_classes < 1 or num_classes != int(num_classes):
        raise _checks.InputError("num_classes is unusable", expected="a whole number, 1 or more", received=num_classes)
    _checks.one_of("pooling", pooling, ("mean", "class", "attention", "blocks", "structures"))
    prefix = prefix_tokens(backbone)
    volumes = keras.Input(backbone.input_shape[1:], name="volume")
    if pooling == "blocks":
        if prefix:
            mend = "Take a backbone of minit3d, or pooling 'class' or 'mean'."
            raise _checks.InputError("pooling 'blocks' takes no class or register tokens", 0, prefix, mend)
        features = tokens_of(backbone, volumes)
        head = BlockHead(num_classes, activation=activation, dtype="float32", name="head")
    elif pooling == "structures":
        if structures is None:
            mend = "Start from a preset that measures, such as vit3d_brain."
            raise _checks.InputError("pooling 'structures' needs to know them", "cells, means, deviations", None, mend)
        pool = StructurePooling(token_grid(backbone), dtype="float32", name="structures", **structures)
        features = pool(*tokens_and_details(backbone, volumes))
        head = keras.layers.Dense(num_classes, activation=activation, dtype="float32", name="head")
    else:
        features = TokenPooling(pooling, num_prefix_tokens=prefix, name="pooling")(tokens_of(backbone, volumes))
        head = keras.layers.Dense(num_classes, activation=activation, dtype="float32", name="head")
    features = keras.layers.Dropout(dropout, name="head_dropout")(features)
    return keras.Model(volumes, head(features), name=name)
