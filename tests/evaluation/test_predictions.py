"""Tables of predictions: what is read, and what is refused by name."""

import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.evaluation import read_predictions, versus_rest
from keras_neurovit.evaluation.covariates import covariate


@pytest.fixture
def table(tmp_path):
    def write(text: str):
        file = tmp_path / "predictions.csv"
        file.write_text(text)
        return file

    return write


def test_two_classes(table):
    found = read_predictions(
        table("participant_id;session_id;target;probability;Age\nsub-1;ses-a;0;.2;70\n1;b;1.0;1;n/a\n")
    )
    assert found.kind == "binary"
    assert found.keys == [("1", "a", ""), ("1", "b", "")]
    assert found.clustered
    assert found.targets.tolist() == [0, 1]
    assert found.scores.tolist() == [0.2, 1.0]
    assert found.columns == {"Age": ("70", "n/a")}
    assert found.subset(np.array([False, True])).columns == {"Age": ("n/a",)}


def test_several_classes_and_numbers(table):
    text = "participant_id,target,probability_CN,probability_MCI,probability_AD\n1,CN,.5,.3,.2\n2,AD,0,0,1\n"
    found = read_predictions(table(text))
    assert (found.kind, found.labels, found.targets.tolist()) == ("multiclass", ("CN", "MCI", "AD"), [0, 2])
    with pytest.raises(InputError, match="two classes"):
        found.scores  # noqa: B018 (the property refuses)
    two = read_predictions(table("participant_id,target,probability_M,probability_F\n1,M,.5,.5\n2,F,.1,.9\n"))
    assert (two.kind, two.scores.tolist()) == ("binary", [0.5, 0.9])
    numbers = read_predictions(table("participant_id,target,prediction\n1,60.5,58\n2,71,-3\n"))
    assert (numbers.kind, numbers.scores.tolist()) == ("regression", [58, -3])


HEAD = "participant_id,session_id,target,probability\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD, "holds no predictions"),
        (HEAD + "1,a,0,nan\n2,a,1,.5\n3,a,1,\n", "probability is no number in 2 lines.*line 2 'nan', line 4 ''"),
        (HEAD + "1,a,0,inf\n", "line 2 'inf'"),
        (HEAD + "1,a,0,1.2\n", "line 2: the numbers are no probabilities.*apply softmax"),
        (HEAD + "1,a,0,20\n", r"\(expected 0 to 1, received 20\).*percents, divide by 100"),
        ("participant_id\ttarget\tprobability\n1\t0\t0,2\n", "line 2 '0,2'.*Write decimals with a point"),
        (HEAD + "1,a,0,.5\nsub-1,ses-a,0,.5\n", "line 3: sub-1 ses-a stood in line 2 already"),
        ("participant_id,target,probability\n1,0,.5\n1,0,.7\n", "line 3: 1 stood in line 2 already.*session_id"),
        (HEAD + "1,a,AD,.5\n", "line 2: the target is no known class.*--labels"),
        (HEAD + "1,a,n/a,.5\n", "line 2: the target is no known class"),
        (HEAD + "n/a,a,1,.5\n", "line 2: no participant_id"),
        ("session_id,target,probability\na,0,.5\n", "no column 'participant_id'"),
        ("participant_id,probability\n1,.5\n", "no column 'target'"),
        ("participant_id,target\n1,0\n", "not clear what was predicted"),
        ("participant_id,target,probability,prediction\n1,0,1,1\n", "not clear what was predicted"),
        ("participant_id,target,probability_a,probability_b\n1,a,.5,.2\n", "line 2: the numbers are no prob"),
        ("participant_id,target,prediction\n1,old,3\n", "target is no number in 1 line"),
    ],
)
def test_refusals_name_the_line(table, text, words):
    with pytest.raises(InputError, match=words):
        read_predictions(table(text))


def test_scans_of_one_visit_are_told_apart(table):
    found = read_predictions(table("participant_id,scan,target,probability\n1,run-1,0,.5\n1,run-2,0,.7\n"))
    assert found.scans == ("run-1", "run-2")


def test_incomplete_rows_are_left_out_and_counted(table):
    file = table(HEAD + "1,a,0,.2\n2,a,,.5\n3,a,1,n/a\n4,a,n/a,\n5,a,1,.9\n5,a,1,\n")
    found = read_predictions(file, missing="drop")
    assert found.participants == ("1", "5")
    assert found.left_out == (("without a prediction", 2), ("without a target", 2))
    assert found.targets.tolist() == [0, 1]
    with pytest.raises(InputError, match="line 7: the numbers are no"):  # lines are still those of the file
        read_predictions(table(HEAD + "1,a,0,.2\n2,a,,.5\n3,a,1,n/a\n4,a,n/a,\n5,a,1,.9\n6,a,1,9\n"), missing="drop")
    with pytest.raises(InputError, match=r"nobody whose target and prediction are known.*received 2 lines"):
        read_predictions(table(HEAD + "1,a,0,\n2,a,,.5\n"), missing="drop")
    with pytest.raises(InputError, match="unknown missing 'skip'"):
        read_predictions(file, missing="skip")


def test_one_of_two_labels_is_enough(table):
    file = table(HEAD + "1,a,AD,.9\n2,a,CN,.2\n")
    found = read_predictions(file, ["AD"])
    assert (found.labels, found.targets.tolist(), found.scores.tolist()) == (("CN", "AD"), [1, 0], [0.9, 0.2])
    for text in ("1,a,AD,.9\n2,a,CN,.2\n3,a,MCI,.4\n", "1,a,AD,.9\n2,a,AD,.9\n"):
        with pytest.raises(InputError, match=r"one probability tells two targets .*expected AD and another"):
            read_predictions(table(HEAD + text), ["AD"])


def test_one_label_versus_the_rest(table):
    text = "participant_id,target,probability_CN,probability_MCI,probability_AD\n1,CN,.5,.3,.2\n2,AD,0,0,1\n"
    found = read_predictions(table(text))
    assert versus_rest(found).labels == ("CN or MCI", "AD")
    other = versus_rest(found, "CN")
    assert (other.labels, other.targets.tolist(), other.scores.tolist()) == (("MCI or AD", "CN"), [1, 0], [0.5, 0.0])
    with pytest.raises(InputError, match=r"unknown label of .*: 'MC'.*'MCI'"):
        versus_rest(found, "MC")
    with pytest.raises(InputError, match="holds numbers, no classes"):
        versus_rest(read_predictions(table("participant_id,target,prediction\n1,60.5,58\n")))


def test_an_age_that_is_no_number(table):
    found = read_predictions(table("participant_id,target,probability,age\n1,0,.5,61\n2,1,.5,old\n"))
    with pytest.raises(InputError, match=r"csv: age is no number \(expected numbers, received 'old'\). Write n/a"):
        covariate(found, "age")
