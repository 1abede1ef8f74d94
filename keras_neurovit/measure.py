"""From scans to volumes of structures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.predict import find_scans, iterate_results
from keras_neurovit.presets import Preset, from_preset, load_preset, mean_over_views
from keras_neurovit.presets.sums import check_listed
from keras_neurovit.synthesis import sums_of_structures


def measure_scans(
    paths: Sequence[str | os.PathLike], preset: str | os.PathLike | Preset = "vit3d_brain", *, strict: bool = False
) -> list[dict]:
    """Estimated volumes of structures; a bad scan is reported and the rest are done.

    Each is the mean over as many views of the scan as the preset asks for, see `mean_over_views`.

    Args:
        paths: scans, or folders of scans (BIDS roots too; see `find_scans`).
        preset: name, folder or description of a preset that measures.
        strict: whether a scan that does not look like what the preset was trained on is refused, not only warned of.

    Returns:
        For each scan {"path", "volumes_mm3": {structure: number}, "warnings": [text]}: each structure, and the sums
        brain, intracranial and of both sides; for one that cannot be read {"path", "error", "warnings": []}.

    Raises:
        InputError: an unknown preset, one that does not measure.

    Example:
        measure_scans(["sub-01_T1w.nii.gz"])[0]["volumes_mm3"]["hippocampus_left"]
    """
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    if not described.measures:
        mend = "Choose vit3d_brain, or predict with this one."
        raise InputError(f"preset {described.name!r} does not measure structures", mend=mend)
    return list(iterate_measures(find_scans(paths), described, strict))


def iterate_measures(files: Sequence[Path], preset: Preset, strict: bool = False) -> Iterator[dict]:
    """One result after another, in the order of `files`; see `measure_scans`."""
    model = from_preset(preset, verbose=False)

    def volumes(volume: np.ndarray) -> dict:
        return {"volumes_mm3": name_volumes(mean_over_views(model, volume[None], preset.views)[0], preset.labels)}

    return iterate_results(files, preset, volumes, strict)


def name_volumes(numbers: np.ndarray, structures: Sequence[str]) -> dict[str, float]:
    """Sums first, then each structure, rounded to cubic millimetres."""
    named = dict(zip(structures, (float(number) for number in numbers), strict=True))
    sums = {name: sum(named[part] for part in parts) for name, parts in sums_of_structures(structures)}
    return {name: round(value, 1) for name, value in {**sums, **named}.items()}


def measured_errors(preset: str | os.PathLike | Preset) -> dict[str, float]:
    """Relative error that two thirds of the people tested stayed within, for each volume; empty if not measured."""
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    file = described.folder / "errors.json"
    return json.loads(check_listed(file).read_text(encoding="utf-8")) if file.exists() else {}
