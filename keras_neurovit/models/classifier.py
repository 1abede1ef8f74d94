"""A head on a backbone."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from keras_neurovit import _checks
from keras_neurovit.layers import BlockHead, StructurePooling, TokenPooling
from keras_neurovit.models.grid import prefix_tokens, token_grid, tokens_and_details, tokens_of

POOLINGS = ("mean", "class", "attention", "blocks", "structures", "distilled")


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
            "structures" measures structures and scores their volumes, see `StructurePooling`; "distilled" averages the
            scores of the class token and of the first register token, which learns from a teacher's scores where
            `Options(teacher=…)` gives one.
        structures: keyword arguments of `StructurePooling` (cells, means, deviations), for pooling "structures".
        dropout: rate before the head.
        activation: None for logits, "softmax" for probabilities.
        name: of the model.

    Raises:
        InputError: fewer than one class; pooling "class" on a backbone without a class token, "distilled" on one
            without a register token too, "blocks" on one with such tokens.

    Source: distillation token, Touvron et al. 2021 (DeiT, arXiv 2012.12877), section 4.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> classifier(backbone, num_classes=3).output_shape
        (None, 3)
    """
    if num_classes < 1 or num_classes != int(num_classes):
        raise _checks.InputError("num_classes is unusable", expected="a whole number, 1 or more", received=num_classes)
    _checks.one_of("pooling", pooling, POOLINGS)
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
    elif pooling == "distilled":
        return _distilled(backbone, volumes, num_classes, dropout, activation, name)
    else:
        features = TokenPooling(pooling, num_prefix_tokens=prefix, name="pooling")(tokens_of(backbone, volumes))
        head = keras.layers.Dense(num_classes, activation=activation, dtype="float32", name="head")
    features = keras.layers.Dropout(dropout, name="head_dropout")(features)
    return keras.Model(volumes, head(features), name=name)


def _distilled(backbone: keras.Model, volumes, num_classes: int, dropout: float, activation, name: str) -> keras.Model:
    """Two heads, on two tokens; while a teacher is learnt from, each has a loss of its own."""
    if (prefix := prefix_tokens(backbone)) < 2:
        mend = "Build the model with class_token=True, num_register_tokens=1."
        raise _checks.InputError("pooling 'distilled' needs a class and a register token", "2 or more", prefix, mend)
    tokens, scores = tokens_of(backbone, volumes), []
    for place, head in enumerate(("head", "distillation_head")):
        feature = keras.layers.Dropout(dropout, name=f"{head}_dropout")(tokens[:, place])
        scores.append(keras.layers.Dense(num_classes, dtype="float32", name=head)(feature))
    both = keras.layers.Average(dtype="float32", name="both_heads")(scores)
    if activation:
        both = keras.layers.Activation(activation, dtype="float32", name="activation")(both)
    return keras.Model(volumes, both, name=name)
