"""From a name to a model."""

from __future__ import annotations

import logging
import os
import sys
import warnings

import keras

from keras_neurovit import models
from keras_neurovit._checks import InputError, one_of
from keras_neurovit.layers import BlockHead, PositionEmbedding3D
from keras_neurovit.presets.half import count_numbers
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.store import check_weights, load_preset

_log = logging.getLogger(__name__)

BACKBONES = {"minit3d": models.minit3d, "sfcn": models.sfcn, "vit3d": models.vit3d}


def from_preset(
    preset: str | os.PathLike | Preset,
    *,
    num_classes: int | None = None,
    volume_shape: tuple[int, int, int] | None = None,
    load_weights: bool = True,
    dropout: float | None = None,
    drop_path: float | None = None,
    activation: str | None = None,
    verbose: bool = True,
) -> keras.Model:
    """An ordinary Keras model from a preset.

    Shape: (batch, x, y, z, channel) → (batch, class), logits unless `activation` says otherwise; from a preset that
    measures (batch, structure), mm³

    Args:
        preset: name of a shipped preset (`list_presets()`), a preset's folder, or what `load_preset` returned.
        num_classes: None keeps the preset's head; 0 returns the backbone, (batch, token, hidden_dim); any other
            number, the preset's own included, gives a new, random head and keeps every weight of the backbone; on a
            preset that measures, the new head scores the volumes of structures that it measures.
        volume_shape: voxels along (x, y, z) other than the preset's; tables of positions and blocks are resized
            trilinearly. A head with pooling "blocks" has weights for each block at its place and cannot come along:
            its scores would be chance under the preset's labels, so that is an error unless `num_classes` asks for a
            new head or for none.
        load_weights: False for random weights.
        dropout: rate before the head, in place of the preset's.
        drop_path: rate of stochastic depth, in place of the preset's.
        activation: "softmax" for probabilities; None for logits.
        verbose: whether to say, on standard error, what was resized or newly initialised.

    Raises:
        InputError: an unknown preset, weights that fail their checksum or parameter count, an architecture without
            weights while `load_weights` is True, a volume the patch does not divide or the head does not fit.

    Example:
        >>> from_preset("vit3d_tiny", num_classes=3, load_weights=False).output_shape
        (None, 3)
    """
    preset = preset if isinstance(preset, Preset) else load_preset(preset)
    file = check_weights(preset) if load_weights else None
    if file is not None and (held := count_numbers(file)) != preset.weights.parameters:
        raise InputError(f"{file}: holds another number of parameters", preset.weights.parameters, held)
    if num_classes is None and not preset.labels:
        raise InputError(
            f"preset {preset.name!r} has no head", mend="Pass num_classes, or num_classes=0 for the backbone."
        )
    keeps_head = num_classes is None
    backbone = build_backbone(preset, volume_shape=volume_shape, drop_path=drop_path)
    model = build_model(preset, backbone, None if keeps_head else num_classes or 1, dropout, activation)
    if file is not None:
        if keeps_head:
            _check_head(preset, model)
        # What a preset measures is loaded with its own head, whose weights a new head then starts from.
        stored = build_model(preset, backbone, None, None, None) if preset.measures and not keeps_head else model
        skipped = [] if keeps_head or preset.measures else [model.get_layer("head")]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)  # Keras only warns when a layer finds no weights
                stored.load_weights(file, objects_to_skip=skipped)
        except (ValueError, KeyError, UserWarning) as error:
            _log.debug("loading %s", file, exc_info=error)
            mend = "Its preset.json describes another model: correct it, or save the preset again."
            raise InputError(f"{file}: does not fit the model of preset {preset.name!r}", mend=mend) from None
        if stored is not model:
            model.get_layer("structures").set_weights(stored.get_layer("head").get_weights())
        if verbose:
            _tell(preset, backbone, new_classes=num_classes)
    return backbone if num_classes == 0 else model


def build_backbone(preset: Preset, *, volume_shape=None, drop_path=None) -> keras.Model:
    """A preset's backbone with random weights.

    Shape: (batch, x, y, z, channel) → (batch, token, hidden_dim)
    """
    function = BACKBONES[one_of("model", preset.model, BACKBONES)]
    arguments = dict(preset.arguments) | ({} if drop_path is None else {"drop_path": drop_path})
    try:
        return function(volume_shape or preset.volume.shape, **arguments)
    except TypeError as error:
        raise InputError(f"preset {preset.name!r}: its arguments do not fit {preset.model} ({error})") from None


def build_model(preset: Preset, backbone: keras.Model, num_classes: int | None, dropout, activation) -> keras.Model:
    """A preset's head, or with `num_classes` a new one, with random weights on a backbone.

    Shape: (batch, x, y, z, channel) → (batch, class), or (batch, structure) in mm³
    """
    if preset.measures and num_classes is None:
        if activation or dropout:
            raise InputError(f"preset {preset.name!r} measures volumes", "no activation and no dropout")
        return models.measurer(backbone, len(preset.labels), preset.volume.spacing_mm, cells=preset.head["cells"])
    head = preset.class_head | {"activation": activation} | ({} if dropout is None else {"dropout": dropout})
    return models.classifier(backbone, num_classes or len(preset.labels), **head)


def _check_head(preset: Preset, model: keras.Model) -> None:
    shape = model.input_shape[1:4]
    if isinstance(model.get_layer("head"), BlockHead) and shape != preset.volume.shape:
        mend = "Pass num_classes for a new head, or num_classes=0 for the backbone."
        what = f"the head of preset {preset.name!r} has weights for each block of its volume and fits no other"
        raise InputError(what, preset.volume.shape, shape, mend)


def _tell(preset: Preset, backbone: keras.Model, new_classes: int | None) -> None:
    for layer in backbone.layers:
        if isinstance(layer, PositionEmbedding3D) and layer.resized_from:
            old, new = ("×".join(map(str, grid)) for grid in (layer.resized_from, layer.grid))
            print(f"{preset.name}: {layer.name} resized from {old} to {new}", file=sys.stderr)
    if new_classes:
        print(f"{preset.name}: new head of {new_classes} classes, randomly initialised", file=sys.stderr)
