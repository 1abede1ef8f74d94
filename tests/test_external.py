"""A preset on other cohorts: a row each, nothing refitted, leaks refused, drift told."""

import json
import shutil

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, VolumeContract, cli, conform, load_preset, read_scan
from keras_neurovit.evaluation import read_predictions
from keras_neurovit.external import evaluate_cohorts
from keras_neurovit.presets import drift, know, load_reference, save_calibration, save_people, save_reference
from keras_neurovit.presets.sums import write_sums
from keras_neurovit.volumes import head_facts


@pytest.fixture(scope="module")
def cohorts(head, tmp_path_factory):
    """Two BIDS folders of ten people, those of the second with larger heads; small scans of 4 mm."""
    folder = tmp_path_factory.mktemp("cohorts")
    small = head[::4, ::4, ::4]
    for name, size in (("near", 4.0), ("far", 4.6)):
        rng, rows = np.random.default_rng(len(name)), ["participant_id\tage\tsex\tgroup"]
        for person in range(10):
            own = size * (1 + 0.02 * rng.normal())
            file = folder / name / f"sub-{person}" / "anat" / f"sub-{person}_T1w.nii.gz"
            file.parent.mkdir(parents=True)
            noisy = small + (small > 20) * rng.normal(0, 9, small.shape).astype("float32")
            nibabel.save(nibabel.Nifti1Image(noisy, np.diag([own, own, own, 1])), file)
            file.with_name(f"sub-{person}_T1w.json").write_text('{"MagneticFieldStrength": 3}')
            rows.append(f"sub-{person}\t{60 + person}\t{'FM'[person % 2]}\t{'ab'[person // 2 % 2]}")
        (folder / name / "participants.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def preset(small_preset, cohorts, tmp_path):
    """A copy of the small preset, calibrated, that knows what the scans of the first cohort look like."""
    folder = shutil.copytree(small_preset.folder, tmp_path / "small")
    described = save_calibration(
        load_preset(folder), {"method": "temperature", "temperature": 2.0, "threshold": 0.45, "people": 40}
    )
    files = sorted((cohorts / "near").glob("sub-*/anat/*.nii.gz"))
    save_reference(folder, [head_facts(conform(read_scan(f), described.volume), described.volume) for f in files])
    return folder


def test_a_row_a_cohort(preset, cohorts, tmp_path):
    found = evaluate_cohorts(preset, [cohorts / "near", cohorts / "far"], "group", out=tmp_path / "out", draws=100)
    assert list(found) == ["near", "far"]
    for name, one in found.items():
        assert one["threshold"] == {"value": 0.45, "chosen_on": "carried over"}
        assert (one["people"], one["unreadable"], one["leaked"], one["asked_for_leaks"]) == (10, [], None, False)
        assert {stratum["by"] for stratum in one["strata"]} == {"sex", "age", "field_strength"}
        told = read_predictions(tmp_path / "out" / f"{name}.csv")
        assert told.labels == ("a", "b")
        assert set(told.columns) >= {"age", "sex", "brain_volume", "voxel_size", "field_strength"}
        from sklearn.metrics import roc_auc_score

        assert one["measures"]["auc"]["value"] == pytest.approx(roc_auc_score(told.targets, told.scores), abs=1e-6)
    assert not any(fact["drifted"] for fact in found["near"]["drift"].values())
    assert found["far"]["drift"]["head_ml"]["drifted"]
    assert found["far"]["drift"]["head_ml"]["shift"] > 3
    assert found["far"]["drift"]["head_ml"]["distance"] == 1.0


def test_tables_on_the_terminal(preset, cohorts, capsys, tmp_path):
    command = ["evaluate", "--preset", str(preset), "--target", "group", "--draws", "50", "--bids"]
    assert cli.main([*command, str(cohorts / "near"), str(cohorts / "far")]) == 0
    out = capsys.readouterr().out
    assert "0.450" in out
    assert "DRIFTED" in out
    assert "not told" in out  # this preset keeps no list of people, so that nobody can be said to be unknown to it
    assert cli.main([*command, str(cohorts / "near"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["near"]["scans"] == 10
    assert cli.main(["evaluate", "--bids", str(cohorts / "near"), "--preset", str(preset)]) == 1
    assert "needs a preset and a target" in capsys.readouterr().err
    assert cli.main([*command, str(cohorts / "near"), "--labels", "a", "b"]) == 1
    assert "--labels does not go with --cohorts" in capsys.readouterr().err
    damaged = shutil.copytree(cohorts / "near", tmp_path / "damaged")
    (damaged / "sub-3" / "anat" / "sub-3_T1w.nii.gz").write_bytes(b"no gzip")
    assert cli.main([*command, str(damaged)]) == 1
    printed = capsys.readouterr()
    assert "skipped: " in printed.err
    assert "damaged: 1 scans could not be read" in printed.out


def test_cohorts_by_their_readers(preset, cohorts, tmp_path, capsys):
    ixi, table = tmp_path / "IXI", tmp_path / "own.csv"
    (ixi / "IXI-T1").mkdir(parents=True)
    rows, listed = ['IXI_ID,"SEX_ID (1=m, 2=f)",AGE'], ["path;participant_id;sex;brain_extracted"]
    for person in range(10):
        scan = cohorts / "near" / f"sub-{person}" / "anat" / f"sub-{person}_T1w.nii.gz"
        (ixi / "IXI-T1" / f"IXI00{person}-Guys-0{person}-T1.nii.gz").symlink_to(scan)
        rows.append(f"{person},{1 + person % 2},{60 + person}")
        listed.append(f"{scan};{person};{'FM'[person % 2]};{'yes' if person < 3 else 'no'}")
    (ixi / "IXI.csv").write_text("\n".join(rows[:-1]) + "\n")
    table.write_text("\n".join(listed) + "\n")
    sexes = shutil.copytree(preset, tmp_path / "sexes")
    described = json.loads((sexes / "preset.json").read_text()) | {"labels": ["F", "M"]}
    (sexes / "preset.json").write_text(json.dumps(described))
    write_sums(sexes)
    found = evaluate_cohorts(sexes, [ixi, table], "sex", reader=["ixi", "csv"], draws=20)
    assert [found[name]["scans"] for name in ("IXI", "own.csv")] == [9, 10]
    left_out = [step for step in found["IXI"]["flow"] if step["kind"] == "left out"]
    assert left_out == [{"kind": "left out", "scans": 1, "text": "not listed in IXI.csv: IXI009"}]
    expected = load_preset(sexes).volume.brain_extracted
    told = (
        "IXI: skulls of 9 scans are on, the preset expects them off"
        if expected
        else "own.csv: skulls of 3 scans are off"
    )
    assert told in capsys.readouterr().err
    command = ["evaluate", "--preset", str(sexes), "--target", "sex", "--draws", "20", "--cohorts", str(ixi)]
    assert cli.main([*command, "--reader", "ixi"]) == 0
    assert "IXI: 1 left out, not listed in IXI.csv: IXI009" in capsys.readouterr().out
    for wrong, message in (
        (["--reader", "ixi", "csv"], "readers do not match the cohorts"),
        (["--reader", "ixy"], "Did you mean 'ixi'?"),
        (["--reader", "ixi", "--option", "image=x"], "ixi has no option 'image'"),
    ):
        assert cli.main([*command, *wrong]) == 1
        assert message in capsys.readouterr().err
    assert cli.main(["evaluate", "--predictions", str(table), "--reader", "ixi"]) == 1
    assert "--reader is of --cohorts alone" in capsys.readouterr().err


def test_known_people_are_refused_or_marked(preset, cohorts):
    save_people(preset, [know(["sub-4", "sub-77"], "first study")])
    with pytest.raises(InputError, match="the model knows 1 person from small's first study: 4"):
        evaluate_cohorts(preset, [cohorts / "near"], "group")
    found = evaluate_cohorts(preset, [cohorts / "near"], "group", force=True, draws=20)["near"]
    assert (found["leaked"], found["asked_for_leaks"]) == ({"people": ["4"], "of": 10}, True)


def test_refusals(preset, cohorts):
    with pytest.raises(InputError, match="two cohorts have one name"):
        evaluate_cohorts(preset, [cohorts / "near", cohorts / "near"], "group")
    with pytest.raises(InputError, match="has no classes"):
        evaluate_cohorts("vit3d_tiny", [cohorts / "near"], "group")
    (preset / "reference.json").write_text("[]")
    with pytest.raises(InputError, match=r"reference.json: is not the file that SHA256SUMS lists"):
        load_reference(load_preset(preset))


def test_drift_of_the_same_people_is_none():
    rng = np.random.default_rng(0)
    known = {"head_ml": np.quantile(rng.normal(1200, 100, 4000), np.linspace(0, 1, 21)).tolist()}

    def told(numbers):
        return drift(known, [{"head_ml": number} for number in numbers])["head_ml"]

    same, shifted, wide = (told(rng.normal(*how, 400)) for how in ((1200, 100), (1280, 100), (1200, 200)))
    assert not same["drifted"]
    assert same["distance"] < 0.1
    assert shifted["shift"] == pytest.approx(0.8, abs=0.2)
    assert shifted["drifted"]
    assert wide["spread"] == pytest.approx(2, abs=0.3)
    assert wide["drifted"]


def test_facts_follow_the_head(head_file):
    scan = read_scan(head_file)
    facts = [
        head_facts(conform(scan, contract), contract)
        for contract in (VolumeContract(), VolumeContract((4, 4, 4), (48, 56, 48)))
    ]
    assert facts[0]["head_ml"] == pytest.approx(facts[1]["head_ml"], rel=0.06)
    assert facts[0]["middle"] == pytest.approx(facts[1]["middle"], abs=0.1)
    assert facts[0]["dark"] < facts[0]["middle"] < facts[0]["bright"]
