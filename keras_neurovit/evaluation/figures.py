"""Figures for print: PNG at 120 dpi, in colours that colour-blind readers tell apart."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError, triple
from keras_neurovit._files import published
from keras_neurovit.evaluation.metrics import binary_rows, roc_auc

# Okabe & Ito 2008 (Color Universal Design), figure 16; the dashes keep curves apart in grey print too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
DPI = 120


def roc_figure(path: str | os.PathLike, curves: Mapping[str, tuple]) -> Path:
    """Draw ROC curves, with the area and its 95 % interval in the legend; the path of the PNG.

    Args:
        path: where to write, ending in .png; the folder is created.
        curves: name → (targets, scores) or (targets, scores, participants), as for `roc_auc`; up to 7.

    Raises:
        InputError: matplotlib is missing, the path is no .png, or a curve's data are unusable (naming the curve).

    Source: Fawcett 2006 (Pattern Recognition Letters 27:861); interval: `roc_auc`.

    Example:
        >>> roc_figure("roc.png", {"model": ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8])}).name
        'roc.png'
    """
    if not 1 <= len(curves) <= len(COLOURS):
        raise InputError("curves are unusable", expected=f"1 to {len(COLOURS)} of them", received=len(curves))
    figure = new_figure(4.8, 5.1 + 0.2 * len(curves))
    from sklearn.metrics import roc_curve

    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle=(0, (2, 2)))
    for (name, data), colour, dash in zip(curves.items(), COLOURS, DASHES, strict=False):
        try:
            targets, scores = binary_rows(*data[:2])
            area = roc_auc(targets, scores, participants=data[2] if len(data) > 2 else None)
        except InputError as error:
            raise InputError(f"curve {name!r}: {error}") from error
        false, true, _ = roc_curve(targets, scores, drop_intermediate=False)
        axes.plot(false, true, color=colour, linestyle=dash, linewidth=2, label=f"{name}: {area}")
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    # Above the axes: inside, a poor model's curve would run through it.
    figure.legend(loc="outside upper left", frameon=False, fontsize=9, title="AUC [95 % CI]", alignment="left")
    return save_figure(figure, path)


def learning_rate_figure(path: str | os.PathLike, csv_log: str | os.PathLike) -> Path:
    """Draw the learning rate and, beneath it, the losses of a `keras.callbacks.CSVLogger` file; the path of the PNG.

    Args:
        path: where to write, ending in .png; the folder is created.
        csv_log: the log, with the columns epoch, learning_rate, loss and, if it was measured, val_loss; of epochs
            logged twice (a continued run) the later row counts.

    Raises:
        InputError: matplotlib is missing, the path is no .png, the log cannot be read, or it lacks a column.

    Example:
        >>> rows = ["epoch,learning_rate,loss", "0,0.001,0.69", "1,0.0005,0.51"]
        >>> _ = Path("log.csv").write_text("\\n".join(rows))
        >>> learning_rate_figure("log.png", "log.csv").name
        'log.png'
    """
    columns = _read_log(Path(csv_log))
    figure = new_figure(6.0, 4.8)
    from matplotlib.ticker import MaxNLocator

    rate, loss = figure.subplots(2, sharex=True)
    epochs = np.array(columns["epoch"]) + 1
    marker = "o" if len(epochs) < 40 else None
    rate.plot(epochs, columns["learning_rate"], color=COLOURS[2], linewidth=2, marker=marker, markersize=4)
    rate.set(ylabel="learning rate", ylim=(0, None))
    rate.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    for column, name, colour, dash in (
        ("loss", "training", COLOURS[0], "-"),
        ("val_loss", "validation", COLOURS[1], "--"),
    ):
        values = np.array(columns.get(column, []))
        if np.isfinite(values).any():
            seen = np.isfinite(values)  # validation may be measured every few epochs only
            loss.plot(
                epochs[seen], values[seen], dash, color=colour, linewidth=2, marker=marker, markersize=4, label=name
            )
    loss.set(xlabel="epoch", ylabel="loss")
    loss.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    loss.legend(frameon=False)
    for axes in (rate, loss):
        axes.grid(color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    figure.align_ylabels()
    return save_figure(figure, path)


def _read_log(path: Path) -> dict[str, list[float]]:
    """The columns of a CSVLogger file, one value an epoch, "NA" as NaN."""
    try:
        rows = list(csv.DictReader(path.read_text().splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read", expected="a CSVLogger file", received=str(error)) from error
    missing = [name for name in ("epoch", "learning_rate", "loss") if not rows or name not in rows[0]]
    if missing:
        mend = "List WarmupCosineDecay before CSVLogger in the callbacks." if missing == ["learning_rate"] else None
        received = ", ".join(rows[0]) if rows else "no rows"
        raise InputError(f"{path}: lacks the column {missing[0]}", received=received, mend=mend)
    by_epoch = {row["epoch"]: row for row in rows}
    try:
        return {
            name: [float("nan") if row[name] in ("NA", "", None) else float(row[name]) for row in by_epoch.values()]
            for name in ("epoch", "learning_rate", "loss", "val_loss")
            if name in rows[0]
        }
    except ValueError as error:
        raise InputError(f"{path}: holds something that is no number", received=str(error)) from error


def slices_figure(
    path: str | os.PathLike,
    volumes: Mapping[str, np.ndarray],
    *,
    spacing_mm: float | tuple | Mapping[str, tuple] = (2, 2, 2),
    columns: int = 1,
) -> Path:
    """Draw the three orthogonal middle slices of every volume; the path of the PNG.

    The person's left is on the left of the coronal and axial slices (neurological convention) and is lettered so; the
    sagittal one looks from the left, with the back of the head (P) on the left. Black is a volume's 1st, white its
    99.5th percentile.

    Shape: volumes (x, y, z) or (x, y, z, 1), with axes left→Right, posterior→Anterior, inferior→Superior.

    Args:
        path: where to write, ending in .png; the folder is created.
        volumes: title → volume.
        spacing_mm: distance of voxels along x, y, z, the same for all volumes or title → distances.
        columns: volumes beside each other.

    Raises:
        InputError: matplotlib is missing, the path is no .png, or a volume has another shape or values not finite.

    Example:
        >>> slices_figure("slices.png", {"noise": np.random.default_rng(0).random((8, 12, 20))}).name
        'slices.png'
    """
    if not volumes:
        raise InputError("volumes are empty", expected="at least one")
    arrays = {title: _three_axes(title, volume) for title, volume in volumes.items()}
    each = spacing_mm if isinstance(spacing_mm, Mapping) else dict.fromkeys(arrays, spacing_mm)
    spacings = {title: np.array(triple("spacing_mm", each[title], float)) for title in arrays}
    edges = {title: np.array(array.shape) * spacings[title] for title, array in arrays.items()}
    # Panels are placed by hand, in inches: every millimetre of every volume has the same size on the page.
    widest = np.max(list(edges.values()), axis=0)
    width, gap, strip, panels = 7.2, 0.1, 0.3, widest[[1, 0, 0]]
    inch = (width / columns - 4 * gap) / panels.sum()  # of a millimetre
    rows = [list(arrays)[first : first + columns] for first in range(0, len(arrays), columns)]
    heights = [inch * max(edges[title][1:].max() for title in row) for row in rows]
    tall = sum(height + strip for height in heights) + gap
    figure = new_figure(width, tall, constrained=False)
    floor = tall
    for row, height in zip(rows, heights, strict=True):
        floor -= height + strip
        for column, title in enumerate(row):
            grey = np.percentile(arrays[title], [1, 99.5])
            side = column * width / columns
            figure.text((side + gap) / width, (floor + height + 0.4 * strip) / tall, title, va="center", fontsize=10)
            for axis in range(3):
                across, up = (other for other in range(3) if other != axis)
                size = inch * edges[title][[across, up]]
                left = side + gap * (axis + 1) + inch * (panels[:axis].sum() + panels[axis] / 2) - size[0] / 2
                bottom = floor + (height - size[1]) / 2
                box = (left / width, bottom / tall, size[0] / width, size[1] / tall)
                _draw_slice(figure.add_axes(box), arrays[title], axis, *grey)
    return save_figure(figure, path)


def _draw_slice(axes, array: np.ndarray, axis: int, low: float, high: float) -> None:
    from matplotlib.patheffects import withStroke

    plane = array.take(array.shape[axis] // 2, axis=axis)
    axes.imshow(plane.T, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), origin="lower", aspect="auto")
    axes.set_axis_off()
    for letter, side in zip("PA" if axis == 0 else "LR", ("left", "right"), strict=True):
        # In a corner, where there is rarely brain, and outlined for where there is.
        spot = {"transform": axes.transAxes, "ha": side, "va": "top", "fontsize": 9, "color": "white"}
        outline = [withStroke(linewidth=2, foreground="black")]
        axes.text(0.03 if side == "left" else 0.97, 0.97, letter, path_effects=outline, **spot)


def _three_axes(title: str, volume: np.ndarray) -> np.ndarray:
    array = np.asarray(volume, dtype=np.float32)
    array = array[..., 0] if array.ndim == 4 and array.shape[-1] == 1 else array
    if array.ndim != 3 or array.size == 0:
        raise InputError(
            f"volume {title!r} is unusable", expected="shape (x, y, z) or (x, y, z, 1)", received=array.shape
        )
    if not np.isfinite(array).all():
        raise InputError(f"volume {title!r} holds values that are not finite", expected="finite numbers")
    return array


def new_figure(width: float, height: float, constrained: bool = True):
    """An empty figure of so many inches that belongs to no window system and no global state."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("matplotlib is not installed", mend='Run pip install "keras-neurovit[viz]".') from error
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure, path: str | os.PathLike) -> Path:
    """Write under a temporary name, then rename, so that `path` is never half a picture."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: is no PNG", expected="a name ending in .png", received=path.suffix or "no ending")
    path.parent.mkdir(parents=True, exist_ok=True)
    with published(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI)
    return path
