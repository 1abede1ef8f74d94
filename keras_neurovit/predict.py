"""From scans to probabilities."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation import calibrated
from keras_neurovit.preparation import preparation
from keras_neurovit.presets import Preset, from_preset, load_preset, mean_over_views
from keras_neurovit.volumes import Scan, conform_and_check, is_scan, read_scan


def predict_scans(
    paths: Sequence[str | os.PathLike],
    preset: str | os.PathLike | Preset = "vit3d_ad",
    *,
    strict: bool = False,
    strip: str | None = None,
    bias_correct: str | None = None,
) -> list[dict]:
    """Probabilities of a preset's labels for scans; a bad scan is reported and the rest are done.

    They are averaged over as many views of each scan as the preset asks for, and calibrated where it holds a
    calibration.

    Args:
        paths: scans, or folders of scans (BIDS roots too; see `find_scans`).
        preset: name, folder or description of a preset with labels.
        strict: whether a scan that does not look like what the preset was trained on is refused, not only warned of.
        strip: tool that takes the skull off each scan first, "hd-bet" or "deepbet"; nothing of it is kept.
        bias_correct: "n4" corrects each scan's bias field, after that.

    Returns:
        For each scan {"path", "probabilities": {label: number}, "warnings": [text]}; for one that cannot be read
        {"path", "error", "warnings": []}.

    Raises:
        InputError: an unknown preset, one without labels; a tool that is not installed, or skulls to be stripped that
            the preset reads; a path that does not exist is reported, not raised.

    Example:
        predict_scans(["sub-01_T1w.nii.gz"])[0]["probabilities"]["AD"]
    """
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    if not described.labels:
        mend = "Choose one with labels: `keras-neurovit presets` lists them."
        raise InputError(f"preset {described.name!r} has no labels to predict", mend=mend)
    if described.measures:
        mend = "Use `keras-neurovit measure`, or choose a preset with classes."
        raise InputError(f"preset {described.name!r} measures volumes and predicts nothing", mend=mend)
    if strip is not None and not described.volume.brain_extracted:
        raise InputError(f"preset {described.name!r} reads heads with their skulls", mend="Leave out --strip.")
    prepare = preparation(strip, bias_correct)
    return list(iterate_predictions(find_scans(paths), described, strict, prepare))


def iterate_predictions(
    files: Sequence[Path], preset: Preset, strict: bool = False, prepare: Callable[[Scan], Scan] | None = None
) -> Iterator[dict]:
    """One result after another, in the order of `files`; see `predict_scans`."""
    model = from_preset(preset, activation="softmax", verbose=False)

    def probabilities(volume: np.ndarray) -> dict:
        numbers = mean_over_views(model, volume[None], preset.views)
        named = zip(preset.labels, calibrated(preset.calibration, numbers)[0], strict=True)
        return {"probabilities": {label: round(float(p), 6) for label, p in named}}

    return iterate_results(files, preset, probabilities, strict, prepare)


def iterate_results(
    files: Sequence[Path],
    preset: Preset,
    describe: Callable[[np.ndarray], dict],
    strict: bool = False,
    prepare: Callable[[Scan], Scan] | None = None,
) -> Iterator[dict]:
    """What is said of each scan, or why it could not be read.

    Args:
        files: scans.
        preset: of a model, which tells what it reads.
        describe: from a volume to the entries of a result.
        strict: whether a suspicious scan is an error.
        prepare: what is done to a scan first, see `preparation`.
    """
    for file in files:
        try:
            scan = read_scan(file, as_stored=True) if prepare is None else prepare(read_scan(file))
            volume, warnings = conform_and_check(scan, preset.volume, preset.fingerprint)
            if strict and warnings:
                raise InputError(f"{file}: refused: {' '.join(warnings)}")
        except InputError as error:
            yield {"path": str(file), "error": str(error), "warnings": []}
            continue
        yield {"path": str(file), **describe(volume), "warnings": warnings}


def find_scans(paths: Sequence[str | os.PathLike]) -> list[Path]:
    """The scans that paths stand for, each once.

    A file, existing or not, stands for itself; a BIDS root (with `dataset_description.json` or `participants.tsv`) for
    its T1w scans; any other folder for every scan below it.

    A folder without scans stands for itself, so that reading it tells what is wrong; hidden files are no scans.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        is_bids = (path / "dataset_description.json").exists() or (path / "participants.tsv").exists()
        patterns = ("sub-*/anat/*_T1w.*", "sub-*/ses-*/anat/*_T1w.*") if is_bids else ("**/*",)
        files = sorted(file for pattern in patterns for file in path.glob(pattern) if is_scan(file))
        found.extend([file for file in files if not file.name.startswith(".")] or [path])
    return list(dict.fromkeys(found))


def label_of(result: dict) -> str | None:
    """The most probable label of a result, None for an error."""
    if "error" in result:
        return None
    labels, numbers = zip(*result["probabilities"].items(), strict=True)
    return labels[int(np.argmax(numbers))]
