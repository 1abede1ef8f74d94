"""What a model has to beat: all that is known of people without looking at their brain."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.table import find_column
from keras_neurovit.evaluation.bootstrap import Estimate
from keras_neurovit.evaluation.covariates import NUMBERS, covariate
from keras_neurovit.evaluation.delong import delong_auc
from keras_neurovit.evaluation.paired import Comparison, compare_all
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.scorecard import MAIN, scorecard

USED = ("age", "sex", "site", "brain_volume", "voxel_size")
CALIPER = 0.2  # standard deviations that two matched brains may differ by


@dataclass(frozen=True)
class Baseline:
    """A baseline beside a model.

    Args:
        used: what it was told.
        estimate: its auc, or mae of a regression.
        model: how far the model is from it.
        folds: "the table's", or how many were drawn; "trained on …" where people to train on were given.
    """

    used: tuple[str, ...]
    estimate: Estimate
    model: Comparison
    folds: str


def confound_baseline(
    predictions: Predictions,
    train: Predictions | None = None,
    *,
    folds: int = 5,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Baseline | None:
    """Logistic (or ridge) regression on age, sex, site, brain volume and voxel size, as far as the table tells them.

    It is fitted on `train` where that is given; else cross-validated, on the folds of the table's column `fold` if it
    has one, else on folds drawn over people. What tells the target itself (the sex of a model of sex) is left out.

    Args:
        predictions: with such columns, see `covariates.NAMES`.
        train: the people that the model was trained on, with the same columns; its predictions are not used.
        folds: to draw.
        draws: of the bootstrap.
        seed: of folds and draws.
        level: of the intervals.

    Returns:
        None where the table tells nothing, or too few people of a class to cross-validate.

    Source: the pipeline of scikit-learn's user guide, section 7.1.4: unknown numbers by the median, unknown sites by
    none; folds, `StratifiedGroupKFold`.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> rows = [f"{i},{i % 2},{0.3 + 0.4 * (i % 2)},{60 + 10 * (i % 2)}" for i in range(20)]
        >>> _ = Path("p.csv").write_text("participant_id,target,probability,age\\n" + "\\n".join(rows))
        >>> found = confound_baseline(read_predictions("p.csv"), draws=9)
        >>> found.used, found.estimate.value
        (('age',), 1.0)
    """
    known = {name: covariate(predictions, name) for name in USED}
    if train is not None:
        if train.labels != predictions.labels:
            what = f"{train.source}: does not predict what {predictions.source} does"
            raise InputError(what, predictions.labels or "numbers", train.labels or "numbers")
        known = {name: values for name, values in known.items() if covariate(train, name) is not None}
    used = tuple(name for name, values in known.items() if values is not None and not _tells(values, predictions))
    if not used:
        return None
    table = _table(predictions, used)
    if train is not None:
        said, how = _said(_fitted(train, _table(train, used), used), table, predictions), f"trained on {train.source}"
    else:
        pairs, how = _folds(predictions, folds, seed)
        if not pairs:
            return None
        said = np.zeros(predictions.probabilities.shape)
        for learn, test in pairs:
            model = _fitted(predictions.subset(learn), table[learn], used)
            said[test] = _said(model, table[test], predictions)
    settings = {"draws": draws, "seed": seed, "level": level}
    baseline = replace(predictions, probabilities=said, source="confounds")
    main = MAIN[predictions.kind]
    estimate = scorecard(baseline, only=[main], **settings)[main]
    return Baseline(used, estimate, compare_all(predictions, {"model": baseline}, **settings)["model"], how)


def _tells(values: np.ndarray, predictions: Predictions) -> bool:
    """Whether a column is the target under another name: a class by each value, and a value by each class."""
    pairs = set(zip(values.tolist(), predictions.targets.tolist(), strict=True))
    few = len(pairs) == len(set(values.tolist())) == len(set(predictions.targets.tolist()))
    return few and (values.dtype.kind == "U" or predictions.kind == "regression")


def _table(predictions: Predictions, used: tuple[str, ...]) -> np.ndarray:
    return np.stack([covariate(predictions, name).astype(object) for name in used], axis=1)


def _fitted(people: Predictions, table: np.ndarray, used: tuple[str, ...]):
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [place for place, name in enumerate(used) if name in NUMBERS]
    texts = [place for place, name in enumerate(used) if name not in NUMBERS]
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    columns = make_column_transformer(
        (make_pipeline(fill, StandardScaler()), numbers), (OneHotEncoder(handle_unknown="ignore"), texts)
    )
    last = LogisticRegression(max_iter=1000) if people.labels else Ridge()
    return make_pipeline(columns, last).fit(table, people.targets)


def _said(model, table: np.ndarray, predictions: Predictions) -> np.ndarray:
    if not predictions.labels:
        return model.predict(table)
    said = np.zeros((len(table), len(predictions.labels)))
    said[:, model[-1].classes_] = model.predict_proba(table)
    return said


def _folds(predictions: Predictions, folds: int, seed: int) -> tuple[list, str]:
    """Pairs of rows to learn from and to test on that share no person."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    people = np.array(predictions.participants)
    column = find_column(predictions.columns, "fold", predictions.source)
    if column:
        names = np.array(predictions.columns[column])
        pairs = [(~np.isin(people, people[names == name]), names == name) for name in dict.fromkeys(names.tolist())]
        if len(pairs) > 1 and all(len(set(predictions.targets[learn].tolist())) > 1 for learn, _ in pairs):
            return pairs, "the table's"
    groups = [set(people[predictions.targets == target]) for target in np.unique(predictions.targets)]
    smallest = min(map(len, groups)) if predictions.labels else len(set(people))
    if smallest < folds:
        return [], ""
    how = {"shuffle": True, "random_state": seed}
    splitter = StratifiedGroupKFold(folds, **how) if predictions.labels else GroupKFold(folds, **how)
    return list(splitter.split(people, predictions.targets, people)), f"{folds} drawn"


