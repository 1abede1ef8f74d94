"""Proof that a preset computes what it computed when it was published."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.presets.load import from_preset
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.store import load_preset
from keras_neurovit.presets.sums import check_sums, write_sums

TOLERANCE = 1e-4  # on logits, and on volumes relative to themselves, between backends
SMALL_MM3 = 100.0  # volumes below it differ relative to it
STEP = 1 / 40  # of the golden volume's whole numbers, in standard deviations


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a verification.

    Args:
        preset: its name.
        backend: the Keras backend it ran on.
        difference: largest absolute difference of a logit from the published, or relative difference of a volume.
        passed: whether that is within tolerance.
    """

    preset: str
    backend: str
    difference: float
    passed: bool


def verify(preset: str | os.PathLike) -> Verdict:
    """Rerun a preset's golden volume on this backend and compare what it says with what was published.

    Every file that `SHA256SUMS` lists is compared first.

    Raises:
        InputError: a preset without weights or without a golden volume, a failed checksum of any file.

    Example:
        >>> verify("vit3d_ad").passed
        True
    """
    described = load_preset(preset)
    file = described.folder / "golden.npz"
    model = from_preset(described, verbose=False)
    if not file.is_file():
        raise InputError(f"{file}: preset {described.name!r} has no golden volume to compare with")
    try:
        with np.load(file) as golden:
            volume, expected = golden["volume"].astype("float32") * np.float32(STEP), golden["logits"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise InputError(f"{file}: is damaged", mend="Reinstall or copy the preset again.") from None
    check_sums(described.folder)
    scale = np.maximum(expected, SMALL_MM3) if described.measures else 1.0
    difference = float((np.abs(_logits(model, volume) - expected) / scale).max())
    return Verdict(described.name, keras.backend.backend(), difference, difference <= TOLERANCE)


def write_golden(preset: Preset, volume: np.ndarray) -> Path:
    """Store a volume and the logits a preset gives it, beside its weights.

    Shape: (x, y, z, 1)
    """
    whole = np.clip(np.rint(volume / STEP), -127, 127).astype("int8")
    logits = _logits(from_preset(preset, verbose=False), whole.astype("float32") * np.float32(STEP))
    file = preset.folder / "golden.npz"
    with published(file) as temporary:
        np.savez_compressed(temporary, volume=whole, logits=logits)
    write_sums(preset.folder)
    return file


def _logits(model: keras.Model, volume: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(volume[None], training=False))[0]
