"""Finding presets, checking their files, and writing new ones."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import keras

from keras_neurovit import models
from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import file_sha256, published
from keras_neurovit.presets.card import card
from keras_neurovit.presets.half import copy_half, count_numbers
from keras_neurovit.presets.kerashub_files import write_kerashub_files
from keras_neurovit.presets.preset import Preset, Weights
from keras_neurovit.presets.sums import check_listed, write_sums
from keras_neurovit.presets.travel import fetch, is_address

SHIPPED = Path(__file__).parent
SHARD_GB = 2.0  # what hubs and file systems take in one piece without trouble


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
        preset: name of a shipped preset, a folder that holds `preset.json`, or an address: `hf://org/name@revision`,
            `kaggle://owner/model/framework/variation/version`, `https://…/preset.zip#sha256=…`, `file://…`. What an
            address names is downloaded once, see `fetch`.

    Raises:
        InputError: an unknown name (lists the known, suggests the nearest), a folder without `preset.json`, or with
            another than its `SHA256SUMS` lists; an address that cannot be fetched.

    Example:
        >>> load_preset("vit3d_ad").labels
        ('CN', 'AD')
    """
    if is_address(preset):
        preset = fetch(preset)
    folder = Path(preset)
    if folder.is_dir() and (isinstance(preset, os.PathLike) or str(preset) not in list_presets()):
        if not (folder / "preset.json").is_file():
            raise InputError(f"{folder}: is no preset", expected="a folder that holds preset.json")
        return Preset.from_json(check_listed(folder / "preset.json"))
    if isinstance(preset, os.PathLike) or len(folder.parts) > 1:
        raise InputError(f"{preset}: no such preset folder", mend="Check the path, or give a shipped preset's name.")
    shipped = SHIPPED / one_of("preset", str(preset), list_presets())
    return Preset.from_json(check_listed(shipped / "preset.json"))


def check_weights(preset: Preset) -> Path:
    """The weights file of a preset, if it is the one its `preset.json` describes.

    Raises:
        InputError: no weights, a missing file, a checksum that differs.
    """
    if preset.weights is None:
        mend = "Start from random weights: load_weights=False, or `train --scratch`."
        raise InputError(f"preset {preset.name!r} is an architecture without weights", mend=mend)
    file = preset.weights_path
    if file is None:
        mend = "Save the model with save_to_preset, and load its folder."
        raise InputError(f"preset {preset.name!r} describes a model that was never saved", mend=mend)
    for name, sha256 in {preset.weights.file: preset.weights.sha256, **preset.weights.shards}.items():
        part = preset.folder / name
        if not part.is_file():
            mend = "Reinstall or copy them again."
            raise InputError(f"{part}: the weights of preset {preset.name!r} are missing", mend=mend)
        found = file_sha256(part)
        if found != sha256:
            raise InputError(
                f"{part}: is not the file that preset {preset.name!r} was published with",
                expected=f"SHA-256 {sha256}",
                received=found,
                mend="The file is damaged or was replaced: reinstall the package or copy the preset again.",
            )
    return file


def save_to_preset(
    model: keras.Model, folder: str | os.PathLike, preset: Preset, *, max_shard_gb: float = SHARD_GB
) -> Preset:
    """Write a model's weights, in half precision, and its description as a preset folder.

    Beside them a model card to fill in (`README.md`, kept if there is one), what KerasHub reads (`config.json`,
    `metadata.json`; see `register_backbone`) and the checksums of all (`SHA256SUMS`).

    Args:
        model: built as `preset` says, for example by `from_preset`; a backbone where `preset` has no labels.
        folder: created if need be; an older preset in it is replaced.
        preset: the description; `dataclasses.replace(load_preset(name), name=…, labels=…)` makes a new one. Its weights
            and folder are filled in; a calibration was of other weights and is left out.
        max_shard_gb: weights larger than this are written in several files.

    Returns:
        The description as written, ready for `from_preset(folder)`.

    Raises:
        InputError: a backbone with labels, or not one output a label; weights that are not finite.
    """
    folder = Path(folder)
    if not any(layer.name == "head" for layer in model.layers):
        if preset.labels:
            raise InputError("a backbone tells no labels", "a description without labels", list(preset.labels))
        model = models.classifier(model, 1)  # a place for the head that `from_preset` will put on
    if preset.labels and model.output_shape[-1] != len(preset.labels):
        raise InputError("labels do not match the model", f"{model.output_shape[-1]} labels", list(preset.labels))
    folder.mkdir(parents=True, exist_ok=True)
    # Weights first: a kill in between leaves a checksum that refuses them, never a description of other weights.
    weights = _save_weights(model, folder, max_shard_gb)
    weights = dataclasses.replace(weights, licence=preset.weights.licence if preset.weights else "Apache-2.0")
    described = dataclasses.replace(preset, weights=weights, folder=folder, calibration=None)
    stale = {file.name for file in folder.glob("model*.weights.*")} - set(weights.all_files)
    for name in ("golden.npz", "errors.json", "people.json", "reference.json", *stale):  # of the weights that were
        (folder / name).unlink(missing_ok=True)
    with published(folder / "preset.json") as text:
        text.write_text(described.to_json(), encoding="utf-8")
    write_kerashub_files(described, folder)
    if not (folder / "README.md").exists():
        with published(folder / "README.md") as text:
            text.write_text(card(described), encoding="utf-8")
    write_sums(folder)
    return described


def save_calibration(preset: Preset, calibration: Mapping | None) -> Preset:
    """Write a calibration into a preset's `preset.json`; everything else in its folder stays as it is.

    Args:
        preset: of a folder.
        calibration: as `evaluation.fit_calibration` gives it; None takes one away.

    Raises:
        InputError: a preset without a folder, or one that measures.
    """
    if preset.folder is None or preset.measures or not preset.labels:
        raise InputError(f"preset {preset.name!r} cannot be calibrated", expected="a folder's preset with classes")
    described = dataclasses.replace(preset, calibration=calibration)
    with published(preset.folder / "preset.json") as text:
        text.write_text(described.to_json(), encoding="utf-8")
    write_sums(preset.folder)
    return described


def _save_weights(model: keras.Model, folder: Path, max_shard_gb: float) -> Weights:
    """A model's weights as half-precision files in a folder, each whole or absent."""
    saving = folder / f".{os.getpid()}.saving"
    saving.mkdir()
    try:
        if model.count_params() * 2 <= max_shard_gb * 1e9:
            model.save_weights(saving / "model.weights.h5")
        else:
            # Keras counts gigabytes of float32, of which half remain; but not of vectors: leave room for them.
            model.save_weights(saving / "model.weights.json", max_shard_size=1.9 * max_shard_gb)
        sums = {}
        for source in sorted(saving.iterdir()):
            with published(folder / source.name) as target:
                (copy_half if source.suffix == ".h5" else shutil.copyfile)(source, target)
                sums[source.name] = file_sha256(target)
        parameters = count_numbers(folder / name for name in sums)
    finally:
        shutil.rmtree(saving, ignore_errors=True)
    whole = "model.weights.h5" if "model.weights.h5" in sums else "model.weights.json"
    return Weights(sums.pop(whole), parameters, "", whole, sums)
