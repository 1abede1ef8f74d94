"""What the scans looked like that a preset was trained on, to tell how far others are from them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.sums import check_listed, write_sums

FILE = "reference.json"
QUANTILES = np.linspace(0, 1, 21)
NORMAL_QUARTILES = 1.349  # standard deviations between the quartiles of a normal distribution
FAR, WIDER = 0.5, 1.5  # standard deviations of the middle, times of the spread, from which on a cohort has drifted


def save_reference(folder: str | os.PathLike, facts: Sequence[Mapping[str, float]]) -> None:
    """Write the quantiles of such facts as `volumes.head_facts` gives, one a scan, into a preset's folder.

    Example:
        >>> save_reference(".", [{"head_ml": 1000.0}, {"head_ml": 1200.0}])
        >>> json.loads(Path("reference.json").read_text())["scans"]
        2
    """
    values = {
        name: [round(float(one), 4) for one in np.quantile([fact[name] for fact in facts], QUANTILES)]
        for name in facts[0]
    }
    with published(Path(folder) / FILE) as temporary:
        temporary.write_text(json.dumps({"scans": len(facts), "quantiles": values}, indent=1) + "\n", encoding="utf-8")
    write_sums(Path(folder))


def load_reference(preset: Preset) -> dict[str, list[float]] | None:
    """Each fact's quantiles among the scans trained on; None where the preset does not tell.

    Raises:
        InputError: `reference.json` cannot be read, or is another than `SHA256SUMS` lists.
    """
    file = preset.folder / FILE if preset.folder else None
    if file is None or not file.is_file():
        return None
    check_listed(file)
    try:
        return dict(json.loads(file.read_text(encoding="utf-8"))["quantiles"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: cannot be read ({error})", mend="Restore it from its source.") from None


def drift(reference: Mapping[str, Sequence[float]], facts: Sequence[Mapping[str, float]]) -> dict[str, dict]:
    """How far a cohort's scans are from those trained on.

    Args:
        reference: from `load_reference`.
        facts: of each scan of the cohort.

    Returns:
        For each fact "shift", of the median in standard deviations of the reference (told by its quartiles); "spread",
        the distance of the quartiles as a multiple of the reference's; "distance", the largest between the two
        distributions (0 the same, 1 apart); "drifted", whether the shift is beyond 0.5 or the spread beyond 1.5 times.

    Source: the distance is that of Kolmogorov and Smirnov, between 21 quantiles of the reference.

    Example:
        >>> told = drift({"head_ml": list(range(1000, 1210, 10))}, [{"head_ml": 1300.0}, {"head_ml": 1310.0}])
        >>> told["head_ml"]["drifted"], told["head_ml"]["distance"]
        (True, 1.0)
    """
    found = {}
    for name, quantiles in reference.items():
        own, known = np.sort([fact[name] for fact in facts]), np.asarray(quantiles)
        low, middle, high = np.interp([0.25, 0.5, 0.75], QUANTILES, known)
        quartiles = np.quantile(own, [0.25, 0.5, 0.75])
        width = max(high - low, 1e-9)
        shift, spread = (quartiles[1] - middle) / (width / NORMAL_QUARTILES), (quartiles[2] - quartiles[0]) / width
        below = np.interp(own, known, QUANTILES, left=0.0, right=1.0)
        ranks = np.arange(len(own) + 1) / len(own)
        distance = max(np.max(ranks[1:] - below), np.max(below - ranks[:-1]))
        drifted = abs(shift) > FAR or (len(own) > 3 and not 1 / WIDER < spread < WIDER)
        numbers = {"shift": shift, "spread": spread, "distance": distance}
        found[name] = {key: round(float(value), 4) for key, value in numbers.items()} | {"drifted": bool(drifted)}
    return found
