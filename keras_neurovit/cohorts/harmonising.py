"""Differences between sites taken out of features by ComBat, learnt from training people and applied to others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.table import is_missing

LEAST = 2  # people of a site, for a spread to exist


@dataclass(frozen=True, eq=False)
class Combat:
    """What was learnt of sites; `fit_combat` makes it.

    Args:
        sites: those learnt.
        levels: covariate → its values in order, or None for one of numbers.
        features: how many there are.
        fitted: neuroHarmonize's model.
    """

    sites: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...] | None]
    features: int
    fitted: dict = field(repr=False)

    def apply(self, features: np.ndarray, sites: Sequence[str], covariates: Mapping | None = None) -> np.ndarray:
        """Features as they would be had all people been scanned at an average site; each person alone decides.

        Shape: (n, feature) → (n, feature), float64

        Args:
            features: as those learnt from.
            sites: of each person; only those learnt from.
            covariates: those learnt from, by the same names.

        Raises:
            InputError: a site that was not learnt from, covariates or features other than those learnt from, a value
                that is missing.
        """
        table, named = _table(features), [str(site) for site in sites]
        if table.shape[1] != self.features:
            raise InputError("other features than ComBat has learnt from", self.features, table.shape[1])
        unknown = sorted(set(named) - set(self.sites))
        if unknown:
            raise InputError(
                f"ComBat has not learnt from {some(unknown)}",
                expected="one of " + ", ".join(self.sites),
                mend="Leave these people out, or fit on some people of every site.",
            )
        from neuroHarmonize import harmonizationApply

        columns = _columns(covariates or {}, self.levels, len(table))
        # The package takes the sites of those at hand for all that there are: one more of each goes along.
        along = len(self.sites)
        table = np.vstack([table, np.repeat(self.fitted["stand_mean"][:, :1].T, along, axis=0)])
        frame = _frame([*named, *self.sites], {name: [*column, *[0.0] * along] for name, column in columns.items()})
        return harmonizationApply(table, frame, self.fitted)[: len(named)]


def fit_combat(features: np.ndarray, sites: Sequence[str], covariates: Mapping | None = None) -> Combat:
    """Learn how sites differ in location and spread of features, beside what covariates explain.

    Give training people alone: whoever is tested on must not shape what is learnt. Give as covariates what may differ
    between sites and is known of everybody, such as age and sex, but never what is to be predicted: people to predict
    have none, and what ComBat protects would tell it.

    Shape: (n, feature)

    Args:
        features: a row a person, such as volumes of structures, or an encoder's outputs.
        sites: of each person, `cohort.column("site")`.
        covariates: name → values, numbers or texts: `{"age": cohort.ages, "sex": cohort.column("sex")}`.

    Raises:
        InputError: neuroHarmonize not installed, fewer than two sites, a site with a single person, values that are
            missing, or covariates that tell the site.

    Source: Johnson 2007 (Biostatistics 8:118); of images Fortin 2018 (NeuroImage 167:104).

    Example:
        combat = fit_combat(volumes[:80], train.column("site"), {"age": train.ages, "sex": train.column("sex")})
        even = combat.apply(volumes[80:], test.column("site"), {"age": test.ages, "sex": test.column("sex")})
    """
    table, named = _table(features), [str(site) for site in sites]
    if len(named) != len(table):
        raise InputError("sites do not match the features", f"{len(table)}", len(named))
    counts = {site: named.count(site) for site in sorted(set(named))}
    if any(is_missing(site) for site in counts):
        raise InputError("the site of some people is unknown", mend="Leave them out.")
    alone = [site for site, count in counts.items() if count < LEAST]
    if len(counts) < 2 or alone:
        raise InputError(
            f"too few people at {some(alone)}" if alone else "too few sites",
            expected=f"two or more sites of {LEAST} or more people",
            received=", ".join(f"{site} {count}" for site, count in counts.items()),
            mend="Leave such sites out, or join them with others of the same scanner.",
        )
    levels = {str(name): _levels(values) for name, values in (covariates or {}).items()}
    columns = _columns(covariates or {}, levels, len(table))
    design = np.column_stack([np.equal.outer(named, list(counts)), *columns.values()]).astype(float)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise InputError(
            "sites and covariates cannot be told apart",
            expected="covariates that vary within sites and do not follow from each other",
            received=", ".join(levels) or "none",
            mend="Leave a covariate out, or people of the sites where it does not vary.",
        )
    try:
        from neuroHarmonize import harmonizationLearn
    except ModuleNotFoundError as error:
        raise InputError("neuroHarmonize is not installed", mend='Run pip install "keras-neurovit[combat]".') from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # it still uses numpy.matrix
        fitted, _ = harmonizationLearn(table, _frame(named, columns), eb=table.shape[1] > 1)
    return Combat(tuple(counts), levels, table.shape[1], fitted)


def _table(features: np.ndarray) -> np.ndarray:
    table = np.asarray(features, dtype=float)
    if table.ndim != 2:
        raise InputError("features is unusable", expected="a row a person, shape (n, feature)", received=table.shape)
    bad = int((~np.isfinite(table)).any(axis=1).sum())
    if bad:
        raise InputError("features are missing", "finite numbers", f"{bad} people without", "Leave them out.")
    return table


def _levels(values: Sequence) -> tuple[str, ...] | None:
    kinds = np.asarray(values)
    return None if kinds.dtype.kind in "iufb" else tuple(sorted(set(map(str, kinds.tolist()))))


def _columns(covariates: Mapping, levels: Mapping[str, tuple[str, ...] | None], people: int) -> dict[str, np.ndarray]:
    """Covariates as numbers; texts become a column a level but the first, by the levels learnt from."""
    if set(map(str, covariates)) != set(levels):
        raise InputError("other covariates than ComBat has learnt from", some(levels) or "none", some(covariates))
    columns = {}
    for name, known in levels.items():
        values = np.asarray(covariates[name])
        if len(values) != people:
            raise InputError(f"covariate {name!r} does not match the features", people, len(values))
        if known is None:
            columns[name] = values.astype(float)
            missing = ~np.isfinite(columns[name])
        else:
            texts = [str(value) for value in values.tolist()]
            missing = np.array([is_missing(text) for text in texts])
            other = sorted(set(texts) - set(known))
            if other and not missing.any():
                raise InputError(f"covariate {name!r} was never {some(other)} in training", "one of " + some(known))
            columns |= {f"{name}={level}": np.array([text == level for text in texts], float) for level in known[1:]}
        if missing.any():
            raise InputError(f"covariate {name!r} is missing", "a value of everybody", f"{int(missing.sum())} without")
    return columns


def _frame(sites: list[str], columns: dict):
    import pandas

    return pandas.DataFrame({"SITE": sites, **columns})
