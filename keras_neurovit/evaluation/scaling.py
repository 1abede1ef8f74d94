"""How a score grows with the number of people learnt from, and how many more would be needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError, between
from keras_neurovit.evaluation.bootstrap import Estimate

RATES = np.geomspace(0.05, 3.0, 24)
STEP = float(np.log(RATES[1] / RATES[0]))  # between the rates tried first
SIZES = 3  # different numbers of people that a curve of three parameters needs at least


@dataclass(frozen=True)
class ScalingCurve:
    """A score that approaches its ceiling as a power of the number of people: ceiling − loss · people^(−rate).

    Attributes:
        ceiling, loss, rate: of the curve through the runs.
        draws: (draw, 3) the same of curves through runs drawn anew; what intervals are made of.
        sizes: numbers of people that the runs had.
        level: of the intervals.
    """

    ceiling: float
    loss: float
    rate: float
    draws: np.ndarray
    sizes: tuple[int, ...]
    level: float

    def score(self, people: float) -> Estimate:
        """The score to be expected of so many people."""
        return self._estimate(lambda curve: curve[..., 0] - curve[..., 1] * people ** -curve[..., 2])

    def people_for(self, score: float) -> Estimate:
        """How many people would be needed for a score; infinite above the ceiling."""
        return self._estimate(lambda curve: _people(curve, score))

    def to_dict(self, score: float | None = None) -> dict:
        """The law, its intervals, and how many people a score would take, in JSON's values; None stands for infinite.

        Args:
            score: to be reached; None leaves that out.
        """
        places = {"ceiling": 0, "loss": 1, "rate": 2}
        told = {name: self._estimate(lambda curve, at=at: curve[..., at]) for name, at in places.items()}
        told |= {} if score is None else {"people_for": self.people_for(score)}
        plain = {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in told.items()}
        finite = {n: {k: v if np.isfinite(v) else None for k, v in one.items()} for n, one in plain.items()}
        return {**finite, "sizes": list(self.sizes), "level": self.level} | ({} if score is None else {"score": score})

    def _estimate(self, function) -> Estimate:
        values, tail = function(self.draws), (1 - self.level) / 2
        low, high = np.quantile(values, [tail, 1 - tail], method="nearest")  # infinity has no neighbours between
        value = function(np.array([self.ceiling, self.loss, self.rate]))
        return Estimate(float(value), float(low), float(high), self.level, len(self.sizes))


def fit_scaling_curve(
    people: Sequence[int], scores: Sequence[float], *, draws: int = 500, seed: int = 0, level: float = 0.95
) -> ScalingCurve:
    """Fit a power law through the scores of runs that learnt from various numbers of people.

    Shape: people (run,), scores (run,), between 0 and 1, higher is better

    Args:
        people: how many each run learnt from.
        scores: what each reached, for example AUC on one and the same test.
        draws: how often runs of each size are drawn anew for the intervals.
        seed: of the draws.
        level: of the intervals.

    Raises:
        InputError: fewer than three numbers of people, or a size with one run only, whose spread nobody knows.

    Source: power laws of learning curves, Hestness et al. 2017 (arXiv 1712.00409), section 3; runs drawn with
    replacement, Efron & Tibshirani 1993, section 13.3.

    Example:
        >>> import numpy as np
        >>> people = np.repeat([10, 20, 40, 80, 160], 3)
        >>> curve = fit_scaling_curve(people, 0.95 - 0.9 * people**-0.5)
        >>> round(curve.people_for(0.9).value)
        324
        >>> curve.people_for(0.99).value
        inf
    """
    people, scores = np.asarray(people, "float64"), np.asarray(scores, "float64")
    between("level", level, 0.5, 0.999)
    if people.shape != scores.shape or people.ndim != 1:
        raise InputError("scores do not match people", f"{people.shape[0]} numbers", scores.shape)
    if not (np.isfinite(scores).all() and (people >= 1).all()):
        raise InputError("people or scores are unusable", "1 person or more each, and finite scores")
    groups = [np.flatnonzero(people == size) for size in np.unique(people)]
    if len(groups) < SIZES:
        raise InputError("too few numbers of people for a curve", f"{SIZES} or more", len(groups))
    if thin := [int(people[rows[0]]) for rows in groups if len(rows) < 2]:
        raise InputError("runs of one size need another to tell their spread", "two or more of each", thin)
    random = np.random.default_rng(seed)
    rows = [np.concatenate([random.choice(rows, len(rows)) for rows in groups]) for _ in range(draws)]
    (best, *drawn) = _fit(np.stack([people, *people[rows]]), np.stack([scores, *scores[rows]]))
    sizes = tuple(int(people[rows[0]]) for rows in groups)
    return ScalingCurve(*map(float, best), np.asarray(drawn), sizes, level)


def _fit(people: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The nearest curves. Shape: (curve, run), (curve, run) → (curve, 3)"""
    rates = np.broadcast_to(RATES, (len(people), len(RATES)))
    for step in (STEP, STEP / 5, STEP / 25):
        found, costs = _given_rates(people, scores, rates)
        best = found[np.arange(len(found)), costs.argmin(axis=1)]
        rates = best[:, 2:] * np.exp(np.linspace(-step, step, 11))
    found, costs = _given_rates(people, scores, rates)
    return found[np.arange(len(found)), costs.argmin(axis=1)]


def _given_rates(people, scores, rates):
    """The nearest curve of each rate, whose ceiling and loss are those of a line, and how far it is from the scores.

    Shape: (curve, run), (curve, run), (curve, rate) → (curve, rate, 3), (curve, rate)
    """
    lacking, scores = people[:, None] ** -rates[:, :, None], scores[:, None]
    centred = lacking - lacking.mean(axis=-1, keepdims=True)
    slope = -(centred * scores).sum(axis=-1) / (centred**2).sum(axis=-1)
    loss = np.maximum(slope, 0.0)  # more people do no harm
    ceiling = (scores + loss[..., None] * lacking).mean(axis=-1)
    through_one = np.maximum(((1.0 - scores) * lacking).sum(axis=-1) / (lacking**2).sum(axis=-1), 0.0)
    loss, ceiling = np.where(ceiling > 1.0, through_one, loss), np.minimum(ceiling, 1.0)
    costs = ((ceiling[..., None] - loss[..., None] * lacking - scores) ** 2).sum(axis=-1)
    return np.stack([ceiling, loss, rates], axis=-1), costs


def _people(curve: np.ndarray, score: float) -> np.ndarray:
    above = curve[..., 0] - score
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = (curve[..., 1] / above) ** (1 / curve[..., 2])
    return np.where(above > 0, np.maximum(found, 1.0), np.inf)
