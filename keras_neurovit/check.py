"""From scans to what a preset would say against them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from keras_neurovit._checks import InputError
from keras_neurovit.predict import find_scans
from keras_neurovit.presets import Preset, load_preset
from keras_neurovit.volumes import examine, read_scan


def check_scans(paths: Sequence[str | os.PathLike], preset: str | os.PathLike | Preset = "vit3d_ad") -> list[dict]:
    """Compare scans with a preset's contract; no model is built.

    Args:
        paths: scans, or folders of scans (BIDS roots too; see `find_scans`).
        preset: name, folder, address or description.

    Returns:
        For each scan {"path", "passed", "findings": [{"check", "measured", "expected", "problem"}]}, the problem None
        where there is none; for one that cannot be read {"path", "passed": False, "error"}.

    Raises:
        InputError: an unknown preset.

    Example:
        check_scans(["sub-01_T1w.nii.gz"])[0]["passed"]
    """
    described, results = preset if isinstance(preset, Preset) else load_preset(preset), []
    for file in find_scans(paths):
        try:
            findings = examine(read_scan(file, as_stored=True), described.volume, described.fingerprint)[1]
        except InputError as error:
            results.append({"path": str(file), "passed": False, "error": str(error)})
            continue
        told = [dataclasses.asdict(finding) for finding in findings]
        results.append({"path": str(file), "passed": all(f.passed for f in findings), "findings": told})
    return results
