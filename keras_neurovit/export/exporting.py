"""A preset in the formats of other runtimes: from conformed volume to probability, or to cubic millimetres."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import published
from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit._version import __version__
from keras_neurovit.export import runtimes
from keras_neurovit.export.onnx_erfc import teach_erfc
from keras_neurovit.presets import Preset, from_preset, load_preset
from keras_neurovit.presets.verify import SMALL_MM3, STEP, TOLERANCE

CONTRACT = "contract.json"
AXES = ["scan", "left to Right", "posterior to Anterior", "inferior to Superior", "channel"]


@dataclass(frozen=True, slots=True)
class Exported:
    """A preset that was exported and checked.

    Args:
        folder: that holds it, and `contract.json`.
        file: of the model, in that folder.
        difference: largest difference from what Keras says of the same volumes, of probabilities or relative to volumes
            in mm³.
    """

    folder: Path
    file: Path
    difference: float


@dataclass(frozen=True, slots=True)
class Format:
    """How a format is written and run.

    Args:
        keras: its name in `keras.Model.export`.
        file: what it is written as.
        extra: of this package, with what it needs; None for nothing.
        modules: of that extra.
        run: from file and volumes to what the runtime says.
        prepare: what is done once before its converter is used.
    """

    keras: str
    file: str
    extra: str | None
    modules: tuple[str, ...]
    run: Callable[[Path, np.ndarray], np.ndarray]
    prepare: Callable[[], None] = lambda: None


FORMATS = {
    "savedmodel": Format("tf_saved_model", "saved_model", None, (), runtimes.run_savedmodel),
    "onnx": Format("onnx", "model.onnx", "onnx", ("onnx", "tf2onnx", "onnxruntime"), runtimes.run_onnx, teach_erfc),
    "litert": Format("litert", "model.tflite", "litert", ("ai_edge_litert",), runtimes.run_litert),
    "openvino": Format("openvino", "model.xml", "openvino", ("openvino",), runtimes.run_openvino),
}


def export_preset(
    preset: str | os.PathLike | Preset,
    folder: str | os.PathLike,
    format: str = "savedmodel",
    *,
    tolerance: float = TOLERANCE,
) -> Exported:
    """Write a preset for another runtime, run it there, and compare it with Keras.

    The model takes conformed volumes and tells probabilities, calibrated where the preset is, or volumes of structures,
    each of one view: averaging over the `views` that the preset may ask for, which `contract.json` tells, is the
    caller's.
    The folder, with the model and a `contract.json` of what it reads and what its outputs mean, appears when all went
    well, and not otherwise.

    Shape: (batch, x, y, z, channel), float32 → (batch, label)

    Args:
        preset: name, folder, address or description of a preset with weights and labels.
        folder: to write; must not exist, or be empty.
        format: "savedmodel" (TensorFlow), "onnx", "litert" or "openvino".
        tolerance: largest difference allowed.

    Raises:
        InputError: another backend than TensorFlow, whose graphs converters read; an unknown format, one whose
            packages are not installed or that cannot hold a layer; a preset without weights, or calibrated by steps; a
            folder that holds something; outputs that differ.

    Example:
        export_preset("vit3d_ad", "vit3d_ad_onnx", "onnx").difference
    """
    one_of("format", format, FORMATS)
    chosen, folder = FORMATS[format], Path(folder)
    if (backend := keras.backend.backend()) != "tensorflow":
        mend = "Set KERAS_BACKEND=tensorflow, or run `keras-neurovit export`, which does so itself."
        raise InputError("converters read TensorFlow's graphs", "the backend tensorflow", backend, mend)
    _need(format, chosen)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: holds something already", mend="Give another folder, or delete that one.")
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    model, volumes = whole_model(described), trial_volumes(described)
    expected = keras.ops.convert_to_numpy(model(volumes, training=False))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with published(folder) as temporary:
        temporary.mkdir()
        try:
            file = temporary / chosen.file
            told = _written_and_run(model, described.name, format, file, volumes)
            difference = _compare(described, format, told, expected, tolerance)
            contract = _contract(described, format, chosen.file, difference)
            (temporary / CONTRACT).write_text(json.dumps(contract, indent=2, ensure_ascii=False) + "\n", "utf-8")
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    return Exported(folder, folder / chosen.file, difference)


def whole_model(preset: Preset) -> keras.Model:
    """A preset's model from volume to what `predict` or `measure` tells of one view, its calibration included.

    Shape: (batch, x, y, z, channel) → (batch, label)

    Raises:
        InputError: a calibration that is not one temperature.

    Example:
        >>> float(whole_model(load_preset("vit3d_ad"))(np.zeros((1, 64, 80, 64, 1))).numpy().sum().round(5))
        1.0
    """
    model, layers = from_preset(preset, verbose=False), keras.layers
    if preset.measures:
        return model
    scores = model.output
    if preset.calibration:
        if preset.calibration.get("method") != "temperature":
            mend = "Calibrate it by a temperature: `keras-neurovit calibrate --method temperature`."
            raise InputError(f"preset {preset.name!r} is calibrated by steps, which no format holds exactly", mend=mend)
        rescaling = layers.Rescaling(1.0 / preset.calibration["temperature"], dtype="float32", name="calibration")
        scores = rescaling(scores)
    return keras.Model(model.input, layers.Softmax(dtype="float32", name="probabilities")(scores), name=model.name)


def trial_volumes(preset: Preset) -> np.ndarray:
    """Two volumes to compare runtimes on: the preset's golden one, where it has one, and noise.

    Shape: → (2, x, y, z, channel), float32
    """
    channels = preset.arguments.get("num_channels", 1)
    volumes = np.random.default_rng(0).normal(size=(2, *preset.volume.shape, channels)).astype("float32")
    golden = preset.folder / "golden.npz" if preset.folder else None
    if golden is not None and golden.is_file():
        with np.load(golden) as stored:
            volumes[0] = stored["volume"].astype("float32") * np.float32(STEP)
    return volumes


def _need(format: str, chosen: Format) -> None:
    missing = [name for name in chosen.modules if importlib.util.find_spec(name) is None]
    if missing:
        mend = f'Install them: pip install "keras-neurovit[{chosen.extra}]"'
        raise InputError(f"format {format!r} needs packages that are not installed", ", ".join(missing), mend=mend)


def _written_and_run(model: keras.Model, name: str, format: str, file: Path, volumes: np.ndarray) -> np.ndarray:
    chosen = FORMATS[format]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what converters warn of is their own future
        try:
            chosen.prepare()
            model.export(str(file), format=chosen.keras, verbose=False)
        except Exception as error:  # each converter has its own kinds
            mend = "Choose another format."
            what = f"preset {name!r}: {format} cannot hold it, or its converter failed ({_first_line(error)})"
            raise InputError(what, mend=mend) from error
        try:
            return np.asarray(chosen.run(file, volumes), "float32")
        except Exception as error:  # so has each runtime
            what = f"preset {name!r}: {format} does not run what was exported ({_first_line(error)})"
            raise InputError(what, mend="Choose another format.") from error


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    # The operation that is at fault stands at the end, after advice to others.
    return f"{type(error).__name__}: " + (line if len(line) <= 240 else f"{line[:100]} … {line[-140:]}")


def _compare(preset: Preset, format: str, told: np.ndarray, expected: np.ndarray, tolerance: float) -> float:
    if told.shape != expected.shape:
        raise InputError(f"preset {preset.name!r}: {format} tells other outputs", expected.shape, told.shape)
    scale = np.maximum(expected, SMALL_MM3) if preset.measures else 1.0
    difference = float((np.abs(told - expected) / scale).max())
    if not difference <= tolerance:  # a NaN compares false
        what = f"preset {preset.name!r}: {format} computes something else than Keras"
        raise InputError(what, f"at most {tolerance:g}", f"{difference:g}", "Nothing was written.")
    return difference


def _contract(preset: Preset, format: str, file: str, difference: float) -> dict:
    shape = [None, *preset.volume.shape, preset.arguments.get("num_channels", 1)]
    return {
        "preset": preset.name,
        "weights_sha256": preset.weights.sha256,
        "format": format,
        "file": file,
        "input": {"shape": shape, "dtype": "float32", "axes": AXES, "prepared_by": "keras_neurovit.conform"},
        "volume": preset.volume.to_dict(),
        "views": preset.views,
        "output": {"kind": "volumes_mm3" if preset.measures else "probabilities", "labels": list(preset.labels)},
        "calibration": dict(preset.calibration) if preset.calibration else None,
        "largest_difference_from_keras": difference,
        "written_by": f"keras-neurovit {__version__}",
        "notice": NOT_A_DEVICE,
    }
