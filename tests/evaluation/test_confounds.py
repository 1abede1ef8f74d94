"""Confounds, strata and matching: what is found where it was put."""

import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.evaluation import confound_baseline, matched_auc, read_predictions, strata, with_columns


@pytest.fixture
def people(tmp_path):
    """240 people of two sites; patients are older, have the smaller brains; the model sees nothing but size."""
    rng = np.random.default_rng(0)
    rows = ["participant_id,target,probability,age,sex,site,brain_volume,field"]
    for place in range(240):
        sick = place % 2
        volume = 1300 - 60 * sick + 80 * rng.normal()
        said = 1 / (1 + np.exp((volume - 1270) / 40))
        age = "n/a" if place == 7 else f"{70 + 4 * sick + 6 * rng.normal():.1f}"
        rows.append(f"{place},{sick},{said:.6f},{age},{'FM'[place // 2 % 2]},{'AB'[place % 3 == 0]},{volume:.0f},3")
    file = tmp_path / "p.csv"
    file.write_text("\n".join(rows))
    return file


def test_the_baseline_sees_what_the_model_sees_and_more(people):
    found = confound_baseline(read_predictions(people), draws=200)
    assert found.used == ("age", "sex", "site", "brain_volume")
    assert found.folds == "5 drawn"
    assert found.estimate.value > 0.72
    assert found.model.difference.value < 0  # less than the baseline, which also knows the age
    assert found.model.test == "DeLong"


def test_noise_is_no_baseline(tmp_path):
    rng = np.random.default_rng(1)
    rows = [f"{i},{i % 2},{rng.random():.4f},{rng.normal(70, 8):.2f}" for i in range(300)]
    (tmp_path / "p.csv").write_text("participant_id,target,probability,age\n" + "\n".join(rows))
    assert 0.38 < confound_baseline(read_predictions(tmp_path / "p.csv"), draws=100).estimate.value < 0.6


def test_folds_of_the_table_and_people_to_train_on(people, tmp_path):
    lines = people.read_text().splitlines()
    folded = [lines[0] + ",fold"] + [f"{line},{place % 4}" for place, line in enumerate(lines[1:])]
    (tmp_path / "f.csv").write_text("\n".join(folded))
    # Fold and class go together here, so that no fold may be left with one class to learn from: still two of each.
    assert confound_baseline(read_predictions(tmp_path / "f.csv"), draws=50).folds == "the table's"
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("\n".join(lines[:121]))
    other.write_text("\n".join([lines[0], *lines[121:]]))
    found = confound_baseline(read_predictions(one), read_predictions(other), draws=50)
    assert found.folds == f"trained on {other}"
    assert found.estimate.value > 0.65
    ages = tmp_path / "ages.csv"
    ages.write_text("participant_id,target,prediction,sex\n1,60.5,61,M\n")
    with pytest.raises(InputError, match="does not predict what"):
        confound_baseline(read_predictions(one), read_predictions(ages))


def test_the_target_is_no_confound_of_itself(tmp_path):
    rows = [f"{i},{'MF'[i % 2]},{0.2 + 0.6 * (i % 2)},{0.8 - 0.6 * (i % 2)},{'MF'[i % 2]},60" for i in range(30)]
    (tmp_path / "p.csv").write_text("participant_id,target,probability_F,probability_M,sex,age\n" + "\n".join(rows))
    assert confound_baseline(read_predictions(tmp_path / "p.csv"), draws=50).used == ("age",)
    (tmp_path / "q.csv").write_text("participant_id,target,probability\n1,0,.2\n2,1,.3\n")
    assert confound_baseline(read_predictions(tmp_path / "q.csv")) is None
    (tmp_path / "r.csv").write_text("participant_id,target,probability,age\n1,0,.2,60\n2,1,.3,70\n")
    assert confound_baseline(read_predictions(tmp_path / "r.csv")) is None  # two people cannot be cross-validated


def test_regressions_and_classes(tmp_path):
    rng = np.random.default_rng(2)
    rows = [f"{i},{50 + 10 * (i % 3)},{55 + i % 7},{'XYZ'[i % 3]}" for i in range(60)]
    (tmp_path / "p.csv").write_text("participant_id,target,prediction,site\n" + "\n".join(rows))
    predictions = read_predictions(tmp_path / "p.csv")
    rows = [f"{i},{i % 3},.4,.3,.3,{50 + 10 * (i % 3) + rng.normal():.1f}" for i in range(60)]
    (tmp_path / "q.csv").write_text(
        "participant_id,target,probability_0,probability_1,probability_2,age\n" + "\n".join(rows)
    )
    assert confound_baseline(predictions) is None  # the site tells the target itself
    assert confound_baseline(read_predictions(tmp_path / "q.csv"), draws=50).estimate.value > 0.9


def test_matching_takes_the_size_away(people):
    predictions = read_predictions(people)
    found = matched_auc(predictions)
    assert found.pairs > 60
    assert found.size_alone == pytest.approx(0.5, abs=0.06)
    assert found.estimate.low < 0.5 < found.estimate.high  # the model saw nothing else
    assert matched_auc(predictions.subset(np.arange(2))) is None


def test_strata(people):
    predictions = read_predictions(people)
    found = strata(predictions, draws=100)
    assert {one.by for one in found} == {"sex", "age", "site"}
    assert sum(one.people for one in found if one.by == "sex") == 240
    assert sum(one.people for one in found if one.by == "age") == 239  # one age is unknown
    ages = [one.value for one in found if one.by == "age"]
    assert ages == sorted(ages)
    chosen = next(one for one in found if one.value == "F")
    rows = np.array(predictions.columns["sex"]) == "F"
    assert chosen.scans == tuple(np.bincount(predictions.targets[rows]).tolist())
    from sklearn.metrics import roc_auc_score

    assert chosen.estimate.value == pytest.approx(roc_auc_score(predictions.targets[rows], predictions.scores[rows]))


def test_tables_are_joined(people, tmp_path):
    predictions = read_predictions(people)
    rows = "\n".join(f"sub-{place}\t1.5\tM" for place in range(240))
    (tmp_path / "t.tsv").write_text("participant_id\tMagneticFieldStrength\tsex\n" + rows)
    joined = with_columns(predictions, tmp_path / "t.tsv")
    assert joined.columns["sex"] == predictions.columns["sex"]
    assert [one.value for one in strata(joined, draws=20) if one.by == "field_strength"] == ["1.5 T"]
    (tmp_path / "few.tsv").write_text("participant_id\tscore\nsub-0\t1\n")
    with pytest.raises(InputError, match="no row for 239 people"):
        with_columns(predictions, tmp_path / "few.tsv")
    blank = with_columns(predictions, tmp_path / "few.tsv", missing="blank").columns["score"]
    assert (blank[0], set(blank[1:])) == ("1", {""})
    (tmp_path / "two.tsv").write_text("participant_id\tscore\nsub-0\t1\n0\t2\n")
    with pytest.raises(InputError, match="line 3: 0 stood there already"):
        with_columns(predictions, tmp_path / "two.tsv")
    visits = tmp_path / "v.csv"
    visits.write_text("participant_id,session_id,target,probability\n1,M0,0,.1\n1,M12,1,.9\n")
    (tmp_path / "v.tsv").write_text("participant_id\tsession_id\tage\n1\tses-M0\t70\n1\tses-M12\t71\n")
    assert with_columns(read_predictions(visits), tmp_path / "v.tsv").columns["age"] == ("70", "71")
