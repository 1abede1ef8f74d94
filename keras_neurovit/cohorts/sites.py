"""Splits by site: does a model hold where it has never been?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.split import need_every_class
from keras_neurovit.cohorts.table import is_missing


class SiteFold(NamedTuple):
    """A site that is tested on, and the others."""

    site: str
    train: Cohort
    test: Cohort


def hold_out_sites(cohort: Cohort, sites: str | Iterable[str], column: str = "site") -> tuple[Cohort, Cohort]:
    """Training and test cohorts that share neither site nor person.

    People scanned at sites of both sides are tested only: their scans at the training sites are left out. So are scans
    whose site is unknown.

    Args:
        cohort: with a column of sites.
        sites: the site or sites to test on.
        column: that tells the site.

    Raises:
        InputError: no such column or site, or a side without a class.

    Example:
        >>> train, test = hold_out_sites(cohort, "M", column="sex")
        >>> len(train), len(test)
        (20, 20)
    """
    train, test = _sides(cohort, {sites} if isinstance(sites, str) else set(map(str, sites)), column)
    need_every_class("the training side", train, cohort)
    need_every_class("the held-out side", test, cohort)
    return train, test


def leave_one_site_out(cohort: Cohort, column: str = "site") -> list[SiteFold]:
    """For each site, it as the test side and all others as the training side; no person on both.

    A site that lacks a class cannot be tested on: it trains in every fold, and the flow says so.

    Args:
        cohort: with a column of sites.
        column: that tells the site.

    Raises:
        InputError: no such column, or fewer than two sites with every class.

    Example:
        >>> [(fold.site, len(fold.train), len(fold.test)) for fold in leave_one_site_out(cohort, "sex")]
        [('F', 20, 20), ('M', 20, 20)]
    """
    texts = cohort.column(column).tolist()
    present: dict[str, set[int]] = {}
    for text, label in zip(texts, cohort.targets.tolist(), strict=True):
        if not is_missing(text):
            present.setdefault(text, set()).add(label)
    whole = sorted(site for site, labels in present.items() if len(labels) == len(cohort.labels))
    if len(whole) < 2:
        raise InputError(
            f"{cohort.source}: too few sites to leave one out",
            expected=f"two or more in {column} with scans of every class",
            received=some(sorted(whole)) or "none",
        )
    rest = sorted(set(present) - set(whole))
    note = (Step("noted", 0, f"{column} without every class, for training only: {some(rest)}"),) if rest else ()
    folds = []
    for site in whole:
        train, test = _sides(replace(cohort, flow=(*cohort.flow, *note)), {site}, column)
        need_every_class(f"training without {site}", train, cohort)
        folds.append(SiteFold(site, train, test))
    return folds


def _sides(cohort: Cohort, held: set[str], column: str) -> tuple[Cohort, Cohort]:
    texts = cohort.column(column).tolist()
    known = {text for text in texts if not is_missing(text)}
    for site in held:
        one_of(f"{column} in {cohort.source}:", site, known)
    tested = {bare(r.participant) for r, text in zip(cohort.records, texts, strict=True) if text in held}
    side = [
        "unknown"
        if is_missing(text)
        else "test"
        if text in held
        else "both"
        if bare(r.participant) in tested
        else "train"
        for r, text in zip(cohort.records, texts, strict=True)
    ]
    steps = (
        Step("left out", side.count("unknown"), f"{column} unknown"),
        Step("left out", side.count("both"), f"of people who were also scanned at {some(sorted(held))}, held out"),
    )
    whole = replace(cohort, flow=(*cohort.flow, *(step for step in steps if step.scans)))
    return whole.subset([s == "train" for s in side]), whole.subset([s == "test" for s in side])
