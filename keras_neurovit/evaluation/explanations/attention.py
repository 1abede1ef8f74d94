"""Explanations by what a vision transformer attends to."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation.explanations.gradients import input_gradients
from keras_neurovit.layers import Blocks3D, StructurePooling, TransformerEncoderBlock
from keras_neurovit.models.grid import DETAILS, prefix_tokens, token_grid


def attention_rollout(model: keras.Model, volume: np.ndarray) -> np.ndarray:
    """How much each patch flows into what the head pools, by following attention through all blocks.

    It tells where a model looks, whatever the label, and not whether what it sees speaks for it or against it.

    Shape: (x, y, z, 1) → the patches' grid (i, j, k), shares that sum to 1

    Args:
        model: a `vit3d` with a head.
        volume: conformed.

    Raises:
        InputError: a model whose attention does not reach over the whole volume.

    Source: Abnar & Zuidema 2020 (arXiv 2005.00928), equation 1, with the mean over heads.
    """
    backbone = _transformer(model)
    _, attention = _with_attention(backbone)
    flow = None
    for scores in attention(volume[None].astype("float32")):
        mean = scores[0].mean(axis=0)
        step = 0.5 * mean + 0.5 * np.eye(len(mean))
        flow = step if flow is None else step @ flow
    shares = _pooled(model, flow)
    return (shares / shares.sum()).reshape(token_grid(backbone))


def gradient_attention(model: keras.Model, volume: np.ndarray, score: Callable) -> np.ndarray:
    """Which patches' attention speaks for a label: attention times its gradient, followed through all blocks.

    Shape: (x, y, z, 1) → the patches' grid (i, j, k), 0 and more

    Args:
        model: a `vit3d` with a head.
        volume: conformed.
        score: from the model's outputs to one number a row, (batch, 1).

    Raises:
        InputError: as `attention_rollout`.

    Source: Chefer et al. 2021 (arXiv 2103.15679), equations 5 and 6.
    """
    backbone = _transformer(model)
    nudged, attention = _with_attention(backbone)
    outputs, *details = nudged.outputs
    for layer in model.layers[model.layers.index(backbone) + 1 :]:  # pooling, dropout, head
        if isinstance(layer, StructurePooling):
            outputs = layer(outputs[:, prefix_tokens(backbone) :], *details)
        else:
            outputs = layer(outputs)
    whole, rows = keras.Model(nudged.inputs, outputs), volume[None].astype("float32")
    maps = attention(rows)
    gradients = input_gradients(whole, [rows, *map(np.zeros_like, maps)], score)[1:]
    relevance = np.eye(maps[0].shape[-1], dtype="float32")
    for scores, gradient in zip(maps, gradients, strict=True):
        relevance = relevance + np.maximum(gradient * scores[0], 0).mean(axis=0) @ relevance
    relevance -= np.eye(len(relevance), dtype="float32")  # every token's own, which is the same for all
    return _pooled(model, relevance).reshape(token_grid(backbone))


def _transformer(model: keras.Model) -> keras.Model:
    """A model's backbone, if its attention reaches over the whole volume."""
    backbone = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
    has_blocks = any(isinstance(layer, TransformerEncoderBlock) for layer in backbone.layers)
    if not has_blocks or any(isinstance(layer, Blocks3D) for layer in backbone.layers):
        mend = "Use occlusion or integrated gradients, which work for every model."
        raise InputError(f"{model.name} has no attention over the whole volume", "a vit3d", mend=mend)
    return backbone


def _with_attention(backbone: keras.Model) -> tuple[keras.Model, Callable]:
    """The backbone with nudges to its attention as inputs, a stem's details as output; and what tells attention."""
    tokens = volumes = keras.Input(backbone.input_shape[1:], name="volume")
    nudges, told, details = [], [], {}
    for layer in backbone.layers[1:]:  # `vit3d` is a chain
        if not isinstance(layer, TransformerEncoderBlock):
            tokens = layer(tokens)
            details |= {layer.name: tokens} if layer.name in DETAILS else {}
            continue
        nudges.append(keras.Input((layer.num_heads, *[tokens.shape[1]] * 2), name=f"{layer.name}_nudge"))
        tokens, scores = _Attending(layer, name=f"{layer.name}_attending")([tokens, nudges[-1]])
        told.append(scores)
    nudged = keras.Model([volumes, *nudges], [tokens, *(details[name] for name in DETAILS if name in details)])
    plain = keras.Model(nudged.inputs, told)

    def attention(rows: np.ndarray) -> list[np.ndarray]:
        zeros = [np.zeros((len(rows), *nudge.shape[1:]), "float32") for nudge in nudges]
        return [ops.convert_to_numpy(scores) for scores in plain([rows, *zeros], training=False)]

    return nudged, attention


class _Attending(keras.layers.Layer):
    """A block of another model, its attention told and nudged."""

    def __init__(self, block: TransformerEncoderBlock, **kwargs):
        super().__init__(**kwargs)
        self.block = block
        self.built = True

    def call(self, inputs):
        return self.block.attend(*inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


def _pooled(model: keras.Model, flow: np.ndarray) -> np.ndarray:
    """What flows from patches into the tokens that the head pools. Shape: (token, token) → (patch,)"""
    backbone = _transformer(model)
    prefix = prefix_tokens(backbone)
    pooling = next((layer for layer in model.layers if layer.name == "pooling"), None)
    rows = flow[:1] if pooling is not None and pooling.kind == "class" else flow[prefix:]
    return rows.mean(axis=0)[prefix:]
