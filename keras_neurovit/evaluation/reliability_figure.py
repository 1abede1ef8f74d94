"""The figure that tells whether probabilities mean what they say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation.calibration import calibration_error, reliability
from keras_neurovit.evaluation.figures import COLOURS, DASHES, new_figure, save_figure
from keras_neurovit.evaluation.intervals import wilson

MARKERS = "os^Dv<>"


def reliability_figure(path: str | os.PathLike, models: Mapping[str, tuple], *, bins: int = 10) -> Path:
    """Draw the share of positives over what was said, with 95 % intervals, above how many were told so; the PNG's path.

    Args:
        path: where to write, ending in .png; the folder is created.
        models: name → (targets, probabilities of class 1), for example before and after calibration; up to 7.
        bins: of equal width.

    Raises:
        InputError: matplotlib is missing, the path is no .png, or a model's data are unusable (naming the model).

    Source: DeGroot & Fienberg 1983 (The Statistician 32:12); the interval of each bin is Wilson's.

    Example:
        >>> reliability_figure("r.png", {"model": ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8])}).name
        'r.png'
    """
    if not 1 <= len(models) <= len(COLOURS):
        raise InputError("models are unusable", expected=f"1 to {len(COLOURS)} of them", received=len(models))
    figure = new_figure(4.8, 6.1 + 0.2 * len(models))
    above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=(0, (2, 2)))
    for place, (name, (targets, said)) in enumerate(models.items()):
        try:
            found, error = reliability(targets, said, bins=bins), calibration_error(targets, said, bins=bins)
        except InputError as problem:
            raise InputError(f"model {name!r}: {problem}") from problem
        look = {"color": COLOURS[place], "linestyle": DASHES[place]}
        x, y = np.array([one.said for one in found]), np.array([one.observed for one in found])
        low, high = np.transpose([wilson(one.observed, one.count) for one in found])
        whiskers = (np.maximum(y - low, 0), np.maximum(high - y, 0))
        label = f"{name}: {error:.3f}"
        above.errorbar(
            x, y, whiskers, marker=MARKERS[place], markersize=5, linewidth=2, elinewidth=1, label=label, **look
        )
        below.hist(np.asarray(said), np.linspace(0, 1, bins + 1), histtype="step", linewidth=1.5, **look)
    above.set(ylabel="share of positives", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    below.set(xlabel="probability", ylabel="scans")
    for axes in (above, below):
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    figure.legend(
        *above.get_legend_handles_labels(),
        loc="outside upper left",
        frameon=False,
        fontsize=9,
        title="expected calibration error",
        alignment="left",
    )
    figure.align_ylabels()
    return save_figure(figure, path)
