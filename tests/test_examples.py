"""Every example runs to its end with --smoke, as a user would start it; and, where there is time, every recipe."""

import importlib.util
import json
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


def imported(script: str):
    """An example as a module, where a test stands in for what takes long."""
    spec = importlib.util.spec_from_file_location(Path(script).stem, ROOT / script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def test_pretrain_contrastive(tmp_path, head_study):
    call = ("--bids", head_study(4), "--column", "group", "--method", "contrastive", "--batch-size", 4)
    start("examples/pretrain.py", *call, "--out", tmp_path)
    assert (tmp_path / "preset" / "model.weights.h5").exists()
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (len(facts["people"]), facts["batch_size"], facts["volume"]["shape"]) == (4, 4, [48, 64, 48])


@pytest.mark.slow
def test_pretrain_from_the_generator(tmp_path):
    pytest.importorskip("nilearn", reason="the templates come with nilearn")
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    start("examples/pretrain.py", "--batch-size", 2, "--out", tmp_path)
    assert (tmp_path / "filled.png").exists()
    assert (tmp_path / "preset" / "model.weights.h5").exists()


@pytest.mark.slow
def test_pretrain_from_true_volumes(tmp_path, shared_data):
    call = ("--label-maps", shared_data / "synthseg_labels", "--method", "supervised", "--batch-size", 2)
    start("examples/pretrain.py", *call, "--out", tmp_path)
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [task["column"] for task in facts["tasks"]][-1].startswith("log ")
    assert (tmp_path / "preset" / "model.weights.h5").exists()


@pytest.mark.slow
def test_tune(tmp_path, head_study):
    pytest.importorskip("keras_tuner")
    call = ("--bids", head_study(20), "--target", "group", "--brain-extracted")
    out = start("examples/tune.py", *call, "--out", tmp_path)
    assert "people were in no trial" in out
    assert json.loads((tmp_path / "recipe.json").read_text())["arguments"]["brain_extracted"] is True


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


def test_scaling_curves_keep_runs_of_other_commands_apart(tmp_path, head_study, monkeypatch):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    example, asked = imported("examples/scaling_curves.py"), []

    def one_run(people, test, start, facts, done):
        asked.append((len(people), facts["seed"], facts["steps"]))
        done.parent.mkdir(parents=True, exist_ok=True)
        return 0.95 - 0.9 / len(people) - 0.01 * facts["seed"]

    monkeypatch.setattr(example, "one_run", one_run)
    call = ["--bids", str(head_study(32, {"hand": "right"})), "--target", "group", "--out", str(tmp_path / "out")]
    call += ["--presets", "vit3d_brain", "--scratch", "--people", "4", "8", "16", "--seeds", "2", "--brain-extracted"]

    def told():
        return json.loads((tmp_path / "out" / "scaling.json").read_text())

    example.main([*call, "--score", "0.93"])
    first, done = told(), len(asked)
    assert done == 6
    law = first["laws"]["vit3d_brain"]
    assert law["score"] == 0.93
    assert set(law["people_for"]) == set(law["ceiling"]) == {"value", "low", "high"}
    assert law["people_for"]["low"] <= law["people_for"]["value"]
    example.main([*call, "--score", "0.93"])
    assert (told(), len(asked)) == (first, done)  # nothing was learnt again
    example.main([*call, "--steps", "50"])
    assert len(asked) == 2 * done
    assert told()["steps"] == 50
    assert len(told()["runs"]["vit3d_brain"]) == 6  # of this command alone
    table = tmp_path / "study" / "participants.tsv"
    text = table.read_text().replace("\ta\t", "\tformer a\t").replace("\tb\t", "\ta\t").replace("\tformer a\t", "\tb\t")
    table.write_text(text)
    example.main(call)
    assert len(asked) == 3 * done  # the same people with other labels
    example.main([*call, "--smoke"])
    assert [len(rows) for rows in told()["runs"].values()] == [1]
    assert told()["laws"] == {}


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
    call = ("--bids", bids, "--start", f"minit3d_measure={measure}", "--budget", 8, "--runs", runs / "experiments")
    start("zoo/experiments/train.py", *call)
    for name in ("brain", "ad", "minit", "sex", "minit_sex", "experiments"):
        assert (runs / name / "smoke" / "results.json").exists()
