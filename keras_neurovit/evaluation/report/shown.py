"""The scans that a model got most right, and most wrong."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation.explanations import explain_scan
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.report.viewer import packed_volume
from keras_neurovit.presets import Preset, from_preset
from keras_neurovit.volumes import conform_and_check, is_scan, read_scan


def best_and_worst(
    predictions: Predictions, cohort: str | os.PathLike, preset: Preset, count: int, method: str
) -> list[tuple[str, list[dict]]]:
    """Scans with their maps, for the page's viewer; those whose file is not found are passed over.

    Args:
        predictions: of two classes; whose scans.
        cohort: BIDS folder.
        preset: that explains.
        count: of each.
        method: see `explain_scan`.

    Raises:
        InputError: a cohort without any of the scans, a preset that lacks the label.
    """
    told = np.where(predictions.targets == 1, predictions.scores, 1 - predictions.scores)
    order = np.argsort(told, kind="stable")
    files = {row: file for row in range(len(predictions)) if (file := find_file(Path(cohort), predictions, row))}
    if not files and count:
        mend = "Give the folder whose participants the table tells of."
        raise InputError(f"{cohort}: holds none of the scans of {predictions.source}", "a BIDS folder", mend=mend)
    worst = [row for row in order if row in files and told[row] < 0.5][:count]
    best = [row for row in order[::-1] if row in files and told[row] >= 0.5][:count]
    model = from_preset(preset, verbose=False)
    sides = []
    for heading, rows in (("Most wrong", worst), ("Most right", best)):
        scans = [_packed(predictions, row, files[row], preset, method, model) for row in rows]
        sides.append((f"{heading}: {len(scans)} scans", scans))
    return [side for side in sides if side[1]]


def find_file(cohort: Path, predictions: Predictions, row: int) -> Path | None:
    """The scan of a row: a column `path`, or the T1w image of a BIDS folder."""
    if "path" in predictions.columns and predictions.columns["path"][row]:
        file = Path(predictions.columns["path"][row])
        file = file if file.is_absolute() else cohort / file
        return file if file.exists() else None
    who, visit, scan = predictions.keys[row]
    if any(part in text for text in (who, visit) for part in ("/", "\\", "*", "?", "[", "..")):
        return None  # names are no paths
    folder = cohort / f"sub-{who}" / (f"ses-{visit}" if visit else "") / "anat"
    found = sorted(file for file in folder.glob("*_T1w.*") if is_scan(file))
    if scan:  # a visit has several: by the name of a file, or by a part of it such as run-1
        found = [file for file in found if scan == file.name or scan in file.name.split("_")]
    return found[0] if found else None


def _packed(predictions: Predictions, row: int, file: Path, preset: Preset, method: str, model) -> dict:
    scan = read_scan(file)
    volume, warnings = conform_and_check(scan, preset.volume, preset.fingerprint)
    found = explain_scan(scan, preset, method=method, label=predictions.labels[1], model=model)
    person, visit, name = predictions.keys[row]
    who = " ".join(filter(None, (f"sub-{person}", visit and f"ses-{visit}", name)))
    truth = predictions.labels[predictions.targets[row]]
    known = [f"{name} {predictions.columns[name][row]}" for name in ("age", "sex") if name in predictions.columns]
    return {
        "packed": packed_volume(volume, found.values, preset.volume.extent_mm),
        "caption": f"{who}: {truth}, told {100 * predictions.scores[row]:.0f} % {predictions.labels[1]}",
        "note": ", ".join([*known, f"map: {found.method.replace('_', ' ')} of the score for {found.label}"]),
        "warnings": warnings,
        "number": row,
    }
