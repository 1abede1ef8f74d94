"""Columns as targets: what is not known of somebody is NaN, not a reason to leave a scan out."""

import numpy as np
import pytest

from keras_neurovit import InputError, make_dataset, read_bids
from keras_neurovit.cohorts import tasks_of


@pytest.fixture
def cohort(head_study):
    folder = head_study(6, {"sex": "F", "age": "60", "site": "A"})
    rows = (folder / "participants.tsv").read_text().splitlines()
    cells = [("M", "n/a"), ("F", "60"), ("", "70"), ("F", "80"), ("M", "90"), ("n/a", "n/a")]
    rows[1:] = ["\t".join([*row.split("\t")[:2], *pair, "A"]) for row, pair in zip(rows[1:], cells, strict=True)]
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n")
    return read_bids(folder, "group")


def test_columns_become_rows(cohort):
    rows, (sex, age) = tasks_of(cohort, {"sex": "classes", "age": "number"})
    np.testing.assert_array_equal(rows[:, 0], [1, 0, np.nan, 0, 1, np.nan])
    np.testing.assert_allclose(rows[:, 1] * age.spread + age.mean, [np.nan, 60, 70, 80, 90, np.nan], rtol=1e-6)
    assert (sex.labels, sex.outputs, age.labels, age.outputs, age.mean) == (("F", "M"), 2, (), 1, 75.0)


def test_batches_hold_them_and_say_how_many_are_known(cohort, small_preset, tmp_path, capsys):
    rows, _ = tasks_of(cohort, {"sex": "classes", "age": "number"})
    how = {"batch_size": 5, "targets": rows, "cache": tmp_path / "cache", "verbose": False}
    ((volumes, targets),) = make_dataset(cohort, small_preset.volume, **how)
    assert volumes.shape[0] == 5
    np.testing.assert_array_equal(targets, rows[:5])
    told = capsys.readouterr().err
    assert "1 of 6 scans have no target" in told
    assert "targets are known of 4, 4" in told


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({}, "no columns to learn"),
        ({"age": "regression"}, "classes, number"),
        ({"site": "classes"}, "two values or more"),
        ({"sex": "number"}, "is not a number"),
        ({"height": "number"}, "height"),
    ],
)
def test_what_cannot_be_learnt_is_refused(cohort, columns, told):
    with pytest.raises(InputError, match=told):
        tasks_of(cohort, columns)
