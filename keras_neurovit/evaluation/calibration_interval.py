"""An interval of the expected calibration error, which chance can only raise."""

from __future__ import annotations

import numpy as np

from keras_neurovit._checks import between
from keras_neurovit.evaluation.measures import BINS, bins_of

LUCKS = 800  # draws of what might have happened, for each size of the error that is tried
CELLS = 50_000_000  # draws × rows held at once; larger tables get by with fewer draws
STEPS = 12  # of halving: what is left is below a thousandth of where it began
LEAST = 1e-3  # variance of an outcome that was told to be certain


def calibration_interval(
    outcomes: np.ndarray, said: np.ndarray, people: np.ndarray, *, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """The sizes of the calibration error that what was seen does not speak against.

    The error seen is larger than the truth, because chance moves every bin away from what was said; percentiles of a
    bootstrap, which adds chance once more, miss the truth. So each size of the true error is tried in turn: outcomes
    are drawn that are off by as much, and the size is left out where hardly any of them show an error as large, or as
    small, as the one seen. How the size lies over the bins is what was seen, drawn nearer to what was said (or taken
    further from it) by a multiple of each bin's variance. Of small sizes the upper tail is cut more, of none at all
    it alone, so that nothing is lost where the truth is none.

    A person's rows share their luck, and people are drawn with replacement. The error itself may lie above the
    interval: then chance alone would have given most of it. Simulated coverage: `tests/evaluation/test_coverage.py`.

    Shape: outcomes (row,) of 0 and 1, said (row,), people (row,) of 0 … n − 1 → low, high

    Args:
        outcomes: whether it happened.
        said: the probability of that.
        people: whose row it is.
        seed: of the draws.
        level: of the interval.

    Source: intervals by inverting a bootstrap test, Carpenter 1999 (J. R. Statist. Soc. B 61:159); what else is
    unknown held where the size tried has it, Chuang & Lai 2000 (Statistica Sinica 10:1); what was seen among the draws,
    Davison & Hinkley 1997 (Bootstrap Methods and their Application), section 4.2.

    Example:
        >>> outcomes = np.arange(100) % 2
        >>> low, high = calibration_interval(outcomes, np.full(100, 0.5), np.arange(100))
        >>> low, 0.01 < high < 0.15
        (0.0, True)
    """
    between("level", level, 0.5, 1 - 1e-9)
    tried = _Tried(np.asarray(outcomes, float), np.asarray(said, float), np.asarray(people), seed)
    by_chance, of_none = tried.none, tried(tried.none)[1].mean()

    def plausible(shrunk: float) -> tuple[bool, bool]:
        """Whether the error seen is not too large, and not too small, for a size."""
        size, drawn = tried(shrunk)
        below = (1 - level) / 2 * min(1.0, size / of_none) if of_none > 0 else (1 - level) / 2
        # What was seen counts as one of the draws, or few of them would leave out too much.
        large = (1 + (drawn >= tried.seen - 1e-9).sum()) / (1 + drawn.size)
        small = (1 + (drawn <= tried.seen + 1e-9).sum()) / (1 + drawn.size)
        return large > 1 - level - below, small > below

    low = 0.0
    if not plausible(by_chance)[0]:
        further = 0.0 if plausible(0.0)[0] else -1.0
        low = tried(_edge(lambda shrunk: not plausible(shrunk)[0], by_chance, further))[0]
    if not plausible(by_chance)[1]:
        return 0.0, 0.0
    further = -1.0
    while further > -2.0 / LEAST and plausible(further)[1]:
        further *= 2
    high = tried(_edge(lambda shrunk: plausible(shrunk)[1], by_chance, further))[0]
    return low, max(low, high)


def _edge(holds, begin: float, end: float) -> float:
    """Where a condition ends that holds at `begin` and does not at `end`."""
    for _ in range(STEPS):
        middle = (begin + end) / 2
        begin, end = (middle, end) if holds(middle) else (begin, middle)
    return (begin + end) / 2


class _Tried:
    """Calibration errors that would be seen, were the truth another: the same luck for every size."""

    def __init__(self, outcomes: np.ndarray, said: np.ndarray, people: np.ndarray, seed: int):
        order = np.argsort(bins_of(said), kind="stable")
        outcomes, self.said, people = outcomes[order], said[order], people[order]
        self.bins, n = bins_of(self.said), int(people.max()) + 1
        random, draws = np.random.default_rng((seed, 2)), int(np.clip(CELLS // said.size, 100, LUCKS))
        self.luck = random.random((draws, n), dtype="float32")[:, people]
        self.is_in = np.eye(BINS, dtype="float32")[self.bins]
        self.counts = np.bincount(self.bins, minlength=BINS)
        self.told = self._sums(self.said)
        per_person = np.zeros((n, BINS))
        np.add.at(per_person, (people, self.bins), 1.0)
        again = random.multinomial(n, np.full(n, 1 / n), size=draws) @ per_person
        self.shares = again / again.sum(axis=1, keepdims=True) - self.counts / said.size
        held = np.maximum(self.counts, 1)
        missed, seen = (self._sums(outcomes) - self.told) / held, self._sums(outcomes) / held
        towards = np.where(self.told / held > 0.5, -1.0, 1.0)  # of a bin that was right, where there is more room
        self.away, self.side = np.abs(missed), np.where(missed == 0, towards, np.sign(missed))
        meant = self._sums(self.said * (1 - self.said)) / held
        self.variance = np.maximum(np.maximum(meant, seen * (1 - seen)), LEAST)
        self.seen = float(self.away @ self.counts / said.size)
        self.none = float((self.away / self.variance).max())  # shrunk by so much, nothing is left of any bin

    def __call__(self, shrunk: float) -> tuple[float, np.ndarray]:
        """The size of an error, and what would be seen of it.  Shape: → scalar, (draw,)"""
        off = self.side * np.maximum(self.away - shrunk * self.variance, 0.0)
        meant = np.clip(self.said + off[self.bins], 0.0, 1.0)
        off = np.abs(self._sums(meant) - self.told) / np.maximum(self.counts, 1)
        happened = (self.luck < meant.astype("float32")).astype("float32") @ self.is_in
        drawn = np.abs(happened - self.told).sum(axis=1) / self.said.size + self.shares @ off
        return float(off @ self.counts / self.said.size), drawn

    def _sums(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.bins, values, BINS)
