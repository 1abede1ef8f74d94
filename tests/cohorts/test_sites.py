"""Sites held out, and the people who went to several."""

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import hold_out_sites, leave_one_site_out, read_csv, refuse_leak
from keras_neurovit.cohorts.flow import remaining


@pytest.fixture
def cohort(tmp_path):
    """Three sites with both classes, one with one; p0 moved from A to B; one scan's site is unknown."""
    rows = [(f"p{i}", "ABC"[i % 3], "CN" if i < 6 else "AD") for i in range(12)]
    rows += [("p0", "B", "CN"), ("q1", "D", "AD"), ("q2", "n/a", "CN")]
    lines = ["path,participant_id,site,dx"]
    for number, (person, site, dx) in enumerate(rows):
        (tmp_path / f"{number}.nii").write_bytes(b"a scan")
        lines.append(f"{number}.nii,{person},{site},{dx}")
    (tmp_path / "scans.csv").write_text("\n".join(lines) + "\n")
    return read_csv(tmp_path / "scans.csv", "dx")


def test_neither_site_nor_person_on_both_sides(cohort):
    train, test = hold_out_sites(cohort, "B")
    refuse_leak(train=train, test=test)
    assert set(train.column("site")) == {"A", "C", "D"}
    assert set(test.column("site")) == {"B"}
    assert "p0" in test.participants
    assert "p0" not in train.participants
    assert len(train) + len(test) == len(cohort) - 2 == remaining(train.flow)
    assert train.notes == (
        "1 scan left out, site unknown",
        "1 scan left out, of people who were also scanned at B, held out",
    )


def test_several_sites(cohort):
    train, test = hold_out_sites(cohort, ["A", "B"])
    assert set(train.column("site")) == {"C", "D"}
    assert "p0" in test.participants


def test_each_site_is_left_out_once(cohort):
    folds = leave_one_site_out(cohort)
    assert [fold.site for fold in folds] == ["A", "B", "C"]
    for site, train, test in folds:
        refuse_leak(train=train, test=test)
        assert set(test.column("site")) == {site}
        assert site not in train.column("site")
        assert set(test.targets.tolist()) == {0, 1}
        assert "site without every class, for training only: D" in train.notes


def test_refusals(cohort):
    with pytest.raises(InputError, match=r"unknown site in .*'E' \(expected one of A, B, C, D\)"):
        hold_out_sites(cohort, "E")
    with pytest.raises(InputError, match="the held-out side has no scan of class 'CN'"):
        hold_out_sites(cohort, "D")
    with pytest.raises(InputError, match="the training side has no scan"):
        hold_out_sites(cohort, ["A", "B", "C"])
    with pytest.raises(InputError, match=r"too few sites .*received A\)"):
        leave_one_site_out(cohort.where("site", ["A", "D"]))
    with pytest.raises(InputError, match="unknown column"):
        leave_one_site_out(cohort, "centre")
