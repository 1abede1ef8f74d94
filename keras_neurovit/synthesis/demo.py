"""A demonstration cohort, for whoever has no label maps."""

from __future__ import annotations

import os
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.synthesis.cohort import write_cohort
from keras_neurovit.synthesis.population import draw_population


def write_demo_cohort(folder: str | os.PathLike, people: int, seed: int = 0, *, verbose: bool = True) -> Path:
    """Write a BIDS folder of synthetic brain-extracted T1 scans with groups CN and AD, without a download.

    `draw_population` and `write_cohort` on the ICBM152 average brain, which nilearn's wheel carries: people differ by
    smooth deformations of one anatomy without gyri of its own. Cohorts to learn from want label maps of many people.

    These are not patients: what a model learns here is disease as imposed.

    Args:
        folder: created if need be.
        people: how many; every second has AD.
        seed: of the whole cohort.
        verbose: whether to show a progress bar.

    Returns:
        The folder.

    Raises:
        InputError: fewer than two people; a folder that holds something else; nilearn not installed.

    Example:
        write_demo_cohort("demo_cohort", people=60, seed=1)
    """
    if people < 2:
        raise InputError("a cohort needs people of both groups", expected="people ≥ 2", received=people)
    return write_cohort(folder, draw_population(people, seed), verbose=verbose)
