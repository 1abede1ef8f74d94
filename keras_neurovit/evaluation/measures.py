"""Measures over draws of people, each an exact scikit-learn measure with weights, for all draws at once."""

from __future__ import annotations

import numpy as np

from keras_neurovit.evaluation.bootstrap import Measure

BINS = 10  # of equal width, as `calibration_error` has
ROUNDS = 25  # of Newton's method; from the solution of all people it needs three or four
STEEPEST = 1e3  # a slope beyond this is that of classes without overlap, whose slope is infinite


def weighted_average_precision(positive: np.ndarray, scores: np.ndarray) -> Measure:
    """The mean precision over the positives, ties counted at one threshold.

    Shape: positive (row,) bool, scores (row,) → measure of weights (draw, row) → (draw,), NaN where no positive is.

    Source: `sklearn.metrics.average_precision_score`.

    Example:
        >>> measure = weighted_average_precision(np.array([False, True, True]), np.array([0.3, 0.2, 0.9]))
        >>> measure(np.ones((1, 3))).round(4).tolist()
        [0.8333]
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    tied, ups = starts.size < ranked.size, positive[order].astype(np.float64)

    def measure(weights: np.ndarray) -> np.ndarray:
        weights = weights[:, order]
        up = weights * ups
        if tied:
            up, weights = (np.add.reduceat(each, starts, axis=1) for each in (up, weights))
        found, told = np.cumsum(up, axis=1), np.cumsum(weights, axis=1)
        precise = np.divide(found, told, out=np.zeros(found.shape), where=told > 0)
        total = found[:, -1]
        area = np.einsum("ij,ij->i", up, precise)
        return np.divide(area, total, out=np.full(total.shape, np.nan), where=total > 0)

    return measure


def weighted_calibration_error(outcomes: np.ndarray, said: np.ndarray) -> Measure:
    """The mean distance of outcomes from what was said, over bins of equal width; see `calibration_error`.

    Shape: outcomes (row,) of 0 and 1, said (row,) → measure of weights (draw, row) → (draw,)

    Example:
        >>> weighted_calibration_error(np.array([0, 1]), np.array([0.25, 0.75]))(np.ones((1, 2))).tolist()
        [0.25]
    """
    missed = np.eye(BINS)[bins_of(said)] * (outcomes - said)[:, None]

    def measure(weights: np.ndarray) -> np.ndarray:
        return np.abs(weights @ missed).sum(axis=1) / weights.sum(axis=1)

    return measure


def bins_of(said: np.ndarray) -> np.ndarray:
    """The bin of each probability.  Shape: (row,) → (row,)

    Example:
        >>> bins_of(np.array([0.0, 0.19, 1.0])).tolist()
        [0, 1, 9]
    """
    return np.minimum((said * BINS).astype(int), BINS - 1)


def weighted_line(targets: np.ndarray, logits: np.ndarray, fixed_slope: bool = False) -> Measure:
    """Slope of the logistic line through outcomes, or with `fixed_slope` the intercept of slope 1.

    Shape: targets (row,) of 0 and 1, logits (row,) → measure of weights (draw, row) → (draw,), NaN where there is no
    finite one: one class, one score, or classes that do not overlap.

    Source: see `calibration_line`; Newton's method, McCullagh & Nelder 1989 (Generalized Linear Models), section 4.4.

    Example:
        >>> weighted_line(np.array([0, 1, 0, 1]), np.array([-1.0, -1.0, 1.0, 1.0]))(np.ones((1, 4))).round(6).tolist()
        [0.0]
    """
    up = targets == 1
    from scipy.special import expit

    columns = np.stack([np.ones_like(logits), logits])[: 1 if fixed_slope else 2]
    offset = logits if fixed_slope else np.zeros_like(logits)
    if not fixed_slope and not _overlapping(logits[up], logits[~up]):
        return lambda weights: np.full(len(weights), np.nan)
    begin = _fit(columns, offset, up.astype(float))
    products = (columns[:, None] * columns[None]).reshape(-1, logits.size)

    def measure(weights: np.ndarray) -> np.ndarray:
        line, left = np.tile(begin, (len(weights), 1)), np.arange(len(weights))
        for _ in range(ROUNDS):
            at, drawn = line[left], weights[left]
            p = expit(offset + at @ columns)
            slope = (drawn * (up - p)) @ columns.T
            bend = ((drawn * (p * (1 - p))) @ products.T).reshape(-1, len(columns), len(columns))
            firm = np.linalg.det(bend) > 1e-12 * drawn.sum(axis=1) ** len(columns)
            step = np.zeros_like(at)
            step[firm] = np.linalg.solve(bend[firm], slope[firm][..., None])[..., 0]
            line[left] = np.where(firm[:, None], at + step, np.nan)
            left = left[firm & (np.abs(step).max(axis=1) > 1e-6)]
            if left.size == 0:
                break
        line[left] = np.nan
        found = line[:, -1]
        return np.where(np.abs(found) < STEEPEST, found, np.nan)

    return measure


def _overlapping(ups: np.ndarray, downs: np.ndarray) -> bool:
    """Whether no threshold parts the two, so that the line through them has a finite slope."""
    return bool(ups.size and downs.size and ups.min() < downs.max() and downs.min() < ups.max())


def _fit(columns: np.ndarray, offset: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The coefficients for all rows, by a method that no start leads astray."""

    from scipy import optimize, special

    def loss(line):
        z = offset + line @ columns
        return np.logaddexp(0, z).sum() - targets @ z, columns @ (special.expit(z) - targets)

    return optimize.minimize(loss, np.zeros(len(columns)), jac=True, method="BFGS", options={"gtol": 1e-9}).x


def weighted_correlation(targets: np.ndarray, said: np.ndarray) -> Measure:
    """Pearson's r.  Shape: (row,), (row,) → measure of weights (draw, row) → (draw,), NaN where one is constant.

    Example:
        >>> weighted_correlation(np.array([1.0, 2, 3]), np.array([2.0, 4, 6]))(np.ones((1, 3))).round(6).tolist()
        [1.0]
    """
    moments = _moments(targets, said)

    def measure(weights: np.ndarray) -> np.ndarray:
        x, y, xx, yy, xy = moments(weights)
        spread = np.sqrt(np.maximum(xx - x * x, 0) * np.maximum(yy - y * y, 0))
        return np.divide(xy - x * y, spread, out=np.full(x.shape, np.nan), where=spread > 1e-12)

    return measure


def weighted_r2(targets: np.ndarray, said: np.ndarray) -> Measure:
    """The share of the targets' variance that is explained.  Shape: as `weighted_correlation`.

    Source: `sklearn.metrics.r2_score`; below 0 where the mean of the targets would do better.

    Example:
        >>> weighted_r2(np.array([1.0, 2, 3]), np.array([1.0, 2, 3]))(np.ones((1, 3))).tolist()
        [1.0]
    """
    scale = targets.std() or 1.0
    around, missed = (targets - targets.mean()) / scale, ((targets - said) / scale) ** 2

    def measure(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        variance = weights @ around**2 / total - (weights @ around / total) ** 2
        ratio = np.divide(weights @ missed / total, variance, out=np.full(total.shape, np.nan), where=variance > 1e-12)
        return 1 - ratio

    return measure


def _moments(targets: np.ndarray, said: np.ndarray):
    # Standardised first, so that differences of squares keep their digits.
    x, y = ((each - each.mean()) / (each.std() or 1.0) for each in (targets, said))
    columns = np.stack([x, y, x * x, y * y, x * y], axis=1)
    return lambda weights: (weights @ columns / weights.sum(axis=1, keepdims=True)).T
