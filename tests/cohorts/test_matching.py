"""Classes alike in age and sex."""

import numpy as np
import pytest
from scipy import stats

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import match, read_bids
from keras_neurovit.cohorts.flow import remaining


def study(bids, scan_path, rows):
    """`rows` of (age, sex, dx), one person each; sub-0 came twice."""
    lines = [f"sub-{i}\t{age}\t{sex}\t{dx}" for i, (age, sex, dx) in enumerate(rows)]
    scans = [scan_path(0, "M0"), scan_path(0, "M12"), *map(scan_path, range(1, len(rows)))]
    folder = bids("\n".join(["participant_id\tage\tsex\tdx", *lines]) + "\n", *scans)
    return read_bids(folder, "dx")


@pytest.fixture
def confounded(bids, scan_path):
    """Older and more male people with AD, as clinics have them."""
    rng = np.random.default_rng(0)
    rows = [(f"{rng.normal(68, 7):.1f}", "FFFM"[rng.integers(4)], "CN") for _ in range(120)]
    rows += [(f"{rng.normal(75, 7):.1f}", "FMMM"[rng.integers(4)], "AD") for _ in range(60)]
    return study(bids, scan_path, rows)


def test_matched_classes_are_alike(confounded):
    def differ(cohort):
        return stats.ttest_ind(cohort.ages[cohort.targets == 0], cohort.ages[cohort.targets == 1]).pvalue

    matched = match(confounded, within_years=2)
    assert differ(confounded) < 1e-4
    assert differ(matched) > 0.3
    sexes = [np.sum(matched.column("sex")[matched.targets == label] == "F") for label in (0, 1)]
    people = [len(set(matched.participants[matched.targets == label])) for label in (0, 1)]
    assert people[0] == people[1] > 30
    assert abs(sexes[0] - sexes[1]) <= 1  # sub-0 was scanned twice
    assert remaining(matched.flow) == len(matched)
    assert any("no partner of like age, sex" in note for note in matched.notes)


def test_as_many_as_possible_find_partners(bids, scan_path):
    """Taking the nearest first would leave 71 and 73 with one partner between them."""
    rows = [("70", "F", "CN"), ("72", "F", "CN"), ("71", "F", "AD"), ("73.5", "F", "AD"), ("71", "M", "AD")]
    matched = match(study(bids, scan_path, [*rows, ("90", "M", "CN")]), within_years=2)
    assert sorted(set(matched.participants.tolist())) == ["sub-0", "sub-1", "sub-2", "sub-3"]
    assert len(matched) == 5


def test_three_classes_and_unknown_ages(bids, scan_path):
    rows = [("70", "F", dx) for dx in ("CN", "MCI", "AD")] + [("80", "M", dx) for dx in ("CN", "MCI")]
    rows += [("n/a", "F", "CN"), ("70", "", "MCI")]
    matched = match(study(bids, scan_path, rows))
    assert sorted(set(matched.participants.tolist())) == ["sub-0", "sub-1", "sub-2"]
    assert matched.labels == ("CN", "MCI", "AD")
    assert "2 scans left out, age or sex unknown: sub-5, sub-6" in matched.notes
    assert "classes are matched: 1 people of each, within 2 years" in matched.notes


def test_refusals(bids, scan_path):
    apart = study(bids, scan_path, [("60", "F", "CN"), ("80", "F", "AD")])
    with pytest.raises(InputError, match=r"nobody has a partner in every other class .*within 2 years"):
        match(apart)
    assert len(match(apart, within_years=20)) == 3
    with pytest.raises(InputError, match="unknown column"):
        match(apart, alike=["site"])
    with pytest.raises(InputError, match="within_years is out of range"):
        match(apart, within_years=-1)
    with pytest.raises(InputError, match=r"too few classes to match .*AD: 0"):
        match(apart.subset(apart.targets == 0))
