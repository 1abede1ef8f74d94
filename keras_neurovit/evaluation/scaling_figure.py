"""The figure that tells what more people are worth."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation.figures import COLOURS, DASHES, new_figure, save_figure
from keras_neurovit.evaluation.scaling import fit_scaling_curve

FURTHER = 4.0  # times the largest number of people, as far as curves are drawn


def scaling_figure(
    path: str | os.PathLike, runs: Mapping[str, tuple[Sequence[int], Sequence[float]]], *, score: str = "AUC"
) -> Path:
    """Draw scores over the people learnt from, a power law through them and its 95 % interval; the PNG's path.

    Beyond the largest number of people the law is extrapolated, which is drawn thin.

    Args:
        path: where to write, ending in .png; the folder is created.
        runs: name → (people, scores), a number each of every run; up to 7 names. Too few for a law, they stand alone.
        score: what the scores are called.

    Raises:
        InputError: matplotlib is missing, the path is no .png, too many names.

    Source: `fit_scaling_curve`.

    Example:
        >>> people = np.repeat([10, 20, 40, 80], 3)
        >>> runs = {"scratch": (people, 0.9 - 0.9 * people**-0.5), "few": ([10], [0.8])}
        >>> scaling_figure("scaling.png", runs).name
        'scaling.png'
    """
    if not 1 <= len(runs) <= len(COLOURS):
        raise InputError("runs are unusable", expected=f"1 to {len(COLOURS)} names", received=len(runs))
    figure = new_figure(6.4, 4.8)
    axes = figure.add_subplot()
    for (name, (people, scores)), colour, dash in zip(runs.items(), COLOURS, DASHES, strict=False):
        people, scores = np.asarray(people), np.asarray(scores)
        axes.plot(people, scores, "o", color=colour, markersize=3, alpha=0.5)
        sizes = np.unique(people)
        means = [scores[people == size].mean() for size in sizes]
        axes.plot(sizes, means, "o", color=colour, markersize=7, label=name)
        try:
            curve = fit_scaling_curve(people, scores)
        except InputError:
            continue
        for grid, width in (
            (np.geomspace(sizes[0], sizes[-1], 50), 2.0),
            (np.geomspace(sizes[-1], FURTHER * sizes[-1], 30), 0.8),
        ):
            told = [curve.score(size) for size in grid]
            axes.plot(grid, [one.value for one in told], color=colour, linestyle=dash, linewidth=width)
            axes.fill_between(
                grid, [one.low for one in told], [one.high for one in told], color=colour, alpha=0.15, linewidth=0
            )
    axes.set(xlabel="people learnt from", ylabel=score, xscale="log")
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, loc="lower right")
    return save_figure(figure, path)
