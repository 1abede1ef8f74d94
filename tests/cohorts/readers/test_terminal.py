"""`prepare` and `train` read whatever `load` reads."""

import nibabel
import numpy as np
import pytest

from keras_neurovit import experiment
from keras_neurovit.cli import main
from keras_neurovit.cohorts import load
from tests.cohorts.readers import trees
from tests.conftest import make_head


@pytest.fixture
def ixi(put):
    """IXI with two images that can be read."""
    folder = trees.ixi(put)
    for path in load("ixi", folder).paths:
        nibabel.save(nibabel.Nifti1Image(make_head((36, 44, 34), 4.5), np.diag([4.5, 4.5, 4.5, 1.0])), path)
    return str(folder)


def test_prepare(ixi, small_preset, tmp_path, capsys):
    given = ["prepare", ixi, "--preset", str(small_preset.folder), "--out", str(tmp_path / "cache")]
    assert main([*given, "--reader", "ixi"]) == 0
    told = capsys.readouterr()
    assert "2 scans of 2 people, target sex" in told.out
    assert told.out.endswith("2 volumes are ready\n")
    assert f"{ixi}: skulls are on, as its makers left them; the new contract expects that\n" in told.err
    assert len(list((tmp_path / "cache").iterdir())) == 2
    for wrong in (["--option", "image=x"], ["--target", "sex"]):
        assert main([*given, *wrong]) == 1
        assert f"{wrong[0]} is of --reader alone" in capsys.readouterr().err


def test_train(put, monkeypatch, tmp_path, capsys):
    trees.oasis1(put)
    asked = {}

    def train_on_cohort(cohort, preset, folder, **how):
        asked.update(cohort=cohort, how=how)
        return experiment.Outcome({}, cohort, cohort, np.zeros((len(cohort), 3)))

    monkeypatch.setattr(experiment, "train_on_cohort", train_on_cohort)
    given = ["train", str(put.folder), "--reader", "oasis1", "--target", "diagnosis", "--out", str(tmp_path / "run")]
    assert main([*given, "--option", "image=native", "--option", "young_are_cn=true"]) == 0
    assert [path.parent.name for path in asked["cohort"].paths] == ["SUBJ_111"] * 6
    assert asked["how"]["brain_extracted"] is None
    assert main([*given, "--labels", "CN", "AD", "--brain-extracted", "no"]) == 0
    assert asked["cohort"].labels == ("CN", "AD")
    assert asked["how"]["brain_extracted"] is False
    capsys.readouterr()
    assert main([*given, "--option", "image"]) == 1
    assert "expected NAME=VALUE" in capsys.readouterr().err
    assert main([*given, "--option", "colour=blue"]) == 1
    assert "unknown option of oasis1 'colour'" in capsys.readouterr().err
    assert main(["cohort", "oasis1", str(put.folder), "--option", "young_are_cn=true"]) == 0
    assert "who were not rated, are CN" in capsys.readouterr().out


def test_who_tells_of_skulls(put):
    trees.oasis1(put)
    for image, told in (("masked", "yes"), ("head", "no"), ("native", "no")):
        assert set(load("oasis1", put.folder, image=image).column("brain_extracted")) == {told}


def test_uk_biobank_tells_of_skulls(put):
    trees.ukbiobank(put)
    for image, told in (("T1_brain", "yes"), ("T1", "no")):
        assert set(load("ukbiobank", put.folder, image=image).column("brain_extracted")) == {told}
