"""Benchmarks keep up with what they measure; their figures are not judged here."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import timing
from benchmarks.__main__ import NAMES

ROOT = Path(__file__).parents[1]


def benchmark(*arguments):
    call = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True)


def test_turns_are_taken():
    called, clock = [], iter(range(100))
    works = {name: lambda name=name: called.append(name) for name in ("ours", "theirs")}
    seconds = timing.alternate(works, 2, clock=lambda: next(clock))
    assert called == ["ours", "theirs"] * 3  # the first round warms up
    assert seconds == {"ours": 1, "theirs": 1}
    assert timing.ratios({"ours": 2.0, "theirs": 5.0}) == {"theirs_over_ours": 2.5}


def test_what_is_alike():
    head = np.zeros((12, 12, 12))
    head[3:9, 4:9, 5:8] = np.random.default_rng(0).uniform(1, 2, (6, 5, 3))
    assert timing.alike(head, np.roll(head, 2, axis=1)) > 0.99
    assert timing.alike(head, head[::-1]) < 0.98


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_is_there(name):
    module = __import__(f"benchmarks.{name}", fromlist=["run"])
    assert callable(module.run)


def test_the_start_is_measured(tmp_path):
    done = benchmark("startup", "--rounds", 1, "--out", tmp_path / "figures.json")
    assert done.returncode == 0, done.stderr
    assert "ours_over_bare_keras: " in done.stdout
    assert (tmp_path / "figures.json").read_text().startswith("{")


def test_unusable_calls_are_refused(tmp_path):
    for arguments in (("data", "--rounds", 0), ("data", "--scan", tmp_path / "none.nii.gz"), ("dta",)):
        done = benchmark(*arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


def test_the_readme_quotes_what_was_measured():
    found = {file.stem: json.loads(file.read_text()) for file in (ROOT / "benchmarks" / "results").glob("*.json")}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## Speed") : text.index("## Limits")]
    conforming, augment, data = found["data"]["conforming"], found["augment"], found["data"]
    ours, monai = "{ours_ms:.0f} ms", "{monai_over_ours:.1f} times"
    rows = {
        "conformed 2 mm": (conforming, ours + ", {gunzip_ms:.0f}", monai, "{torchio_over_ours:.1f} times"),
        "`standard` augmentation": (augment["standard"], ours, monai, "{torchio_over_ours:.0f} times"),
        "elastic": (augment["standard_elastic_blur"], ours, monai, "{torchio_over_ours:.0f} times"),
        "prediction": (found["model"]["inference"], "{ours_images_per_s:.1f} images", monai),
        "training step": (found["model"]["training"], "{ours_images_per_s:.1f} images", monai),
        "synthetic brains": (found["synthesis"], "{ours_core_seconds_per_brain:.2f}", "{ratio_per_core:.0f} times"),
        "second epoch": (data["second_epoch_volumes_per_s"], "{float16} volumes", "{uint8} as"),
        "out of the cache | 0": (data["training"], "{cache_over_memory:.2f} of"),
        "masked step": (found["pretraining"], "{ratio:.1f} times"),
        "cold process": (found["startup"], "{ours_over_bare_keras:.2f} times"),
    }  # fmt: skip
    for name, (figures, *quotes) in rows.items():
        (line,) = [line for line in table.splitlines() if name in line]
        for quote in quotes:
            assert quote.format(**figures) in line, name
    resident = data["resident_MB_after_each_of_20_epochs"]
    assert f"{min(resident)} to {max(resident)} MB" in table
