"""Every example runs to its end with --smoke, as a user would start it; and, where there is time, every recipe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def start(script: str, *arguments) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, arguments), "--smoke"],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONFAULTHANDLER": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-4000:]
    return done.stdout


def test_ad_classification(tmp_path):
    pytest.importorskip("nilearn", reason="the templates come with nilearn")
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    out = start("examples/ad_classification.py", "--out", tmp_path)
    assert "auc: " in out
    assert "'AD':" in out
    assert {"roc.png", "learning_rate.png", "slices.png", "run"} <= {file.name for file in tmp_path.iterdir()}


def test_sex_classification(tmp_path, shared_data):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    out = start("examples/sex_classification.py", "--bids", shared_data / "ds002748", "--out", tmp_path)
    assert "brain volume alone: " in out
    assert (tmp_path / "preset" / "model.weights.h5").exists()
    assert '"fingerprint": {' in (tmp_path / "preset" / "preset.json").read_text()
    assert (tmp_path / "predictions.csv").read_text().count("\n") == 19


def test_pretrain(tmp_path, shared_data):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    start("examples/pretrain.py", "--bids", shared_data / "ds002748", "--out", tmp_path)
    assert (tmp_path / "filled.png").exists()
    assert {"model.weights.h5", "people.json"} <= {file.name for file in (tmp_path / "preset").iterdir()}


def test_pretrain_supervised(tmp_path, shared_data):
    targets = ("--targets", "sex=classes", "age=number")
    start("examples/pretrain_supervised.py", "--bids", shared_data / "ds002748", *targets, "--out", tmp_path)
    assert {"model.weights.h5", "people.json"} <= {file.name for file in (tmp_path / "preset").iterdir()}


@pytest.mark.slow
def test_scaling_curves(tmp_path, shared_data):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    out = start(
        "examples/scaling_curves.py", "--bids", shared_data / "ds002748", "--brain-extracted", "--out", tmp_path
    )
    assert out.count("'auc': ") == 2
    assert (tmp_path / "scaling.png").exists()


def test_examples_are_short():
    for file in (ROOT / "examples").glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 80, file


@pytest.mark.slow
def test_recipes(tmp_path, shared_data):
    """One after another, as each starts from what the one before made."""
    pytest.importorskip("nilearn", reason="the templates come with nilearn")
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    maps, bids, runs = shared_data / "synthseg_labels", shared_data / "ds002748", tmp_path / "runs"
    made, people = runs / "brain" / "smoke", runs / "people"
    start("zoo/vit3d_brain/train.py", "--label-maps", maps, "--runs", runs / "brain")
    assert (made / "preset" / "errors.json").exists()
    common = ("--label-maps", maps, "--bids", bids, "--people-folder", people)
    start("zoo/vit3d_ad/train.py", *common, "--brain", made / "preset", "--runs", runs / "ad")
    start("zoo/minit3d_ad/train.py", *common, "--brains", runs / "brain", "--runs", runs / "minit")
    start("zoo/vit3d_sex/train.py", "--bids", bids, "--brain", made / "preset", "--runs", runs / "sex")
    measure = runs / "minit" / "smoke" / "measure" / "preset"
    start("zoo/minit3d_sex/train.py", "--bids", bids, "--measure", measure, "--runs", runs / "minit_sex")
    for name in ("brain", "ad", "minit", "sex", "minit_sex"):
        assert (runs / name / "smoke" / "results.json").exists()
