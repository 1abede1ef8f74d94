"""Which scans of a cohort a dataset is made of."""

from __future__ import annotations

import sys

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import Cohort


def with_a_target(cohort: Cohort, targets: np.ndarray) -> tuple[Cohort, np.ndarray]:
    """The scans that have a target, and their targets; on standard error, how many have none or only some.

    Shape: (scan,) or (scan, target), NaN where it is not known → the same for the scans that are kept

    Raises:
        InputError: no scan has a target, or targets are no numbers.
    """
    if targets.dtype.kind not in "biuf":
        raise InputError("targets are no numbers", "a number a scan", repr(targets.ravel()[:1].tolist()))
    if targets.dtype.kind != "f" or not np.isnan(targets).any():
        return cohort, targets
    known = ~np.isnan(targets.reshape(len(targets), -1))
    some = known.any(axis=1)
    if not some.any():
        raise InputError(f"{cohort.source}: no scan has a target", "a number for one scan at least", "NaN for all")
    if not some.all():
        print(f"{cohort.source}: {np.sum(~some)} of {len(some)} scans have no target and are left out", file=sys.stderr)
    if not known[some].all():
        counts = ", ".join(str(count) for count in known[some].sum(axis=0))
        print(f"{cohort.source}: of {some.sum()} scans, targets are known of {counts}", file=sys.stderr)
    return cohort.subset(np.flatnonzero(some).tolist()), targets[some]


def of_worker(
    cohort: Cohort, targets: np.ndarray | None, shard: tuple[int, int], even: bool
) -> tuple[Cohort, np.ndarray | None, int | None]:
    """A worker's scans, their targets, and how many it may show an epoch, so that no worker waits for another.

    Args:
        cohort: of all workers.
        targets: a row a scan, or None.
        shard: (worker, workers).
        even: whether every scan is shown once an epoch, in random order.

    Raises:
        InputError: no such worker, fewer scans than workers, epochs that workers would not share evenly.
    """
    worker, workers = shard
    if not 0 <= worker < workers or len(cohort) < workers:
        expected = f"(worker, workers): 0 to workers - 1, of at most {len(cohort)} workers"
        raise InputError("shard is unusable", expected, shard)
    if workers == 1:
        return cohort, targets, None
    if not even:
        mend = "Leave out shard for validation: let every worker see all of it."
        raise InputError("shards are for training", "shuffle=True, sampling='scans', on_error='raise'", None, mend)
    own = np.arange(worker, len(cohort), workers)
    return cohort.subset(own), None if targets is None else targets[own], len(cohort) // workers
