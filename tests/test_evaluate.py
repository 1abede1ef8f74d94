"""`keras-neurovit evaluate`, from a table alone."""

import json

import numpy as np
import pytest
from scipy import special

from keras_neurovit import cli


@pytest.fixture
def folder(tmp_path):
    """Predictions of 120 people (p), of 60 others (v), of a poorer model (o), and a table of the people (t)."""
    rng = np.random.default_rng(0)
    files = {name: ["participant_id,session_id,target,probability"] for name in "pvo"}
    table = ["participant_id\tage\tsex\tbrain_volume"]
    for person in range(180):
        hidden = 1.5 * rng.normal()
        target = int(rng.random() < special.expit(hidden))
        noise = 0.5 * rng.normal(), 3 * rng.normal()
        said, poorer = (special.expit(hidden + each) for each in noise)
        files["p" if person < 120 else "v"].append(f"sub-{person},n/a,{target},{said:.6f}")
        if person < 120:
            files["o"].append(f"{person},,{target},{poorer:.6f}")
            table.append(
                f"sub-{person}\t{70 + 8 * rng.normal():.0f}\t{'FM'[person % 2]}\t{1300 + 90 * rng.normal():.0f}"
            )
    for name, rows in files.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    (tmp_path / "t.tsv").write_text("\n".join(table))
    return tmp_path


def run(capsys, *arguments):
    status = cli.main(["evaluate", *map(str, arguments)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_json_holds_everything(folder, capsys):
    status, out, _ = run(
        capsys, "--predictions", folder / "p.csv", "--validation", folder / "v.csv", "--table", folder / "t.tsv",
        "--against", folder / "o.csv", "--draws", 200, "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert status == 0
    assert (found["people"], found["scans"], found["kind"], found["leaked"]) == (120, 120, "binary", None)
    assert found["threshold"]["chosen_on"] == str(folder / "v.csv")
    assert {"auc", "ppv", "npv", "brier", "calibration_slope"} <= set(found["measures"])
    assert found["measures"]["auc"]["low"] < found["measures"]["auc"]["value"] < found["measures"]["auc"]["high"]
    assert found["confounds"]["used"] == ["age", "sex", "brain_volume"]
    assert found["matched_brain_size"]["pairs"] > 20
    assert {one["by"] for one in found["strata"]} == {"sex", "age"}
    assert found["against"][str(folder / "o.csv")]["difference"]["value"] > 0


def test_tables_tell_the_same(folder, capsys):
    status, out, err = run(
        capsys, "--predictions", folder / "p.csv", "--table", folder / "t.tsv", "--against", folder / "o.csv",
        "--draws", 100, "--figures", folder / "figures",
    )  # fmt: skip
    assert status == 0
    assert "threshold 0.500 (not chosen: --validation or --threshold)" in out
    for words in (
        "positive predictive value",
        "auc of confounds alone",
        "pairs with brains of one size",
        "Holm",
        "sex",
    ):
        assert words in out
    assert "no medical device" in err
    assert {file.name for file in (folder / "figures").iterdir()} == {"roc.png", "reliability.png"}


def test_without_covariates_it_says_so(folder, capsys):
    _, out, _ = run(capsys, "--predictions", folder / "p.csv", "--draws", 50)
    assert "no confound baseline" in out


def test_people_trained_on_are_refused_or_marked(folder, capsys):
    (folder / "train.csv").write_text("participant_id\nsub-3\nsub-7\nsub-999\n")
    leaky = ["--predictions", folder / "p.csv", "--train", folder / "train.csv", "--draws", 50]
    status, out, err = run(capsys, *leaky)
    assert (status, out) == (1, "")
    assert "the model knows 2 people" in err
    assert "3, 7" in err
    status, out, _ = run(capsys, *leaky, "--force")
    assert status == 0
    assert "LEAKED: 2 of 120 people were trained on" in out
    found = json.loads(run(capsys, *leaky, "--force", "--json")[1])
    assert found["leaked"] == {"people": ["3", "7"], "of": 120}


def test_a_threshold_is_chosen_on_other_people(folder, capsys):
    status, _, err = run(capsys, "--predictions", folder / "p.csv", "--validation", folder / "o.csv")
    assert status == 1
    assert "share 120 people" in err
    with pytest.raises(SystemExit):
        run(capsys, "--predictions", folder / "p.csv", "--validation", folder / "v.csv", "--threshold", 0.3)
    capsys.readouterr()
    _, out, _ = run(capsys, "--predictions", folder / "p.csv", "--threshold", 0.3, "--draws", 50)
    assert "threshold 0.300 (as given)" in out


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("1,0,.2\n2,0,.4", "nobody has the target 1"),
        ("1,0,nan\n2,1,.4", "probability is no number in 1 line"),
        ("1,0,.2\n1,1,.4", "line 3: 1 stood in line 2 already"),
        ("1,0,2\n2,1,.4", "no probabilities"),
        ("1,CN,.2\n2,AD,.4", "--labels"),
    ],
)
def test_unusable_tables_are_one_line(tmp_path, capsys, rows, words):
    (tmp_path / "p.csv").write_text("participant_id,target,probability\n" + rows)
    status, out, err = run(capsys, "--predictions", tmp_path / "p.csv")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert words in err
    assert "p.csv" in err


@pytest.mark.parametrize("rows", ["1,0,.2\n2,1,.2\n3,0,.2", "1,0,.2\n2,1,.3\n3,1,.1", "1,0,0\n2,1,1"])
def test_small_or_constant_tables_still_print(tmp_path, capsys, rows):
    (tmp_path / "p.csv").write_text("participant_id,target,probability\n" + rows)
    assert run(capsys, "--predictions", tmp_path / "p.csv", "--draws", 100)[0] == 0
    status, out, _ = run(capsys, "--predictions", tmp_path / "p.csv", "--draws", 100, "--json")
    assert status == 0
    assert "NaN" not in out
    assert json.loads(out)["measures"]["auc"]["value"] is not None


def test_names_classes_and_numbers(tmp_path, capsys):
    rng = np.random.default_rng(1)
    (tmp_path / "n.csv").write_text("participant_id,target,probability\n1,CN,.2\n2,AD,.9\n3,CN,.3\n4,AD,.6\n")
    _, out, _ = run(capsys, "--predictions", tmp_path / "n.csv", "--labels", "CN", "AD", "--draws", 50)
    assert "AD against CN" in out
    head = "participant_id,target,probability_CN,probability_MCI,probability_AD\n"
    rows = "\n".join(f"{i},{('CN', 'MCI', 'AD')[i % 3]},.5,.3,.2" for i in range(9))
    (tmp_path / "m.csv").write_text(head + rows)
    _, out, _ = run(capsys, "--predictions", tmp_path / "m.csv", "--draws", 50)
    assert "recall of MCI" in out
    rows = "\n".join(f"{i},{60 + i},{60 + i + rng.normal():.2f}" for i in range(20))
    (tmp_path / "a.csv").write_text("participant_id,target,prediction\n" + rows)
    _, out, _ = run(capsys, "--predictions", tmp_path / "a.csv", "--draws", 50)
    assert "mean absolute error" in out
    assert "R²" in out