@dataclass(frozen=True)
class Matched:
    """A model among people of the two classes whose brains are alike in size.

    Args:
        estimate: its auc among them.
        size_alone: auc of the size of their brains, which matching is to bring to 0.5.
        pairs: how many there are.
    """

    estimate: Estimate
    size_alone: float
    pairs: int


def matched_auc(predictions: Predictions, *, level: float = 0.95) -> Matched | None:
    """The AUC among pairs of one person of each class whose brain volumes are within 0.2 standard deviations.

    As many pairs as can be; of somebody with several scans the first counts. A model of sex that only sees how large
    a head is falls to 0.5 here.

    Returns:
        None where the table tells no brain volume, or fewer than two pairs can be found.

    Source: the caliper, Austin 2011 (Pharmaceutical Statistics 10:150).

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> rows = [f"{i},{i % 2},{1 - i / 40},{1200 + 5 * i}" for i in range(40)]
        >>> _ = Path("p.csv").write_text("participant_id,target,probability,brain_volume\\n" + "\\n".join(rows))
        >>> matched_auc(read_predictions("p.csv")).pairs
        20
    """
    sizes = covariate(predictions, "brain_volume") if predictions.kind == "binary" else None
    if sizes is None:
        return None
    firsts = np.unique(predictions.participants, return_index=True)[1]
    firsts = firsts[np.isfinite(sizes[firsts])]
    caliper = CALIPER * sizes[firsts].std() if firsts.size else 0.0
    ups, downs = (sorted(firsts[predictions.targets[firsts] == side], key=lambda row: sizes[row]) for side in (1, 0))
    chosen: list[int] = []
    up = down = 0
    while up < len(ups) and down < len(downs):  # in order of size, the first that fit: no other way finds more pairs
        gap = sizes[ups[up]] - sizes[downs[down]]
        if abs(gap) <= caliper:
            chosen += [ups[up], downs[down]]
        up, down = up + (gap <= caliper), down + (gap >= -caliper)
    if len(chosen) < 4:
        return None
    targets = predictions.targets[chosen]
    found = delong_auc(targets, predictions.scores[chosen], level=level)
    return Matched(found, delong_auc(targets, sizes[chosen]).value, len(chosen) // 2)
