"""The figures: a whole PNG or none, the person's left on the left, and errors that name the culprit."""

import doctest
import os
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from keras_neurovit._checks import InputError
from keras_neurovit.evaluation import figures, learning_rate_figure, roc_figure, slices_figure

CURVES = {"model": ([0, 0, 1, 1], [0.1, 0.4, 0.3, 0.8])}
LOG = "epoch,learning_rate,loss,val_learning_rate,val_loss\n0,1e-3,0.7,NA,0.7\n1,5e-4,0.6,NA,NA\n1,4e-4,0.5,NA,0.6\n"


@pytest.fixture
def drawn(monkeypatch):
    """The matplotlib figures handed over for saving."""
    kept, save = [], figures.save_figure
    monkeypatch.setattr(figures, "save_figure", lambda figure, path: (kept.append(figure), save(figure, path))[1])
    return kept


def written(path):
    """The picture at `path`, the only file in its folder.  Shape: → (row, column, colour)."""
    assert os.listdir(path.parent) == [path.name]
    return imread(path)


def test_roc_figure_names_the_area_and_draws_the_curve(tmp_path, drawn):
    people = (*CURVES["model"], ["a", "a", "b", "b"])
    path = roc_figure(tmp_path / "new" / "roc.png", CURVES | {"by person": people})
    assert path == tmp_path / "new" / "roc.png"
    assert written(path).ndim == 3
    texts = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert texts[0].startswith("model: 0.750 [")
    diagonal, curve, _ = drawn[0].axes[0].lines
    assert diagonal.get_xydata().tolist() == [[0, 0], [1, 1]]
    assert curve.get_xydata().tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]


def test_roc_figure_names_the_unusable_curve(tmp_path):
    with pytest.raises(InputError, match="curve 'broken': targets hold one class only"):
        roc_figure(tmp_path / "roc.png", CURVES | {"broken": ([1, 1], [0.1, 0.2])})
    with pytest.raises(InputError, match="expected 1 to 7 of them, received 0"):
        roc_figure(tmp_path / "roc.png", {})
    assert os.listdir(tmp_path) == []


def test_learning_rate_figure_draws_the_log(tmp_path, drawn):
    log = tmp_path / "log.csv"
    log.write_text(LOG)
    assert written(learning_rate_figure(tmp_path / "figures" / "rate.png", log)).ndim == 3
    rate, loss = drawn[0].axes
    assert rate.lines[0].get_xydata().tolist() == [[1, 1e-3], [2, 4e-4]]  # the epoch logged twice: its later row
    assert [line.get_xydata().tolist() for line in loss.lines] == [[[1, 0.7], [2, 0.5]], [[1, 0.7], [2, 0.6]]]


def test_learning_rate_figure_skips_epochs_without_validation(tmp_path, drawn):
    log = tmp_path / "log.csv"
    log.write_text("\n".join(LOG.splitlines()[:3]))
    learning_rate_figure(tmp_path / "rate.png", log)
    log.write_text("epoch,learning_rate,loss,val_loss\n0,1e-3,0.7,NA\n")
    learning_rate_figure(tmp_path / "rate.png", log)
    assert [line.get_xydata().tolist() for line in drawn[0].axes[1].lines] == [[[1, 0.7], [2, 0.6]], [[1, 0.7]]]
    assert len(drawn[1].axes[1].lines) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "log.csv: cannot be read"),
        ("", "log.csv: lacks the column epoch"),
        ("epoch,loss\n0,0.7\n", "lacks the column learning_rate .*before CSVLogger"),
        ("epoch,learning_rate,loss\n0,fast,0.7\n", "log.csv: holds something that is no number"),
    ],
)
def test_unusable_logs_are_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "log.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        learning_rate_figure(tmp_path / "rate.png", tmp_path / "log.csv")


def panels(drawn):
    """The three pictures of the first volume as they lie on the page, upper row first."""
    images = [axes.images[0] for axes in drawn[0].axes[:3]]
    assert all(image.origin == "lower" for image in images)
    return [image.get_array()[::-1] for image in images]


