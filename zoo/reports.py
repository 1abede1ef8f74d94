"""What recipes end with: numbers with intervals, a report, pictures of failures, a preset with its golden volume."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_neurovit import InputError, evaluation, presets, synthesis, volumes
from keras_neurovit._files import published

LOOKED_AT = 512
"""Synthetic scans that tell a preset what it has learnt from looked like."""


def run(main: Callable[[], None]) -> None:
    """A recipe from the command line: what it cannot use is said in one line."""
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from None


def numbers(estimate: evaluation.Estimate) -> dict[str, float]:
    return {key: getattr(estimate, key) for key in ("value", "low", "high", "n")}


def bootstrap(statistic: Callable, *columns, draws: int = 2000) -> dict[str, float]:
    """A statistic of people with its percentile interval over people drawn with replacement.

    Args:
        statistic: from the columns to a number.
        columns: arrays with a row a person.
        draws: how many.
    """
    columns = [np.asarray(column, "float64") for column in columns]
    random, n = np.random.default_rng(0), len(columns[0])
    drawn = (random.integers(0, n, n) for _ in range(draws))
    low, high = np.quantile([statistic(*(column[rows] for column in columns)) for rows in drawn], (0.025, 0.975))
    return {"value": float(statistic(*columns)), "low": float(low), "high": float(high), "n": n}


def r(one, other) -> float:
    """Pearson's correlation."""
    return np.corrcoef(one, other)[0, 1]


def partial_r(one, other, held_constant) -> float:
    """Correlation of what a linear model of other numbers leaves of each.

    Shape: (person,), (person,), (person, number) → scalar
    """
    table = np.column_stack([np.ones(len(one)), held_constant])
    left = [values - table @ np.linalg.lstsq(table, values, rcond=None)[0] for values in (one, other)]
    return r(*left)


def write_report(file: Path, report: Mapping) -> None:
    """Results with the versions they were measured with, whole or not at all; and their estimates on the screen."""
    versions = {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
    }
    with published(file) as temporary:
        temporary.write_text(json.dumps({**report, "versions": versions}, indent=2) + "\n", encoding="utf-8")
    for name, row in report["test"].items():
        print("{name}: {value:.3f} [{low:.3f}, {high:.3f}]".format(name=name, **row))


def need_extras() -> None:
    """Learn at once, and not after hours of training, that templates or figures cannot be had."""
    synthesis.icbm152_t1()
    import matplotlib  # noqa: F401


def draw_failures(results: Path, scans: Mapping[str, Path], contract: volumes.VolumeContract) -> None:
    """Slices of scans, by their titles, beside the results."""
    shown = {title: volumes.conform(volumes.read_scan(scan), contract) for title, scan in scans.items()}
    evaluation.figures.slices_figure(results.with_name("failures.png"), shown, spacing_mm=contract.spacing_mm)


def publish(
    model: keras.Model,
    folder: Path,
    described: presets.Preset,
    learnt_from: Sequence[np.ndarray],
    people: Sequence[presets.Known] | None = None,
) -> presets.Preset:
    """Save a preset with the average brain as its golden volume.

    Args:
        model: trained.
        folder: of the preset.
        described: what is saved, but for what the volumes tell.
        learnt_from: conformed volumes of those it learnt from.
        people: whom it learnt from; None where they are synthetic, which is told too: nobody need be looked for.

    Its card is the one beside the recipe, so that the one to fill in goes.
    """
    contract = described.volume
    described = dataclasses.replace(described, fingerprint=volumes.learn_fingerprint(learnt_from, contract))
    saved = presets.save_to_preset(model, folder, described)
    presets.save_reference(folder, [volumes.head_facts(volume, contract) for volume in learnt_from])
    (folder / "README.md").unlink()
    presets.save_people(folder, people or [presets.know([], "synthetic people alone")])
    presets.write_golden(saved, volumes.conform(volumes.read_scan(synthesis.icbm152_t1()), contract))
    return saved
