"""Classes alike in age and sex, so that neither tells the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from keras_neurovit._checks import InputError, between
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.table import is_missing

FAR = 1e6  # years; dearer than any number of true pairs


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody at the first visit."""

    name: str
    label: int
    age: float
    alike: tuple[str, ...]


def match(cohort: Cohort, *, within_years: float = 2.0, alike: Sequence[str] = ("sex",)) -> Cohort:
    """The people of whom every class has one of the same sex and about the same age; all scans of each.

    The people of the smallest class are each paired with one of every other class, at most `within_years` apart, such
    that as many as possible find partners and, of these, all differ least in age together. People count as they were
    at their first visit.

    Args:
        cohort: of two or more classes, with a column age.
        within_years: the largest difference of age in a pair.
        alike: columns in which a pair must agree.

    Returns:
        As many people of every class; who was left out stands in the flow.

    Raises:
        InputError: no column age or none of `alike`, fewer than two classes, or nobody finds a partner.

    Source: optimal matching within calipers, Rosenbaum 1989 (Journal of the American Statistical Association 84:1024).

    Example:
        >>> matched = match(cohort.subset(range(20)), within_years=3, alike=[])
        >>> matched.labels, np.bincount(matched.targets).tolist()
        (('CN', 'AD'), [9, 9])
    """
    between("within_years", within_years, 0, 120)
    people, unknown = _people(cohort, alike)
    groups = [[person for person in people if person.label == label] for label in range(len(cohort.labels))]
    if len(groups) < 2 or not all(groups):
        raise InputError(
            f"{cohort.source}: too few classes to match",
            expected="two or more with people whose age is known",
            received=", ".join(f"{n}: {len(g)}" for n, g in zip(cohort.labels, groups, strict=True)),
        )
    small = min(range(len(groups)), key=lambda label: len(groups[label]))
    partners = {
        label: _paired(groups[small], group, within_years) for label, group in enumerate(groups) if label != small
    }
    kept = [place for place in range(len(groups[small])) if all(place in pairs for pairs in partners.values())]
    if not kept:
        raise InputError(
            f"{cohort.source}: nobody has a partner in every other class",
            expected=f"the same {' and '.join(alike) or 'study'} within {within_years:g} years",
            mend="Allow a larger difference of age, or ask for fewer columns to be alike.",
        )
    chosen = {groups[small][place].name for place in kept}
    chosen |= {groups[label][pairs[place]].name for label, pairs in partners.items() for place in kept}
    names = cohort.participants.tolist()
    without = [name not in chosen and name not in unknown for name in names]
    steps = (
        Step("left out", sum(name in unknown for name in names), f"age or {', '.join(alike)} unknown: {some(unknown)}"),
        Step("left out", sum(without), f"no partner of like {', '.join(('age', *alike))} in every class"),
        Step("noted", 0, f"classes are matched: {len(kept)} people of each, within {within_years:g} years"),
    )
    flow = (*cohort.flow, *(step for step in steps if step.scans or step.kind == "noted"))
    return replace(cohort.subset([name in chosen for name in names]), flow=flow)


def _people(cohort: Cohort, alike: Sequence[str]) -> tuple[list[_Person], list[str]]:
    """Everybody at the first visit, and those of whom not all is known."""
    ages = cohort.column("age", float)
    columns = [cohort.column(name).tolist() for name in alike]
    people, unknown = {}, {}
    for place in sorted(range(len(cohort)), key=lambda p: cohort.records[p].visit):
        record = cohort.records[place]
        if record.participant in people or record.participant in unknown:
            continue
        told = tuple(column[place] for column in columns)
        if np.isnan(ages[place]) or any(is_missing(text) for text in told):
            unknown[record.participant] = None
        else:
            people[record.participant] = _Person(record.participant, record.label, float(ages[place]), told)
    return list(people.values()), list(unknown)


def _paired(ones: list[_Person], others: list[_Person], within: float) -> dict[int, int]:
    """Place among `ones` → place of the partner among `others`."""
    from scipy.optimize import linear_sum_assignment

    apart = np.abs(np.subtract.outer([p.age for p in ones], [p.age for p in others]))
    unlike = np.array([[one.alike != other.alike for other in others] for one in ones])
    cost = np.where(unlike | (apart > within), FAR, apart)
    pairs = zip(*linear_sum_assignment(cost), strict=True)
    return {int(one): int(other) for one, other in pairs if cost[one, other] < FAR}
