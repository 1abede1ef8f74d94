"""How a model does among some of the people: each sex, each age, each site, each kind of scanner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_neurovit.cohorts.record import natural
from keras_neurovit.evaluation.bootstrap import Estimate
from keras_neurovit.evaluation.covariates import covariate
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.scorecard import MAIN, scorecard

BY = ("sex", "age", "site", "field_strength", "manufacturer", "cohort")
DECADE = 10  # years of an age band


@dataclass(frozen=True)
class Stratum:
    """Some of the people, and the main measure among them.

    Args:
        by: what they have in common: one of `BY`.
        value: which.
        people: how many they are.
        scans: of each label, in the order of the labels; of a regression, all in one number.
        measure: auc, or mae of a regression.
        estimate: with its interval; None where a class is absent among them.
    """

    by: str
    value: str
    people: int
    scans: tuple[int, ...]
    measure: str
    estimate: Estimate | None


def strata(predictions: Predictions, *, draws: int = 2000, seed: int = 0, level: float = 0.95) -> list[Stratum]:
    """The main measure by sex, age band of ten years, site and the like (`BY`), as far as the table tells them.

    Args:
        predictions: with such columns, see `covariates.NAMES`.
        draws: of the bootstrap.
        seed: of the draws.
        level: of the intervals.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> rows = ["1,0,0.2,F", "2,1,0.7,F", "3,0,0.4,M", "4,0,0.5,M"]
        >>> _ = Path("p.csv").write_text("participant_id,target,probability,sex\\n" + "\\n".join(rows))
        >>> [(one.value, one.estimate and one.estimate.value) for one in strata(read_predictions("p.csv"), draws=9)]
        [('F', 1.0), ('M', None)]
    """
    found, measure = [], MAIN[predictions.kind]
    for by in BY:
        groups = _groups(predictions, by)
        for value in sorted(set(groups) - {""}, key=natural):
            some = predictions.subset(np.array([group == value for group in groups]))
            whole = len(set(some.targets.tolist())) == len(predictions.labels) or predictions.kind == "regression"
            how = {"draws": draws, "seed": seed, "level": level}
            estimate = scorecard(some, only=[measure], **how)[measure] if whole else None
            scans = np.bincount(some.targets, minlength=len(some.labels)).tolist() if some.labels else [len(some)]
            found.append(Stratum(by, value, len(set(some.participants)), tuple(scans), measure, estimate))
    return found


def _groups(predictions: Predictions, by: str) -> list[str]:
    values = covariate(predictions, by)
    if values is None:
        return []
    if by == "age":
        return ["" if np.isnan(age) else _band(age) for age in values]
    if by == "field_strength":  # 2.89 T is sold as 3 T, 1.494 as 1.5
        return ["" if np.isnan(tesla) else f"{round(2 * tesla) / 2:g} T" for tesla in values]
    return values.tolist()


def _band(age: float) -> str:
    begin = int(age // DECADE) * DECADE
    return f"{begin}–{begin + DECADE - 1}"
