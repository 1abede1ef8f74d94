"""Two models on the same people: their predictions row by row, how far apart they are, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.evaluation.bootstrap import Estimate, enumerate_people, samples, weighted_mean
from keras_neurovit.evaluation.comparison import compare, holm
from keras_neurovit.evaluation.delong import delong_difference
from keras_neurovit.evaluation.intervals import from_draws
from keras_neurovit.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Comparison:
    """How far one model is from another.

    Args:
        measure: what was compared: auc of two classes, accuracy of more, mae of a regression.
        difference: the first model's less the other's.
        p: of no difference.
        corrected: the same by Holm over all comparisons made at once.
        test: "DeLong", or "permutation of people" where somebody has several scans or there is no such theory.
    """

    measure: str
    difference: Estimate
    p: float
    corrected: float
    test: str


def compare_all(
    one: Predictions,
    others: Mapping[str, Predictions],
    *,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Comparison]:
    """One model against each of others on the same scans of the same people, p-values corrected for their number.

    Args:
        one: predictions of the first model.
        others: of the others, by name.
        draws: of the bootstrap and of the permutations.
        seed: of both.
        level: of the intervals.

    Raises:
        InputError: rows of other people or scans, another truth, or another kind of prediction.

    Source: `delong_difference`, `compare`, `holm`; exchanging signs of people, Good 2005 (Permutation, Parametric and
    Bootstrap Tests of Hypotheses), section 3.2.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n1,0,0.2\\n2,0,0.4\\n3,1,0.7\\n4,1,0.9\\n")
        >>> compare_all(read_predictions("p.csv"), {"itself": read_predictions("p.csv")})["itself"].p
        1.0
    """
    found = {}
    for name, other in others.items():
        found[name] = _compare(one, _aligned(one, other), draws, seed, level)
    corrected = holm({name: p for name, (_, _, p, _) in found.items()})
    return {
        name: Comparison(measure, difference, p, corrected[name], test)
        for name, (measure, difference, p, test) in found.items()
    }


def _compare(one: Predictions, other: Predictions, draws: int, seed: int, level: float):
    if one.kind == "binary":
        if not one.clustered:
            return "auc", *delong_difference(one.targets, one.scores, other.scores, level=level), "DeLong"
        how = {"participants": one.participants, "draws": draws, "seed": seed, "level": level}
        return "auc", *compare(one.targets, one.scores, other.scores, **how), "permutation of people"
    name, values = ("mae", _missed) if one.kind == "regression" else ("accuracy", _right)
    people = enumerate_people(one.participants, len(one))
    return name, *_paired_mean(values(one) - values(other), people, draws, seed, level), "permutation of people"


def _missed(predictions: Predictions) -> np.ndarray:
    return np.abs(predictions.targets - predictions.probabilities)


def _right(predictions: Predictions) -> np.ndarray:
    return (predictions.probabilities.argmax(axis=1) == predictions.targets).astype(float)


def _paired_mean(differences: np.ndarray, people: np.ndarray, draws: int, seed: int, level: float):
    """The mean difference over rows with its interval, and the p-value from exchanging models person by person."""
    value, n = float(differences.mean()), int(people.max()) + 1
    sample = samples({"mean": weighted_mean(differences)}, people, draws=draws, seed=seed)["mean"]
    estimate = from_draws(value, sample, "number", people=n, n=n, draws=draws, level=level)
    each = np.bincount(people, differences)
    random = np.random.default_rng((seed, 1))
    drawn = np.array([each @ random.choice((-1.0, 1.0), n) for _ in range(draws)]) / differences.size
    return estimate, float((np.sum(np.abs(drawn) >= abs(value) - 1e-12) + 1) / (draws + 1))


def _aligned(one: Predictions, other: Predictions) -> Predictions:
    """The other's rows in the order of the first's."""
    if (one.kind, one.labels) != (other.kind, other.labels):
        kinds = (f"{each.kind} {', '.join(each.labels)}".strip() for each in (one, other))
        raise InputError(f"{other.source}: does not predict what {one.source} does", *kinds)
    # Names of scans are compared where both tables tell them; else person and visit have to do.
    parts = 3 if any(one.scans) and any(other.scans) else 2
    keys, others = ([key[:parts] for key in each.keys] for each in (one, other))
    place = {key: row for row, key in enumerate(others)}
    if len(place) < len(others) or len(set(keys)) < len(keys):
        mend = "Tell the scans of a visit apart by a column scan in both tables."
        raise InputError(f"{one.source} and {other.source}: which scan is which is not told", mend=mend)
    missing = [" ".join(filter(None, key)) for key in keys if key not in place]
    extra = [" ".join(filter(None, key)) for key in place.keys() - set(keys)]
    if missing or extra:
        raise InputError(
            f"{other.source}: holds other scans than {one.source}: lacks {counted(len(missing), 'scan')}, has "
            f"{counted(len(extra), 'other')}",
            expected="the same scans of the same people",
            received=some(sorted(missing or extra)),
            mend="A paired comparison is one on the same scans: predict them with both models.",
        )
    other = other.subset(np.array([place[key] for key in keys]))
    unequal = np.flatnonzero(one.targets != other.targets)
    if unequal.size:
        who = some(" ".join(filter(None, keys[row])) for row in unequal)
        raise InputError(f"{other.source}: tells another truth than {one.source} of {who}")
    return other
