"""A page about one scan."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.augmentation import augment, policy
from keras_neurovit.evaluation.explanations import explain_scan
from keras_neurovit.evaluation.intervals import wilson
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.recalibration import calibrated
from keras_neurovit.evaluation.report.page import write_page
from keras_neurovit.evaluation.report.told import read_told
from keras_neurovit.evaluation.report.viewer import packed_volume
from keras_neurovit.presets import Preset, from_preset, load_preset, probabilities_of
from keras_neurovit.volumes import Scan, VolumeContract, conform, conform_and_check, read_scan

DRAWS, SHOWN_MM, NEAR = 32, 1.0, 0.1


def report_scan(
    scan: str | os.PathLike,
    preset: str | os.PathLike | Preset = "vit3d_ad",
    path: str | os.PathLike = "report.html",
    *,
    method: str = "integrated_gradients",
    label: str | None = None,
    label_map: str | os.PathLike | None = None,
    predictions: str | os.PathLike | None = None,
) -> Path:
    """Write a page about one scan: probability, warnings, and a viewer of three planes with the map over it.

    Args:
        scan: the file.
        preset: with classes.
        path: where to write, ending in .html.
        method: see `explain_scan`.
        label: whose probability; None for the last one.
        label_map: of regions, in the scan's space.
        predictions: a table of people whose truth is known, to tell how often such an answer is right.

    Raises:
        InputError: what `explain_scan` and `read_told` refuse; a preset that measures.

    Example:
        report_scan("sub-01_T1w.nii.gz", "vit3d_ad", "sub-01.html")
    """
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    if described.measures:
        mend = "Choose a preset with classes."
        raise InputError(f"preset {described.name!r} measures volumes and predicts nothing", mend=mend)
    known = None if predictions is None else read_told(predictions, label or described.labels[-1])
    read = read_scan(scan)
    volume, warnings = conform_and_check(read, described.volume, described.fingerprint)
    model = from_preset(described, verbose=False)
    found = explain_scan(read, described, method=method, label=label, label_map=label_map, model=model)
    place = described.labels.index(found.label)
    probabilities = told_by(model, described, volume[None])[0]
    low, high = np.quantile(_changed(model, described, volume)[:, place], [0.025, 0.975])
    return write_page(
        path,
        "scan.html.j2",
        title=f"Report on {Path(scan).name}",
        subtitle=described.description,
        preset=described,
        viewers=True,
        label=found.label,
        probability=float(probabilities[place]),
        probabilities=list(zip(described.labels, map(float, probabilities), strict=True)),
        draws=DRAWS,
        low=float(low),
        high=float(high),
        beside=None if known is None else _beside(known, float(probabilities[place])),
        beside_none=None if known is None else f"Nobody in {Path(known.source).name} was told about the same.",
        warnings=warnings,
        facts=_facts(read),
        packed=packed_volume(_finely(read, described.volume), found.values, described.volume.extent_mm),
        caption=f"{Path(scan).name}, with what its score for {found.label} rests on",
        method=found.method.replace("_", " "),
        regions=found.regions[:20],
    )


def told_by(model: keras.Model, preset: Preset, volumes: np.ndarray) -> np.ndarray:
    """Probabilities as `predict` tells them, calibrated where the preset is.

    Shape: (batch, x, y, z, 1) → (batch, label)
    """
    return calibrated(preset.calibration, probabilities_of(model, [(volumes,)], preset.views))


def _changed(model: keras.Model, preset: Preset, volume: np.ndarray) -> np.ndarray:
    """Probabilities of a scan slightly changed, which no reader would judge otherwise. Shape: → (draw, label)"""
    rows = []
    for first in range(0, DRAWS, 8):
        seeds = np.arange(first, first + 8, dtype="int32")
        changed = augment(np.stack([volume] * 8).astype("float32"), seeds, policy("light"))
        rows.append(told_by(model, preset, changed))
    return np.concatenate(rows)


def _finely(scan: Scan, contract: VolumeContract) -> np.ndarray:
    """The scan in the contract's box at a millimetre, or at the contract's voxels where these are finer."""
    shape = [max(n, round(n * mm / SHOWN_MM)) for n, mm in zip(contract.shape, contract.spacing_mm, strict=True)]
    spacing = tuple(edge / n for edge, n in zip(contract.extent_mm, shape, strict=True))
    return conform(scan, dataclasses.replace(contract, shape=tuple(shape), spacing_mm=spacing))


def _beside(known: Predictions, probability: float) -> dict | None:
    """How it stood with people who were told about the same."""
    low, high = max(probability - NEAR, 0.0), min(probability + NEAR, 1.0)
    near = (known.scores >= low) & (known.scores <= high)
    if not near.any():
        return None
    scans, positives = int(near.sum()), int(known.targets[near].sum())
    return {
        "source": Path(known.source).name,
        "scans": scans,
        "positives": positives,
        "low": low,
        "high": high,
        "share": positives / scans,
        "bounds": wilson(positives / scans, scans),
    }


def _facts(scan: Scan) -> list[tuple[str, str]]:
    import nibabel

    return [
        ("file", Path(scan.path).name),
        ("voxels", " × ".join(map(str, scan.voxels.shape))),
        ("voxel size", " × ".join(f"{mm:.2f}" for mm in scan.spacing_mm) + " mm"),
        ("axes on disk", "".join(nibabel.aff2axcodes(scan.affine))),
    ]
