"""From draws to an interval, each kind of measure on the scale on which intervals cover what they promise."""

from __future__ import annotations

from typing import Literal

import numpy as np

from keras_neurovit.evaluation.bootstrap import Estimate

Kind = Literal["area", "share", "correlation", "slope", "size", "number"]


def from_draws(
    value: float,
    sample: np.ndarray,
    kind: Kind,
    *,
    people: int,
    n: int,
    draws: int,
    level: float,
) -> Estimate:
    """An estimate from a measure's bootstrap sample.

    Percentiles of draws are too narrow among few people and near a bound, so each kind has its own way. "area": the
    spread of the draws on the scale of the logit, by a t-distribution. "share": Wilson's interval for as many people
    as the draws' spread speaks for. "correlation": that spread on the scale of Fisher's z. "slope": the spread of the
    middle two thirds, which a few nearly separated draws do not stretch. "size", a number above 0: the spread on the
    scale of the logarithm, by a t-distribution. "number": percentiles, widened by what a t-distribution is wider than
    a normal one.

    Shape: sample (draw,) without NaN

    Args:
        value: the measure on the data themselves; NaN where it is undefined.
        sample: of the draws.
        kind: of the measure.
        people: who tell it: of a share the people it is a share of, of an area the smaller class.
        n: everybody.
        draws: asked for; where half of them or more were undefined, so is the interval.
        level: of the interval.

    Source: logit scale, Pepe 2003 (The Statistical Evaluation of Medical Tests), section 5.2; effective numbers in
    Wilson's interval, Korn & Graubard 1998 (Survey Methodology 24:193); expanded percentiles, Hesterberg 2015 (The
    American Statistician 69:371).

    Example:
        >>> sample = np.random.default_rng(0).normal(0.9, 0.03, 999)
        >>> print(from_draws(0.9, sample, "share", people=99, n=99, draws=999, level=0.95))
        0.900 [0.828, 0.944]
    """
    from scipy.stats import norm, t

    low = high = np.nan
    if np.isfinite(value) and sample.size * 2 > draws:
        spread, tail = float(sample.std(ddof=1)) if sample.size > 1 else 0.0, (1 - level) / 2
        z = float(norm.ppf(1 - tail))
        if kind == "area":
            low, high = _area(value, spread, people, tail)
        elif kind == "share":
            low, high = _wilson(value, spread, people, z)
        elif kind == "correlation" and abs(value) < 1 - 1e-12:
            reach = z * spread / (1 - value**2)
            low, high = np.tanh(np.arctanh(value) - reach), np.tanh(np.arctanh(value) + reach)
        elif kind == "slope":
            reach = z * float(np.diff(np.quantile(sample, norm.cdf([-1, 1])))[0]) / 2
            low, high = value - reach, value + reach
        elif kind == "size" and value > 0 and spread > 0 and people > 1:
            reach = float(t.ppf(1 - tail, people - 1)) * spread / value
            low, high = value * np.exp(-reach), value * np.exp(reach)
        else:
            low, high = _expanded(sample, people, tail)
    return Estimate(float(value), float(low), float(high), level, n)


def _area(value: float, spread: float, people: int, tail: float) -> tuple[float, float]:
    if value in (0.0, 1.0):  # of all people of the smaller class, each was right (or wrong)
        bound = tail ** (1 / people)
        return (bound, 1.0) if value else (0.0, 1 - bound)
    if spread == 0:
        return 0.0, 1.0
    from scipy import stats

    wide = float(stats.t.ppf(1 - tail, max(people - 1, 1)))
    middle, reach = np.log(value / (1 - value)), wide * spread / (value * (1 - value))
    return tuple(1 / (1 + np.exp(-(middle + side * reach))) for side in (-1, 1))


def wilson(value: float, people: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share.

    Source: Wilson 1927 (J. Am. Statist. Assoc. 22:209).

    Example:
        >>> [round(float(bound), 3) for bound in wilson(0.9, 10)]
        [0.596, 0.982]
    """
    from scipy.stats import norm

    return _wilson(value, 0.0, people, float(norm.ppf(0.5 + level / 2)))


def _wilson(value: float, spread: float, people: float, z: float) -> tuple[float, float]:
    # Several scans of a person say less than as many people: the draws' spread tells how many they stand for.
    stands_for = value * (1 - value) / spread**2 if spread > 0 and 0 < value < 1 else people
    middle = (value + z * z / (2 * stands_for)) / (1 + z * z / stands_for)
    reach = z / (1 + z * z / stands_for) * np.sqrt(value * (1 - value) / stands_for + z * z / (4 * stands_for**2))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _expanded(sample: np.ndarray, people: int, tail: float) -> tuple[float, float]:
    if people < 2:
        return np.nan, np.nan
    from scipy import stats

    wider = stats.norm.cdf(stats.t.ppf(tail, people - 1) * np.sqrt(people / (people - 1)))
    return tuple(np.quantile(sample, [wider, 1 - wider]))
