"""A preset's weights in a model of another shape."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from math import prod

import keras
import numpy as np

from keras_neurovit import _checks
from keras_neurovit._checks import InputError
from keras_neurovit.layers import PatchEmbedding3D, PositionEmbedding3D
from keras_neurovit.layers.patch_embedding import resize_channels, resize_kernel
from keras_neurovit.layers.position_embedding import resize_table
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.report import Fate
from keras_neurovit.volumes import VolumeContract


def adapt_description(
    preset: Preset,
    function,
    *,
    volume_shape: tuple[int, int, int] | None = None,
    spacing_mm: float | tuple[float, float, float] | None = None,
    num_channels: int | None = None,
    patch_size: int | tuple[int, int, int] | None = None,
) -> Preset:
    """A preset's description of a model that reads other volumes; what is None stays.

    Args:
        preset: to adapt.
        function: of its backbone.
        volume_shape: voxels along (x, y, z).
        spacing_mm: edge of a voxel.
        num_channels: of a volume.
        patch_size: voxels a patch; a stem's smaller patches are scaled with it.

    Raises:
        InputError: an architecture that has no such argument, numbers that are not positive, a stem's patch that would
            not be whole.
    """
    contract = VolumeContract(
        spacing_mm=preset.volume.spacing_mm if spacing_mm is None else spacing_mm,
        shape=preset.volume.shape if volume_shape is None else volume_shape,
        brain_extracted=preset.volume.brain_extracted,
    )
    contract = dataclasses.replace(preset.volume, spacing_mm=contract.spacing_mm, shape=contract.shape)
    arguments, wished = dict(preset.arguments), {}
    if num_channels is not None:
        wished["num_channels"] = int(_checks.between("num_channels", num_channels, 1, 10_000))
    if patch_size is not None:
        wished["patch_size"] = _checks.triple("patch_size", patch_size)
    for name in wished.keys() - inspect.signature(function).parameters.keys():
        raise InputError(f"preset {preset.name!r} cannot take another {name}: {preset.model} has none")
    if patch_size is not None and arguments.get("stem"):
        arguments["stem"] = _scaled_stem(arguments["stem"], arguments["patch_size"], wished["patch_size"])
    arguments |= wished
    adapted = dataclasses.replace(preset, volume=contract, arguments=arguments)
    if not preset.measures or "means" not in preset.head:
        return adapted
    # What is measured is standardised in cells: of another size, another number of them makes the same volume.
    shift = float(np.log(cell_mm3(preset) / cell_mm3(adapted)))
    means = [mean + shift for mean in preset.head["means"]] if shift else preset.head["means"]
    return dataclasses.replace(adapted, head={**preset.head, "means": means})


def cell_mm3(preset: Preset) -> float:
    """Volume of one of the cells in which a preset that measures tells structures."""
    part = _checks.triple("patch_size", preset.arguments.get("block_size", preset.arguments["patch_size"]))
    return prod(
        voxels / preset.head["cells"] * edge for voxels, edge in zip(part, preset.volume.spacing_mm, strict=True)
    )


def transfer(old: keras.Model, new: keras.Model, renamed: dict[str, str], new_head: bool) -> list[Fate]:
    """Give one model the weights of another, resized where it is of another shape.

    Args:
        old: with the stored weights.
        new: of the same layers.
        renamed: where a layer of `new` takes another's weights: its name → the name in `old`.
        new_head: whether the layer `head` keeps its random weights.

    Raises:
        InputError: a weight that no rule fits; names it.
    """
    stored, fates = dict(named_weights(old)), []
    for name, (layer, weight) in named_weights(new):
        if new_head and name.startswith("head/"):
            fates.append(Fate(name, "new", shape=tuple(weight.shape)))
            continue
        source = next(
            (there + name.removeprefix(here) for here, there in renamed.items() if name.startswith(here)), name
        )
        if source not in stored:
            mend = "Pass num_classes for a new head, or load the preset as it is."
            raise InputError(f"weight {name} is not among the preset's", mend=mend)
        before, variable = stored[source]
        if variable is weight:
            fates.append(Fate(name, "loaded", shape=tuple(weight.shape)))
            continue
        values = keras.ops.convert_to_numpy(variable)
        fitted, sizes = _fit(layer, before, values, new.input_shape[-1])
        if tuple(fitted.shape) != tuple(weight.shape):
            raise InputError(f"weight {name} cannot be resized", tuple(weight.shape), tuple(values.shape))
        weight.assign(fitted)
        fates.append(Fate(name, "resized" if sizes else "loaded", tuple(weight.shape), *sizes))
    return fates


def named_weights(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, tuple[keras.Layer, keras.Variable]]]:
    """Every weight of a model with its layer, named after the layers that it lies in."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from named_weights(layer, f"{prefix}{layer.name}/")
            continue
        for weight in layer.weights:
            inner = weight.path.split(f"{layer.name}/", 1)[-1]
            yield f"{prefix}{layer.name}/{inner}", (layer, weight)


def _fit(layer: keras.Layer, before: keras.Layer, values: np.ndarray, channels: int) -> tuple[np.ndarray, tuple]:
    """Values that fit a layer of a model with so many channels, and from which sizes to which they were brought."""
    if isinstance(layer, PositionEmbedding3D) and layer.grid != before.grid:
        return resize_table(values, before.grid, layer.grid), (before.grid, layer.grid)
    if values.ndim != 5 or not isinstance(layer, PatchEmbedding3D | keras.layers.Conv3D):
        return values, ()
    wanted = tuple(layer.kernel.shape)
    if wanted == values.shape:
        return values, ()
    fitted = values
    if wanted[:3] != values.shape[:3]:
        fitted = resize_kernel(fitted, wanted[:3])
    if wanted[3] != values.shape[3]:
        kinds = wanted[3] // channels  # what a stem is told of each channel: its brightness, how far above each level
        fitted = fitted.reshape(*wanted[:3], kinds, -1, wanted[4])
        fitted = resize_channels(fitted, channels).reshape(wanted)
    return fitted, (values.shape[:4], wanted[:4])


def _scaled_stem(stem: dict, old, new: tuple[int, int, int]) -> dict:
    """A stem, and its stem, as their patches are in a patch of another size."""
    whole, part = _checks.triple("patch_size", old), _checks.triple("stem patch_size", stem["patch_size"])
    exact = [p * after / before for p, after, before in zip(part, new, whole, strict=True)]
    if any(size != int(size) for size in exact):
        fewest = tuple(before // p for p, before in zip(part, whole, strict=True))
        mend = f"Choose multiples of {fewest}, the smaller patches along each edge."
        raise InputError("patch_size does not scale the stem's patches to whole voxels", None, new, mend)
    scaled = {**stem, "patch_size": [int(size) for size in exact]}
    if stem.get("stem"):
        scaled["stem"] = _scaled_stem(stem["stem"], part, scaled["patch_size"])
    return scaled
