"""Whether one model is better than another, and how sure that is after many comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from keras_neurovit._checks import InputError, between
from keras_neurovit.evaluation.bootstrap import Estimate, enumerate_people, samples, weighted_auc
from keras_neurovit.evaluation.intervals import from_draws
from keras_neurovit.evaluation.metrics import binary_rows, finite_rows


def compare(
    targets: Sequence[int],
    one: Sequence[float],
    other: Sequence[float],
    *,
    participants: Sequence | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Estimate, float]:
    """How much larger the area of one model is than another's on the same people, and a permutation test of it.

    The interval draws people with replacement; the test exchanges the two models' ranks of a person, all rows of whom
    are exchanged together. Right also where people have several rows; `delong_difference` is its quick sister.

    Shape: targets (row,), one (row,), other (row,) → Estimate, p

    Args:
        targets: 0 and 1.
        one: scores of the first model.
        other: of the second.
        participants: whose row it is.
        draws: of the bootstrap, and of the permutations.
        seed: of both.
        level: of the interval.

    Raises:
        InputError: as `roc_auc`.

    Source: exchanging ranks between models: Bandos et al. 2005 (Statistics in Medicine 24:2873).

    Example:
        >>> difference, p = compare([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 3, 4])
        >>> difference.value, p
        (0.0, 1.0)
    """
    from scipy.stats import rankdata

    targets, one = binary_rows(targets, one)
    _, other = binary_rows(targets, other)
    people, positive = enumerate_people(participants, targets.size), targets == 1
    first, second = weighted_auc(positive, one), weighted_auc(positive, other)
    once = np.ones((1, targets.size))
    value = float(first(once)[0] - second(once)[0])
    drawn = samples({"auc": lambda weights: first(weights) - second(weights)}, people, draws=draws, seed=seed)["auc"]
    fewest = min(len(np.unique(people[positive])), len(np.unique(people[~positive])))
    how = {
        "people": fewest,
        "n": int(people.max()) + 1,
        "draws": draws,
        "level": between("level", level, 0.5, 1 - 1e-9),
    }
    interval = from_draws(value, drawn, "number", **how)
    ranks = rankdata([one, other], axis=1)
    random, beyond = np.random.default_rng((seed, 1)), 0
    for _ in range(draws):
        swapped = (random.random(people.max() + 1) < 0.5)[people]
        mixed = np.where(swapped, ranks[::-1], ranks)
        drawn = float(weighted_auc(positive, mixed[0])(once)[0] - weighted_auc(positive, mixed[1])(once)[0])
        beyond += abs(drawn) >= abs(value) - 1e-12
    return interval, (beyond + 1) / (draws + 1)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """P-values of several comparisons, corrected so that the chance of any false one stays what a single one promises.

    Raises:
        InputError: a number outside 0 to 1.

    Source: Holm 1979 (Scand. J. Statist. 6:65).

    Example:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    for name, p in p_values.items():
        between(f"p-value of {name}", p, 0.0, 1.0)
    corrected, least = {}, 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, (len(p_values) - place) * p))
        corrected[name] = least
    return {name: corrected[name] for name in p_values}


def corrected_t_test(differences: Sequence[float], test_share: float, *, level: float = 0.95) -> tuple[Estimate, float]:
    """The mean difference between two models over the folds of a repeated cross-validation, and the p-value of none.

    Folds share most of their training people, so that a plain t-test finds differences where there are none; the
    variance is made larger by what they share.

    Shape: (fold of each repetition,) → Estimate, p

    Args:
        differences: in each fold, for example of the two areas.
        test_share: of a fold in all people, 0.2 for five folds.
        level: of the interval.

    Raises:
        InputError: fewer than two folds, numbers that are not finite.

    Source: Nadeau & Bengio 2003 (Machine Learning 52:239).

    Example:
        >>> difference, p = corrected_t_test([0.1, 0.2, 0.1, 0.2, 0.15], 0.2)
        >>> round(p, 3)
        0.011
    """
    from scipy import stats

    between("test_share", test_share, 1e-6, 1 - 1e-6)
    differences = finite_rows("differences", differences)
    if differences.size < 2:
        raise InputError("differences are too few", expected="two folds or more", received=differences.size)
    value = float(differences.mean())
    variance = float(differences.var(ddof=1)) * (1 / differences.size + test_share / (1 - test_share))
    if variance == 0:
        return Estimate(value, value, value, level, differences.size), float(value == 0)
    student = stats.t(differences.size - 1)
    reach = float(student.ppf(0.5 + level / 2)) * np.sqrt(variance)
    p = 2 * float(student.sf(abs(value) / np.sqrt(variance)))
    return Estimate(value, value - reach, value + reach, level, differences.size), p
