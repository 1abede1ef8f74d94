"""What held-out scores are worth: areas under the curve within folds, their intervals, and how two models differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from keras_neurovit.evaluation.intervals import from_draws

DRAWS = 4000


@dataclass(frozen=True)
class Scored:
    """Scans scored by models that never met their people, once for each repetition.

    Two scans are compared where one model scored both: models of different folds have scales of their own.

    Args:
        scores: (repetition, scan).
        targets: (scan,), 0 or 1.
        folds: (repetition, scan), which model of the repetition scored it.
        people: (scan,), whose scan it is.
    """

    scores: np.ndarray
    targets: np.ndarray
    folds: np.ndarray
    people: np.ndarray

    def subset(self, rows: np.ndarray) -> Scored:
        """Some of the scans."""
        whole = (self.scores[:, rows], self.targets[rows], self.folds[:, rows], self.people[rows])
        return Scored(*whole)

    def scored_by(self, number: np.ndarray) -> Scored:
        """The same scans compared in the same pairs, by one number a scan. Shape: (scan,)"""
        return replace(self, scores=np.broadcast_to(number, self.scores.shape))

    def auc(self) -> float:
        """Share of pairs in which the one who has it scores higher, of those that one model scored.

        Example:
            >>> one = Scored(np.array([[0.1, 0.3, 0.2, 0.9]]), np.array([0, 0, 1, 1]), np.zeros((1, 4)), np.arange(4))
            >>> one.auc(), replace(one, folds=np.array([[0, 1, 1, 0]])).auc()
            (0.75, 0.5)
        """
        higher, pairs = self._pairs()
        return float(higher.sum() / pairs.sum())

    def by_repetition(self) -> list[float]:
        """`auc` of each repetition."""
        return [
            replace(self, scores=s[None], folds=f[None]).auc() for s, f in zip(self.scores, self.folds, strict=True)
        ]

    def drawn(self, seed: int, draws: int = DRAWS) -> np.ndarray:
        """`auc` of people drawn with replacement; the same draws for every model. Shape: → (draw,)"""
        higher, pairs = self._pairs()
        people, whose = np.unique(self.people, return_inverse=True)
        random, above, found = np.random.default_rng(seed), self.targets == 1, []
        while len(found) < draws:
            times = np.bincount(random.integers(0, len(people), len(people)), minlength=len(people))[whose]
            ones, zeros = times[above], times[~above]
            if compared := ones @ pairs @ zeros:
                found.append(ones @ higher @ zeros / compared)
        return np.asarray(found)

    def estimate(self, seed: int) -> dict[str, float]:
        """`auc` with its interval over people."""
        few = min(len(np.unique(self.people[self.targets == label])) for label in (0, 1))
        n = len(np.unique(self.people))
        told = from_draws(self.auc(), self.drawn(seed), "area", people=few, n=n, draws=DRAWS, level=0.95)
        return {"value": told.value, "low": told.low, "high": told.high, "n": n}

    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """How often each pair is ordered rightly, and how often one model scored it. Shape: → (one, zero) twice"""
        above = self.targets == 1
        ones, zeros = self.scores[:, above, None], self.scores[:, None, ~above]
        together = self.folds[:, above, None] == self.folds[:, None, ~above]
        return (((ones > zeros) + 0.5 * (ones == zeros)) * together).sum(axis=0), together.sum(axis=0)


def difference(one: Scored, other: Scored, seed: int) -> dict[str, float]:
    """How two models differ on the same people: the first's area less the second's, its interval, and p.

    Example:
        >>> one = Scored(np.array([[1, 2, 3, 4] * 6]), np.arange(24) % 4 // 2, np.zeros((1, 24)), np.arange(24))
        >>> found = difference(one, one.scored_by(np.arange(24) % 2), seed=0)
        >>> found["value"], found["p"] < 0.05
        (0.5, True)
    """
    apart = one.drawn(seed) - other.drawn(seed)
    low, high = np.quantile(apart, (0.025, 0.975))
    p = min(1.0, 2 * min((apart <= 0).mean(), (apart >= 0).mean()) + 1 / len(apart))
    n = len(np.unique(one.people))
    return {"value": one.auc() - other.auc(), "low": float(low), "high": float(high), "n": n, "p": float(p)}


def gathered(
    runs: Sequence[Sequence[tuple[np.ndarray, np.ndarray]]], targets: np.ndarray, people: np.ndarray
) -> Scored:
    """Scores of everybody from those of each run.

    Args:
        runs: of each repetition the runs, each the places of the scans that it was tested on and their scores.
        targets: of everybody, 0 or 1.
        people: of everybody, whose scan it is.
    """
    scores, folds = np.full((2, len(runs), len(targets)), np.nan)
    for repetition, parts in enumerate(runs):
        for fold, (rows, told) in enumerate(parts):
            scores[repetition, rows], folds[repetition, rows] = told, fold
    return Scored(scores, targets, folds, people)
