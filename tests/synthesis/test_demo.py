import csv
import json
import math

import nibabel
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from keras_neurovit import InputError, VolumeContract, read_bids
from keras_neurovit.synthesis import icbm152_t1, write_demo_cohort
from keras_neurovit.synthesis.people import Person, draw_people
from keras_neurovit.volumes import conform_and_check, read_scan

pytest.importorskip("nilearn", reason="the templates come with nilearn")

EVEN = {"hippocampus_left": 1.0, "hippocampus_right": 1.0, "ventricles": 1.0, "cortex": 1.0}


@pytest.fixture(scope="module")
def template():
    from keras_neurovit.synthesis.template import load_template

    return load_template()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_demo_cohort(tmp_path_factory.mktemp("demo") / "cohort", people=4, seed=5, verbose=False)


def person(**values) -> Person:
    return Person("0001", "CN", 74.0, "F", 0.0, 0.95, EVEN | values, seed=11)


def test_writes_bids_that_reads_back(folder):
    cohort = read_bids(folder, "diagnosis", labels=("CN", "AD"))
    assert len(cohort) == 4
    assert sorted(cohort.targets) == [0, 0, 1, 1]
    for record in cohort.records:
        volume, warnings = conform_and_check(read_scan(record.path), VolumeContract())
        assert warnings == []
        assert np.isfinite(volume).all()
        truth = json.loads(record.path.with_name(record.path.name.replace(".nii.gz", ".json")).read_text())
        assert float(record.columns["hippocampus_left_mm3"]) == truth["TrueVolumes_mm3"]["hippocampus_left"]
        assert nibabel.aff2axcodes(nibabel.load(record.path).affine) == ("R", "A", "S")


def test_the_seed_is_the_cohort(folder, tmp_path):
    again = write_demo_cohort(tmp_path / "again", people=4, seed=5, verbose=False)
    assert (again / "participants.tsv").read_text() == (folder / "participants.tsv").read_text()
    first, second = (nibabel.load(f / "sub-0003/anat/sub-0003_T1w.nii.gz").get_fdata() for f in (folder, again))
    np.testing.assert_array_equal(first, second)


def test_an_interrupted_cohort_goes_on(folder):
    before = (folder / "participants.tsv").read_text()
    kept = folder / "sub-0001" / "anat" / "sub-0001_T1w.nii.gz"
    time = kept.stat().st_mtime_ns
    (folder / "sub-0002" / "anat" / "sub-0002_T1w.nii.gz").unlink()
    write_demo_cohort(folder, people=4, seed=5, verbose=False)
    assert kept.stat().st_mtime_ns == time
    assert (folder / "sub-0002" / "anat" / "sub-0002_T1w.nii.gz").exists()
    assert (folder / "participants.tsv").read_text() == before


def test_another_cohort_in_the_folder_is_not_overwritten(folder, tmp_path):
    with pytest.raises(InputError, match="another seed or number"):
        write_demo_cohort(folder, people=4, seed=6, verbose=False)
    (tmp_path / "thesis.doc").write_text("x")
    with pytest.raises(InputError, match="is not empty"):
        write_demo_cohort(tmp_path, people=4, verbose=False)
    with pytest.raises(InputError, match="people of both groups"):
        write_demo_cohort(tmp_path / "new", people=1)


@pytest.mark.parametrize(
    ("structure", "ratio"),
    [("hippocampus_left", 0.78), ("hippocampus_right", 1.1), ("ventricles", 1.5), ("ventricles", 0.8)],
)
def test_a_structure_changes_by_the_ratio_it_is_told(template, structure, ratio):
    from keras_neurovit.synthesis.demo import make_brain

    before, after = make_brain(person(), template)[2], make_brain(person(**{structure: ratio}), template)[2]
    assert after[structure] / before[structure] == pytest.approx(ratio, abs=0.05)
    for other in {"hippocampus_left", "hippocampus_right", "ventricles"} - {structure}:
        assert after[other] / before[other] == pytest.approx(1, abs=0.04)
    assert after["brain"] / before["brain"] == pytest.approx(1, abs=0.02)


def test_the_cortex_thins_into_widening_sulci(template):
    from keras_neurovit.synthesis.demo import make_brain

    before, after = make_brain(person(), template)[2], make_brain(person(cortex=0.93), template)[2]
    assert after["grey"] / before["grey"] == pytest.approx(0.93, abs=0.025)
    assert after["hippocampus_left"] / before["hippocampus_left"] == pytest.approx(1, abs=0.05)


def test_template_structures_have_adult_sizes(template):
    volumes = {name: values.sum() for name, (_, values) in template.structures.items()}
    assert volumes["hippocampus_left"] == pytest.approx(3700, rel=0.1)
    assert volumes["hippocampus_left"] == pytest.approx(volumes["hippocampus_right"], rel=0.01)
    assert 12_000 < volumes["ventricles"] < 25_000


def test_groups_differ_as_published_and_overlap():
    people = draw_people(4000, seed=1)
    ill = np.array([p.diagnosis == "AD" for p in people])
    age = np.array([p.age for p in people])
    logs = np.log([[p.ratios[name] for name in EVEN] for p in people])
    change = np.exp(logs[ill].mean(axis=0) - logs[~ill].mean(axis=0)) - 1
    left, right, ventricles, cortex = change
    assert -0.26 <= left <= -0.2
    assert -0.26 <= right <= -0.2
    assert 0.35 <= ventricles <= 0.60
    assert -0.07 <= cortex <= -0.04
    assert abs(age[ill].mean() - age[~ill].mean()) < 0.5
    men = np.array([p.sex == "M" for p in people])
    assert abs(men[ill].mean() - men[~ill].mean()) < 0.04
    half = np.arange(len(people)) < 2000
    best = LogisticRegression(C=100).fit(logs[half], ill[half]).predict_proba(logs[~half])[:, 1]
    assert 0.90 < roc_auc_score(ill[~half], best) < 0.985


def test_a_person_is_the_same_in_a_larger_cohort():
    assert draw_people(3, seed=9) == draw_people(8, seed=9)[:3]


def test_participants_table_has_no_holes(folder):
    with (folder / "participants.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["participant_id"] for row in rows] == ["sub-0001", "sub-0002", "sub-0003", "sub-0004"]
    assert all(
        math.isfinite(float(row[key])) for row in rows for key in row if key.endswith(("_mm3", "age", "severity"))
    )


def test_template_scan_is_a_plausible_brain():
    assert conform_and_check(read_scan(icbm152_t1()), VolumeContract())[1] == []
