"""Confidence intervals by drawing people with replacement, so that a person's scans stay together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError

# A measure over draws: weights (draw, row) → value (draw,), NaN where it is undefined.
Measure = Callable[[np.ndarray], np.ndarray]

CELLS = 500_000  # draws × rows worked on at once: a few megabytes, which a processor's cache holds


@dataclass(frozen=True)
class Estimate:
    """A measured value with its confidence interval.

    Attributes:
        value: the measure on the data themselves.
        low, high: the bounds of the interval; NaN if the data hold too few people for one.
        level: the probability with which such intervals are to cover the truth.
        n: number of people (rows, where no participants were given).

    Example:
        >>> print(Estimate(0.9123, 0.861, 0.9526, level=0.95, n=120))
        0.912 [0.861, 0.953]
    """

    value: float
    low: float
    high: float
    level: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def samples(measures: dict[str, Measure], people: np.ndarray, *, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Every measure over the same draws of people, without the draws in which it is undefined.

    Shape: people (row,) of 0 … n − 1, as `enumerate_people` gives → (up to draws,) each

    Raises:
        InputError: `draws` is out of range.

    Source: whole clusters drawn with replacement, Field & Welsh 2007 (J. R. Statist. Soc. B 69:369).
    """
    if not isinstance(draws, int) or draws < 1:
        raise InputError("draws is out of range", expected="a whole number above 0", received=repr(draws))
    n = int(people.max()) + 1
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // people.size)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in measures}
    for begin in range(0, draws, block):
        weights = _weights(rng, min(block, draws - begin), n)[:, people]
        for name, measure in measures.items():
            parts[name].append(measure(weights))
    drawn = {name: np.concatenate(several) for name, several in parts.items()}
    return {name: sample[~np.isnan(sample)] for name, sample in drawn.items()}


def _weights(rng: np.random.Generator, draws: int, n: int) -> np.ndarray:
    """How often each of `n` people is drawn in n draws with replacement.  Shape: (draw, person)."""
    drawn = rng.integers(n, size=(draws, n)) + np.arange(draws)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def enumerate_people(participants: Sequence | None, rows: int) -> np.ndarray:
    """The number of each row's person, 0 … n − 1; without participants every row is a person.  Shape: → (row,)."""
    if participants is None:
        return np.arange(rows)
    names = [str(name) for name in participants]
    if len(names) != rows:
        raise InputError("participants does not fit targets", expected=f"{rows} names", received=len(names))
    nameless = [row for row, name in enumerate(names) if name in ("", "nan", "None", "<NA>", "n/a")]
    if nameless:  # else they would all be drawn as one person
        raise InputError(f"participants lack a name in {len(nameless)} rows, the first in row {nameless[0]}")
    return np.unique(names, return_inverse=True)[1]


def weighted_auc(positive: np.ndarray, scores: np.ndarray) -> Measure:
    """The area under the ROC curve as a measure over draws.

    The scores are sorted once; each draw is then the weighted count of positive–negative pairs in the right order,
    ties counting half.

    Shape: positive (row,) bool, scores (row,) → measure of weights (draw, row) → (draw,), NaN where a class is absent.

    Source: the Wilcoxon statistic, Hanley & McNeil 1982 (Radiology 143:29).
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    # The first row of each run of equal scores; a run is counted as one place.
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    tied = starts.size < ranked.size
    ups, positive = positive[order].astype(np.float64), positive.astype(np.float64)

    def measure(weights: np.ndarray) -> np.ndarray:
        weights = weights[:, order]
        up = weights * ups
        down = weights - up
        if tied:
            up, down = np.add.reduceat(up, starts, axis=1), np.add.reduceat(down, starts, axis=1)
        below = np.cumsum(down, axis=1)
        pairs = up.sum(axis=1) * below[:, -1]
        below -= 0.5 * down
        right = np.einsum("ij,ij->i", up, below)
        return np.divide(right, pairs, out=np.full(pairs.shape, np.nan), where=pairs > 0)

    return measure


def weighted_mean(values: np.ndarray, where: np.ndarray | None = None) -> Measure:
    """The mean of `values` (over the rows in `where`) as a measure over draws.

    Shape: values (row,), where (row,) bool → measure of weights (draw, row) → (draw,), NaN where no row was drawn.
    """
    chosen = np.ones(values.shape) if where is None else where.astype(np.float64)
    numerators = values * chosen

    def measure(weights: np.ndarray) -> np.ndarray:
        counts = weights @ chosen
        return np.divide(weights @ numerators, counts, out=np.full(counts.shape, np.nan), where=counts > 0)

    return measure
