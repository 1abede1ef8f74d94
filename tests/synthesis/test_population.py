"""Each effect of age, sex and disease has its size; none tells the diagnosis without fail."""

import csv
import json

import nibabel
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_neurovit import InputError, cohorts
from keras_neurovit.synthesis import (
    STRUCTURES,
    BrainFactory,
    BrainGenerator,
    draw_population,
    make_people,
    write_cohort,
)
from keras_neurovit.synthesis.population import AGES, EFFECTS, MEDIANS_MM3, median_mm3, targets_mm3

HIPPOCAMPUS = STRUCTURES.index("hippocampus_left")


def table(people, anatomies):
    return np.stack([targets_mm3(person, anatomies) for person in people])


def test_the_best_classifier_is_good_and_not_perfect(anatomies):
    people = draw_population(3000, seed=1)
    volumes = table(people, anatomies)
    volumes = np.log(volumes[:, ~np.isnan(volumes).any(axis=0) & (volumes > 0).all(axis=0)])
    ill = np.array([person.diagnosis == "AD" for person in people])
    age = np.array([person.age for person in people])
    features = np.column_stack([volumes, age, np.log([person.intracranial_mm3 for person in people])])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    scores = cross_val_predict(model, features, ill, method="decision_function")
    assert 0.93 <= roc_auc_score(ill, scores) <= 0.96
    assert abs(roc_auc_score(ill, age) - 0.5) < 0.03
    assert abs(roc_auc_score(ill, [person.sex == "M" for person in people]) - 0.5) < 0.03


PUBLISHED = {
    "brain": (-0.07, -0.05),
    "hippocampus": (-0.25, -0.20),
    "amygdala": (-0.22, -0.18),
    "medial_temporal_cortex": (-0.25, -0.20),
    "temporal_cortex": (-0.15, -0.10),
    "lateral_ventricle": (0.40, 0.60),
}
"""Of Alzheimer's disease against matched normals, as shares of these."""


@pytest.mark.parametrize("name", EFFECTS)
def test_disease_has_its_size(anatomies, name):
    people = draw_population(3000, seed=2)
    volumes = table(people, anatomies)
    places = [place for place, structure in enumerate(STRUCTURES) if structure in (name, f"{name}_left")]
    logs = np.log(volumes[:, places[0]] if places else [person.brain_mm3 for person in people])
    ill = np.array([person.diagnosis == "AD" for person in people])
    effect = logs[ill].mean() - logs[~ill].mean()
    assert effect == pytest.approx(EFFECTS[name].severe, rel=0.15)
    least, most = PUBLISHED.get(name, (0.2, 1.0))  # of the other ventricles no size is published; they grow
    assert least < np.expm1(EFFECTS[name].severe) < most


NORMS = {
    "TotalBrain": "brain",
    "3rdVentricle": "third_ventricle",
    **{
        f"{theirs}_{side[0].upper()}": f"{ours}_{side}"
        for theirs, ours in (
            ("Hippocampus", "hippocampus"),
            ("Amygdala", "amygdala"),
            ("LateralVentricle", "lateral_ventricle"),
            ("InfLatVentricle", "inferior_lateral_ventricle"),
        )
        for side in ("left", "right")
    },
}


