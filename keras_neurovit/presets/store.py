"""Finding presets, checking their files, and writing new ones."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import keras

from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import published
from keras_neurovit.presets.half import copy_half
from keras_neurovit.presets.preset import Preset, Weights

SHIPPED = Path(__file__).parent


def list_presets() -> list[str]:
    """Names of the presets that come with the package.

    Example:
        >>> "vit3d_ad" in list_presets()
        True
    """
    return sorted(file.parent.name for file in SHIPPED.glob("*/preset.json"))


def load_preset(preset: str | os.PathLike) -> Preset:
    """The description of a preset, without building its model.

    Args:
        preset: name of a shipped preset, or a folder that holds `preset.json`.

    Raises:
        InputError: an unknown name (lists the known, suggests the nearest), a folder without `preset.json`.

    Example:
        >>> load_preset("vit3d_ad").labels
        ('CN', 'AD')
    """
    folder = Path(preset)
    if folder.is_dir() and (isinstance(preset, os.PathLike) or str(preset) not in list_presets()):
        if not (folder / "preset.json").is_file():
            raise InputError(f"{folder}: is no preset", expected="a folder that holds preset.json")
        return Preset.from_json(folder / "preset.json")
    if isinstance(preset, os.PathLike) or len(folder.parts) > 1:
        raise InputError(f"{preset}: no such preset folder", mend="Check the path, or give a shipped preset's name.")
    return Preset.from_json(SHIPPED / one_of("preset", str(preset), list_presets()) / "preset.json")


def check_weights(preset: Preset) -> Path:
    """The weights file of a preset, if it is the one its `preset.json` describes.

    Raises:
        InputError: no weights, a missing file, a checksum that differs.
    """
    if preset.weights is None:
        mend = "Start from random weights: load_weights=False, or `train --scratch`."
        raise InputError(f"preset {preset.name!r} is an architecture without weights", mend=mend)
    file = preset.weights_path
    if not file.is_file():
        raise InputError(
            f"{file}: the weights of preset {preset.name!r} are missing", mend="Reinstall or copy them again."
        )
    found = file_sha256(file)
    if found != preset.weights.sha256:
        raise InputError(
            f"{file}: is not the file that preset {preset.name!r} was published with",
            expected=f"SHA-256 {preset.weights.sha256}",
            received=found,
            mend="The file is damaged or was replaced: reinstall the package or copy the preset again.",
        )
    return file


def save_to_preset(model: keras.Model, folder: str | os.PathLike, preset: Preset) -> Preset:
    """Write a model's weights, in half precision, and its description as a preset folder.

    Args:
        model: built as `preset` says, for example by `from_preset`.
        folder: created if need be; an older preset in it is replaced.
        preset: the description; `dataclasses.replace(load_preset(name), name=…, labels=…)` makes a new one. Its weights
            and folder are filled in.

    Returns:
        The description as written, ready for `from_preset(folder)`.

    Raises:
        InputError: the model has no head, or not one output a label; weights that are not finite.
    """
    folder = Path(folder)
    if preset.labels and model.output_shape[-1] != len(preset.labels):
        raise InputError("labels do not match the model", f"{model.output_shape[-1]} labels", list(preset.labels))
    if not any(layer.name == "head" for layer in model.layers):
        raise InputError("only a model with a head can be saved as a preset", mend="Put one on with models.classifier.")
    folder.mkdir(parents=True, exist_ok=True)
    full = folder / f".{os.getpid()}.weights.h5"
    try:
        model.save_weights(full)
        # Weights first: a kill in between leaves a checksum that refuses them, never a description of other weights.
        with published(folder / "model.weights.h5") as half:
            copy_half(full, half)
            licence = preset.weights.licence if preset.weights else "Apache-2.0"
            weights = Weights(file_sha256(half), model.count_params(), licence)
    finally:
        full.unlink(missing_ok=True)
    described = dataclasses.replace(preset, weights=weights, folder=folder)
    for name in ("golden.npz", "errors.json"):  # of the weights that were
        (folder / name).unlink(missing_ok=True)
    with published(folder / "preset.json") as text:
        text.write_text(described.to_json(), encoding="utf-8")
    return described


def file_sha256(file: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