def test_slices_lie_as_the_person_does(tmp_path, drawn):
    volume = np.zeros((8, 12, 20), "float32")
    volume[0, 6, 10] = volume[4, 11, 10] = volume[4, 6, 19] = 1  # leftmost, most anterior, most superior
    slices_figure(tmp_path / "slices.png", {"points": volume[..., None]})
    sagittal, coronal, axial = panels(drawn)
    assert (sagittal.shape, coronal.shape, axial.shape) == ((20, 12), (20, 8), (12, 8))
    assert sagittal[0, 6] == sagittal[9, 11] == 1  # superior at the top, anterior at the right
    assert coronal[0, 4] == coronal[9, 0] == 1  # superior at the top, the person's left at the left
    assert axial[5, 0] == axial[0, 4] == 1  # left at the left, anterior at the top
    letters = [[(text.get_text(), text.get_ha()) for text in axes.texts] for axes in drawn[0].axes[:3]]
    assert letters == [
        [("P", "left"), ("A", "right")],
        [("L", "left"), ("R", "right")],
        [("L", "left"), ("R", "right")],
    ]


def test_millimetres_have_one_size_on_the_page(tmp_path, drawn):
    volumes = {"large": np.ones((8, 12, 20)), "small": np.eye(6)[:, :, None] * np.ones(10)}
    picture = written(slices_figure(tmp_path / "slices.png", volumes, spacing_mm=(1, 2, 3)))
    assert picture.shape[1] == 864  # 7.2 inches at 120 dpi
    width, height = drawn[0].get_size_inches()
    sizes = np.array([axes.get_position().size * (width, height) for axes in drawn[0].axes])
    millimetres = np.array([[24, 60], [8, 60], [8, 24], [12, 30], [6, 30], [6, 12]])
    assert np.ptp(sizes / millimetres) < 1e-6 * np.mean(sizes / millimetres)
    boxes = [axes.get_position() for axes in drawn[0].axes]
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 1 and box.y1 <= 1 for box in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(
    ("volumes", "spacing", "message"),
    [
        ({}, 2, "volumes are empty"),
        ({"flat": np.ones((8, 12))}, 2, "volume 'flat' is unusable"),
        ({"pair": np.ones((8, 12, 20, 2))}, 2, "volume 'pair' is unusable"),
        ({"hole": np.full((8, 12, 20), np.nan)}, 2, "volume 'hole' holds values that are not finite"),
        ({"good": np.ones((8, 12, 20))}, (2, 0, 2), "spacing_mm is unusable"),
    ],
)
def test_unusable_volumes_are_refused(tmp_path, volumes, spacing, message):
    with pytest.raises(InputError, match=message):
        slices_figure(tmp_path / "slices.png", volumes, spacing_mm=spacing)


def test_only_png_is_written(tmp_path):
    with pytest.raises(InputError, match=r"expected a name ending in .png, received .pdf"):
        roc_figure(tmp_path / "roc.pdf", CURVES)


def test_a_failed_picture_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "roc.png"
    path.write_bytes(b"old")
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        roc_figure(path, CURVES)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["roc.png"])


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match=r'pip install "keras-neurovit\[viz\]"'):
        roc_figure(tmp_path / "roc.png", CURVES)


def test_importing_evaluation_imports_nothing_heavy():
    script = (
        "import sys, keras_neurovit; before = set(sys.modules); import keras_neurovit.evaluation;"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'matplotlib', 'sklearn', 'scipy'};"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"


def test_drawing_touches_no_global_state(tmp_path):
    script = (
        "import sys, numpy as np; from keras_neurovit.evaluation import slices_figure;"
        f"slices_figure({str(tmp_path / 'a.png')!r}, {{'one': np.ones((8, 12, 20))}});"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "False"


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they write where they stand
    result = doctest.testmod(figures)
    assert result.attempted > 0
    assert result.failed == 0
