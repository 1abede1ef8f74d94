"""From a name to a model."""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
import warnings
from pathlib import Path

import keras

from keras_neurovit import models
from keras_neurovit._checks import InputError, one_of
from keras_neurovit.layers import BlockHead
from keras_neurovit.presets.adapt import adapt_description, named_weights, transfer
from keras_neurovit.presets.half import count_numbers
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.report import Fate, LoadReport, notes_on
from keras_neurovit.presets.store import check_weights, load_preset

_log = logging.getLogger(__name__)

BACKBONES = {"minit3d": models.minit3d, "sfcn": models.sfcn, "vit3d": models.vit3d}


def from_preset(
    preset: str | os.PathLike | Preset,
    *,
    num_classes: int | None = None,
    volume_shape: tuple[int, int, int] | None = None,
    spacing_mm: float | tuple[float, float, float] | None = None,
    num_channels: int | None = None,
    patch_size: int | tuple[int, int, int] | None = None,
    load_weights: bool = True,
    dropout: float | None = None,
    drop_path: float | None = None,
    gradient_checkpointing: bool = False,
    activation: str | None = None,
    verbose: bool = True,
    with_report: bool = False,
) -> keras.Model | tuple[keras.Model, LoadReport]:
    """An ordinary Keras model from a preset, adapted to other volumes and classes in the same call.

    Shape: (batch, x, y, z, channel) → (batch, class), logits unless `activation` says otherwise; from a preset that
    measures (batch, structure), mm³

    Args:
        preset: name of a shipped preset (`list_presets()`), a preset's folder, an address such as
            `hf://org/name@revision` (see `load_preset`), or what `load_preset` returned.
        num_classes: None keeps the preset's head; 0 returns the backbone, (batch, token, hidden_dim); any other
            number, the preset's own included, gives a new, random head and keeps every weight of the backbone; on a
            preset that measures, the new head scores the volumes of structures that it measures.
        volume_shape: voxels along (x, y, z) other than the preset's; tables of positions and blocks are resized
            trilinearly. A head with pooling "blocks" has weights for each block at its place and cannot come along:
            its scores would be chance under the preset's labels, so that is an error unless `num_classes` asks for a
            new head or for none.
        spacing_mm: edges of a voxel other than the preset's. It changes no weight, but what a voxel is: pass a
            `patch_size` that covers as many millimetres as before, and a `volume_shape` that covers the head.
        num_channels: channels of a volume; the first kernel is shared out among them (`resize_channels`).
        patch_size: voxels a patch; kernels are resized so that an enlarged patch scores as before (`resize_kernel`).
        load_weights: False for random weights.
        dropout: rate before the head, in place of the preset's.
        drop_path: rate of stochastic depth, in place of the preset's.
        gradient_checkpointing: whether training keeps the input of each encoder block alone and computes the rest
            again, for grids that do not fit into memory; without dropout and stochastic depth.
        activation: "softmax" for probabilities; None for logits.
        verbose: whether to say, on standard error, what was resized or newly initialised.
        with_report: whether to return a `LoadReport` too: what became of every weight, and the description of the
            adapted model, whose `volume` is what to conform scans to.

    Raises:
        InputError: an unknown preset, weights that fail their checksum or parameter count, an architecture without
            weights while `load_weights` is True, a volume the patch does not divide or the head does not fit, an
            argument that the architecture does not have.

    Source: kernels, Beyer et al. 2022 (FlexiViT, arXiv 2212.08013); tables, Dosovitskiy et al. 2020, section 3.2.

    Example:
        >>> from_preset("vit3d_tiny", num_classes=3, load_weights=False).output_shape
        (None, 3)
        >>> wished = {"volume_shape": (128, 160, 128), "spacing_mm": 1.5, "num_channels": 2, "num_classes": 3}
        >>> model, report = from_preset("vit3d_ad", **wished, verbose=False, with_report=True)
        >>> str(report.of_kind("resized")[1])
        'backbone/position_embedding/table resized from 4×5×4 to 8×10×8'
    """
    preset = preset if isinstance(preset, Preset) else load_preset(preset)
    file = check_weights(preset) if load_weights else None
    if file is not None:
        _check_count(preset)
    if num_classes is None and not preset.labels:
        raise InputError(
            f"preset {preset.name!r} has no head", mend="Pass num_classes, or num_classes=0 for the backbone."
        )
    wishes = {"volume_shape": volume_shape, "spacing_mm": spacing_mm}
    wishes |= {"num_channels": num_channels, "patch_size": patch_size}
    adapted = adapt_description(preset, _function(preset), **wishes)
    keeps_head = num_classes is None
    rates = {"drop_path": drop_path, "gradient_checkpointing": gradient_checkpointing or None}
    backbone = build_backbone(adapted, **rates)
    model = build_model(adapted, backbone, None if keeps_head else num_classes or 1, dropout, activation)
    if file is None:
        fates = [Fate(name, "new", tuple(weight.shape)) for name, (_, weight) in named_weights(model)]
    else:
        if keeps_head:
            _check_head(preset, model)
        fates = _load(file, preset, adapted, model, backbone, keeps_head)
    if num_classes == 0:
        fates = [fate for fate in fates if fate.weight.startswith("backbone/")]
    if not keeps_head:
        adapted = dataclasses.replace(adapted, labels=(), head=adapted.class_head)
    asked = num_classes or any(wish is not None for wish in wishes.values())
    described = dataclasses.replace(adapted, folder=None) if asked or num_classes == 0 else preset
    report = LoadReport(described, tuple(fates), notes_on(preset, adapted, num_classes or 0))
    if verbose and file is not None and (asked or report.changed):
        print(report.summary(), file=sys.stderr)
    made = backbone if num_classes == 0 else model
    return (made, report) if with_report else made


