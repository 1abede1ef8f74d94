"""The flow of scans into a cohort as a figure."""

from __future__ import annotations

import os
import textwrap
from collections import Counter
from pathlib import Path

from keras_neurovit.cohorts import Cohort
from keras_neurovit.cohorts.describing import about_people, whole
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.evaluation.figures import COLOURS, new_figure, save_figure

WIDTH, LINE, GAP = 7.2, 0.17, 0.22  # inches; a line of text and the room between boxes
COLUMNS = (30, 62)  # letters that fit in a box on the left and on the right


def flow_figure(path: str | os.PathLike, cohort: Cohort) -> Path:
    """Draw how many scans were found, left out and why, kept, and of whom; the path of the PNG.

    Scans found and kept stand on the left, one beneath the other, scans left out on the right where they leave, in the
    order in which they were. The last box tells people, sessions, classes, ages, sexes and sites; what was noted or
    assumed stands beneath. Files are named from the cohort's folder on.

    Args:
        path: where to write, ending in .png; the folder is created.
        cohort: any, also a part of one: then the last box tells how many of the kept are in it.

    Raises:
        InputError: matplotlib is missing, or the path is no .png.

    Source: the flow diagrams that CONSORT and STROBE ask for (Vandenbroucke 2007, PLoS Medicine 4:e297, item 13).

    Example:
        >>> from keras_neurovit.cohorts import Record
        >>> from keras_neurovit.cohorts.flow import Step
        >>> flow = (Step("found", 3, "T1w files"), Step("left out", 2, "empty file"))
        >>> scan = Record(Path("a.nii"), "1", None, 0, {})
        >>> flow_figure("flow.png", Cohort((scan,), ("CN",), "dx", "here", flow)).name
        'flow.png'
    """
    rows = _rows(cohort)
    below = [f"{step.kind}: {_short(step, cohort)}" for step in cohort.flow if step.kind in ("noted", "assumed")]
    notes = [line for text in below for line in textwrap.wrap(text, 105, subsequent_indent="   ")]
    heights = [LINE * max(len(left), len(right)) + GAP for left, right in rows]
    tall = sum(heights) + GAP * (len(rows) + 1) + LINE * len(notes)
    figure = new_figure(WIDTH, tall, constrained=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, tall))
    axes.set_axis_off()
    top, before = tall - GAP, None
    for (left, right), height in zip(rows, heights, strict=True):
        middle = top - height / 2
        if left:
            _box(axes, 0.2, 2.5, top, height, left, COLOURS[0])
        if right:
            _box(axes, 2.9, 4.1, top, height, right, COLOURS[1])
            _arrow(axes, (1.45, middle), (2.9, middle))
        if left and before is not None:
            _arrow(axes, (1.45, before), (1.45, top))
        before = top - height if left else before
        top -= height + GAP
    for place, line in enumerate(notes):
        axes.text(0.2, top - LINE * place, line, fontsize=7, va="top", color="0.25")
    return save_figure(figure, path)


def _rows(cohort: Cohort) -> list[tuple[list[str], list[str]]]:
    """What stands in each row, left and right, as lines of text."""
    found = [step for step in cohort.flow if step.kind == "found"]
    rows = [(_wrapped(f"{step.scans:,} {_short(step, cohort)}", 0), []) for step in found]
    left_out = (step for step in cohort.flow if step.kind == "left out")
    rows += [([], _wrapped(f"{step.scans:,} left out: {_short(step, cohort)}", 1)) for step in left_out]
    classes = Counter(cohort.targets.tolist())
    named = (f"{name}: {classes[label]:,}" for label, name in enumerate(cohort.labels))
    lines = [whole(cohort), *named, *about_people(cohort)]
    return [*rows, ([line for text in lines for line in _wrapped(text, 0)], [])]


def _short(step: Step, cohort: Cohort) -> str:
    return step.text.replace(f"{cohort.source}{os.sep}", "")


def _wrapped(text: str, column: int) -> list[str]:
    return textwrap.wrap(text, COLUMNS[column], max_lines=6, placeholder=" …")


def _box(axes, x: float, width: float, top: float, height: float, lines: list[str], colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, top - height), width, height, facecolor="white", edgecolor=colour, linewidth=1.2))
    axes.text(x + 0.12, top - height / 2, "\n".join(lines), fontsize=8, va="center", linespacing=1.25)


def _arrow(axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.35", "linewidth": 1})
