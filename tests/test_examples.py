"""Every example and recipe runs to its end with --smoke, as a user would start it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def start(script: str, *arguments) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, arguments), "--smoke"],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
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
    assert (tmp_path / "predictions.csv").read_text().count("\n") == 19


def test_examples_are_short():
    for file in (ROOT / "examples").glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 80, file