def _load(
    file: Path, preset: Preset, adapted: Preset, model: keras.Model, backbone: keras.Model, keeps_head: bool
) -> list[Fate]:
    """Read the stored weights into the model they are of, and from there into the adapted one."""
    same = (preset.arguments, preset.volume.shape) == (adapted.arguments, adapted.volume.shape)
    stored, skipped = model, []
    if not (same and keeps_head):
        whole = backbone if same else build_backbone(preset)
        stored = build_model(preset, whole, None if preset.labels else 1, None, None)
        skipped = [] if preset.labels else [stored.get_layer("head")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns when a layer finds no weights
            stored.load_weights(file, objects_to_skip=skipped)
    except (ValueError, KeyError, UserWarning) as error:
        _log.debug("loading %s", file, exc_info=error)
        mend = "Its preset.json describes another model: correct it, or save the preset again."
        raise InputError(f"{file}: does not fit the model of preset {preset.name!r}", mend=mend) from None
    # What a preset measures, its own head, is what a new head starts from.
    renamed = {"structures/shares/": "head/"} if preset.measures and not keeps_head else {}
    return transfer(stored, model, renamed, new_head=not keeps_head)


def _function(preset: Preset):
    return BACKBONES[one_of("model", preset.model, BACKBONES)]


def build_backbone(preset: Preset, **wishes) -> keras.Model:
    """A preset's backbone with random weights; `wishes` other than None replace its arguments.

    Shape: (batch, x, y, z, channel) → (batch, token, hidden_dim)
    """
    function = _function(preset)
    arguments = dict(preset.arguments) | {name: value for name, value in wishes.items() if value is not None}
    try:
        return function(preset.volume.shape, **arguments)
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


def _check_count(preset: Preset) -> None:
    try:
        held = count_numbers(preset.folder / name for name in preset.weights.all_files)
    except OSError as error:  # the checksum is right: the file was never one of weights
        mend = "Publish the preset again."
        raise InputError(f"{preset.weights_path}: is no weights file ({error})", mend=mend) from None
    if held != preset.weights.parameters:
        raise InputError(f"{preset.weights_path}: holds another number of parameters", preset.weights.parameters, held)


def _check_head(preset: Preset, model: keras.Model) -> None:
    shape = model.input_shape[1:4]
    if isinstance(model.get_layer("head"), BlockHead) and shape != preset.volume.shape:
        mend = "Pass num_classes for a new head, or num_classes=0 for the backbone."
        what = f"the head of preset {preset.name!r} has weights for each block of its volume and fits no other"
        raise InputError(what, preset.volume.shape, shape, mend)
