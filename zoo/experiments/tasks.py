"""Whom an experiment learns from and is tested on: real people in folds, synthetic people of other label maps."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from brains import split_label_maps
from fitting import Run
from held_out import folds_of

from keras_neurovit import cohorts, synthesis

SEED, FOLDS = 2303, 5
LEARN, TEST = 72, 200
"""Synthetic people: as many to learn from, for each seed, as there are real ones in ds002748."""


@dataclass(frozen=True)
class Task:
    """What is told apart, in whom.

    Args:
        name: of the label.
        told: in one line, what the people are.
        tested: everybody who is tested on, in one order for all rows.
        runs: from the number of a seed and how many people are learnt from to its runs.
        lessons: columns of the teachers: name → "classes" or "number".
    """

    name: str
    told: str
    tested: cohorts.Cohort
    runs: Callable[[int, int | None], list[Run]]
    lessons: tuple[tuple[str, str], ...]


def few(people: cohorts.Cohort, size: int | None, seed: int) -> cohorts.Cohort:
    """So many of them, as many of each class as in all; the same for every row."""
    return people if size is None or size > len(set(people.participants)) else cohorts.nested(people, [size], seed)[0]


def real_people(cohort: cohorts.Cohort, name: str, lessons: dict[str, str]) -> Task:
    """Everybody is tested on once a seed, by what learnt from the others."""

    def runs(number: int, size: int | None) -> list[Run]:
        seed = SEED + number
        found = []
        for fold, (learn, test) in enumerate(folds_of(cohort, FOLDS, seed)):
            learn = cohort.subset(learn)
            found.append(Run(f"{number}_{fold}", few(learn, size, seed), cohort.subset(test), test, learn))
        return found

    count, source = len(set(cohort.participants)), Path(cohort.source).resolve().name
    told = f"{count} real people of {source}, {FOLDS} folds by person"
    return Task(name, told, cohort, runs, tuple(lessons.items()))


def synthetic_people(
    label_maps: Path, folder: Path, seeds: int, teachers: cohorts.Cohort | None, lessons: dict[str, str]
) -> Task:
    """Imposed atrophy: other people of 16 label maps are learnt from for each seed; all are tested on those of four."""
    learn_maps, test_maps = split_label_maps(label_maps)
    learn = _write(folder / "learn", learn_maps, LEARN * seeds, SEED)
    test = _write(folder / "test", test_maps, TEST, SEED + 1)

    def runs(number: int, size: int | None) -> list[Run]:
        own = learn.subset(np.arange(number * LEARN, (number + 1) * LEARN))
        return [Run(f"{number}", few(own, size, SEED + number), test, np.arange(len(test)), teachers)]

    told = f"{LEARN} synthetic people a seed, tested on {TEST} of {len(test_maps)} other label maps"
    return Task("AD", told, test, runs, tuple(lessons.items()))


def _write(folder: Path, maps: list[Path], people: int, seed: int) -> cohorts.Cohort:
    """A BIDS folder of people with and without disease, and its cohort."""
    print(f"{folder}: {people} people", file=sys.stderr)
    drawn = synthesis.draw_population(people, seed, diagnoses=("CN", "AD"))
    # The grid of the zoo's contract, so that nothing is resampled again.
    synthesis.write_cohort(folder, drawn, maps, shape=(64, 80, 64), spacing_mm=3.0)
    return cohorts.read_bids(folder, "diagnosis", labels=("CN", "AD")).prefixed(f"{folder.name}-")