def test_healthy_ageing_is_that_of_the_norms(shared_data):
    with (shared_data / "norms" / "normal_ageing_volumes.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["structure"] in NORMS]
    told = {(NORMS[row["structure"]], float(row["age_years"])): float(row["p50_mm3"]) for row in rows}
    ours = {(name, age): median_mm3(name, age) for name in MEDIANS_MM3 for age in AGES}
    assert ours == pytest.approx({key: told[key] for key in ours}, rel=0.001)


def test_age_and_sex_have_their_size(anatomies):
    young, old = (draw_population(1500, seed=3, diagnoses=("CN",), ages=(age, age)) for age in (50.0, 85.0))
    for name in set(MEDIANS_MM3) - {"brain"}:
        place = STRUCTURES.index(name)
        change = np.log(table(old, anatomies)[:, place]).mean() - np.log(table(young, anatomies)[:, place]).mean()
        assert change == pytest.approx(np.log(median_mm3(name, 85) / median_mm3(name, 50)), rel=0.1, abs=0.01)
    brains = [np.mean(np.log([person.brain_mm3 for person in people])) for people in (young, old)]
    assert brains[1] - brains[0] == pytest.approx(np.log(median_mm3("brain", 85) / median_mm3("brain", 50)), rel=0.1)
    spread = np.log(table(old, anatomies)[:, HIPPOCAMPUS]).std()
    assert 0.08 < spread < 0.14  # 0.10 in the norms
    men = np.array([person.sex == "M" for person in old])
    skull = np.array([person.intracranial_mm3 for person in old])
    assert skull[men].mean() / skull[~men].mean() == pytest.approx(1.56 / 1.39, rel=0.02)


def test_volumes_reach_their_targets(anatomies):
    factory = BrainFactory(BrainGenerator(anatomies, (64, 72, 64), 3.0))
    people = [
        person
        for severity in (0.0, 1.0)
        for person in draw_population(8, seed=4, diagnoses=("AD",), severity=severity, ages=(70.0, 70.0))
    ]
    made = np.concatenate(
        [make_people(factory, anatomies, people[i : i + 4])["structures_mm3"] for i in range(0, len(people), 4)]
    )
    effect = np.log(made[8:] / made[:8]).mean(axis=0)  # the same people, ill and well
    for name, tolerance in (("hippocampus", 0.06), ("amygdala", 0.08), ("lateral_ventricle", 0.12)):
        for side in ("left", "right"):
            assert effect[STRUCTURES.index(f"{name}_{side}")] == pytest.approx(EFFECTS[name].severe, abs=tolerance)
    skulls = np.array([person.intracranial_mm3 for person in people])
    np.testing.assert_allclose(made.sum(axis=1), skulls, rtol=0.08)
    # Everybody's own sides, mirrored or not: half of these people are.
    for name in ("hippocampus", "amygdala"):
        left, right = (STRUCTURES.index(f"{name}_{side}") for side in ("left", "right"))
        wanted = table(people, anatomies)
        asymmetry = np.log(wanted[:, left] / wanted[:, right]) - np.log(made[:, left] / made[:, right])
        assert np.abs(asymmetry).max() < 0.15


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"people": 0}, "people"),
        ({"people": 2, "ages": (30.0, 60.0)}, "40"),
        ({"people": 2, "ages": (60.0, 95.0)}, "90"),
        ({"people": 2, "severity": 3.0}, "severity"),
        ({"people": 2, "severity": -0.1}, "severity"),
        ({"people": 2, "severity": "1"}, "severity"),
        ({"people": 2, "severity": float("nan")}, "severity"),
        ({"people": 2.5}, "people"),
        ({"people": "60"}, "people"),
        ({"people": 2, "seed": -1}, "seed"),
        ({"people": 2, "ages": 70}, "ages"),
        ({"people": 2, "ages": (60,)}, "ages"),
        ({"people": 2, "diagnoses": "AD"}, "diagnoses"),
        ({"people": 2, "diagnoses": ("CN", "FTD")}, "FTD"),
    ],
)
def test_what_is_not_supported_is_refused(arguments, words):
    with pytest.raises(InputError, match=words):
        draw_population(**arguments)


def test_a_cohort_is_a_cohort(tmp_path, anatomies):
    people = draw_population(3, seed=5)
    arguments = {"shape": (64, 72, 64), "spacing_mm": 3.0, "verbose": False}
    folder = write_cohort(tmp_path / "cohort", people, anatomies, **arguments)
    cohort = cohorts.read_bids(folder, "diagnosis", labels=("CN", "AD"))
    assert len(cohort) == 3
    assert list(cohort.targets) == [0, 1, 0]
    told = json.loads((folder / "sub-0001/anat/sub-0001_T1w.json").read_text())
    one, truth = people[0], told["TrueVolumes_mm3"]
    who = (one.diagnosis, one.age, one.sex, one.severity)
    assert tuple(told[name] for name in ("Diagnosis", "Age", "Sex", "Severity")) == who
    assert cohort.column("hippocampus_left_mm3", float)[0] == truth["hippocampus_left"]
    assert truth["intracranial"] > truth["brain"] > 500_000
    scan, second = cohort.paths[2], nibabel.load(cohort.paths[1]).get_fdata()
    before = scan.stat().st_mtime_ns
    (folder / "sub-0002/anat/sub-0002_T1w.json").unlink()  # as after a kill
    write_cohort(folder, people, anatomies, **arguments)
    assert scan.stat().st_mtime_ns == before
    assert (folder / "sub-0002/anat/sub-0002_T1w.json").exists()
    np.testing.assert_array_equal(nibabel.load(cohort.paths[1]).get_fdata(), second)  # the seed is the person
    with pytest.raises(InputError, match="other people"):
        write_cohort(folder, people, anatomies, stripped=False, **arguments)
    with pytest.raises(InputError, match=r"repeated.*0001"):
        write_cohort(tmp_path / "twice", people + people, anatomies, **arguments)
    with pytest.raises(InputError, match="other people"):
        write_cohort(folder, draw_population(3, seed=6), anatomies, **arguments)
