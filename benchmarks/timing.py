"""Taking turns: what is compared is measured alternately, in one run, and told as medians."""

from __future__ import annotations

import contextlib
import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping

import numpy as np
from threadpoolctl import threadpool_limits


def alternate(
    works: Mapping[str, Callable], rounds: int, *, clock=time.process_time, warm: int = 1, calls: int = 1
) -> dict[str, float]:
    """Median seconds of each work; by default those of all cores together, so that threads gain nothing.

    Args:
        works: name → what to do.
        rounds: measurements of each, taken in turns.
        clock: `time.perf_counter` for what passes by the clock on the wall.
        warm: turns beforehand that do not count: compilations, first reads.
        calls: in a row, a turn: the first finds the processor's memory full of what the others left.
    """
    for _ in range(warm):
        for work in works.values():
            work()
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = clock()
            for _ in range(calls):
                work()
            seconds[name].append((clock() - start) / calls)
    return {name: statistics.median(values) for name, values in seconds.items()}


@contextlib.contextmanager
def one_thread():
    """Ours and every installed peer on one thread."""
    with threadpool_limits(1):
        if importlib.util.find_spec("torch"):
            import torch

            torch.set_num_threads(1)
        yield


def ratios(seconds: Mapping[str, float], ours: str = "ours") -> dict[str, float]:
    """How many times as long as ours each other takes."""
    return {f"{name}_over_{ours}": round(value / seconds[ours], 2) for name, value in seconds.items() if name != ours}


def milliseconds(seconds: Mapping[str, float]) -> dict[str, float]:
    return {f"{name}_ms": round(1000 * value, 2) for name, value in seconds.items()}


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two volumes of one shape, once their heads are moved onto each other by whole voxels.

    Example:
        >>> volume = np.random.default_rng(0).random((9, 9, 9))
        >>> alike(volume, volume) > 0.999, alike(volume, volume[::-1]) < 0.5
        (True, True)
    """

    def centre(volume):
        inside = np.argwhere(volume > np.quantile(volume, 0.5) + 0.1 * np.ptp(volume))
        return inside.mean(axis=0) if len(inside) else np.zeros(3)

    moved = np.roll(other, np.rint(centre(one) - centre(other)).astype(int), axis=(0, 1, 2))
    return float(np.corrcoef(one.ravel(), moved.ravel())[0, 1])
