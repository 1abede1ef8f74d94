"""Splits: no person on two sides, every scan on exactly one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import Cohort, Record, Split, read_bids, read_csv, refuse_leak


@pytest.fixture
def cohort(study):
    return read_bids(study, "diagnosis")


def made(people, visits=lambda i: 1, labels=lambda i, visit: i % 2, classes=("CN", "AD")):
    """A cohort of `people`; `visits` and `labels` say how often a person came and with what label."""
    records = [
        Record(Path(f"/made/{i}_{visit}.nii"), f"p{i}", f"ses-{visit}", labels(i, visit), {})
        for i in range(people)
        for visit in range(visits(i))
    ]
    return Cohort(tuple(records), classes, "diagnosis", "made")


def random_cohort(seed):
    """30 to 80 people with up to five visits, some of whom change their label on the way, in shuffled order."""
    rng = np.random.default_rng(seed)
    people, classes = int(rng.integers(30, 80)), int(rng.integers(2, 4))
    start = np.resize(np.arange(classes), people)
    records = [
        Record(Path(f"/made/{i}_{v}.nii"), f"p{i}", f"ses-{v}", int(start[i] if v < 2 else rng.integers(classes)), {})
        for i in range(people)
        for v in range(rng.integers(1, 6))
    ]
    shuffled = tuple(records[i] for i in rng.permutation(len(records)))
    return Cohort(shuffled, ("CN", "MCI", "AD")[:classes], "diagnosis", "made")


def people(cohort):
    return set(cohort.participants.tolist())


def assert_partition(whole, sides):
    """Every scan on exactly one side, no person on two."""
    assert sorted(r.path for side in sides for r in side.records) == sorted(whole.paths)
    assert sum(len(people(side)) for side in sides) == len(people(whole))
    refuse_leak(**{f"side{i}": side for i, side in enumerate(sides)})


@pytest.mark.parametrize("seed", range(40))
def test_splits_and_folds_never_share_a_person(seed):
    cohort = random_cohort(seed)
    for stratify, fractions in ((True, (0.7, 0.15, 0.15)), (True, (0.8, 0.2)), (False, (0.5, 0.25, 0.25))):
        sides = [side for side in cohort.split(stratify=stratify, fractions=fractions, seed=seed) if side is not None]
        assert len(sides) == len(fractions)
        assert_partition(cohort, sides)
    folds = cohort.folds(k=4, seed=seed)
    for train, test in folds:
        assert_partition(cohort, [train, test])
        assert set(test.targets) == set(cohort.targets)
    assert_partition(cohort, [test for _, test in folds])


def test_split_keeps_proportions():
    cohort = made(200, labels=lambda i, visit: int(i % 5 == 0))
    split = cohort.split()
    assert isinstance(split, Split)
    assert [len(side) for side in split] == [140, 30, 30]
    assert [int(side.targets.sum()) for side in split] == [28, 6, 6]


def test_rounding_does_not_add_up_over_classes():
    cohort = made(30, labels=lambda i, visit: i // 3, classes=tuple("abcdefghij"))
    assert [len(side) for side in cohort.split(fractions=(0.5, 0.5)) if side] == [15, 15]


def test_a_rare_class_reaches_every_side():
    split = made(100, labels=lambda i, visit: int(i < 3)).split()
    assert [int(side.targets.sum()) for side in split] == [1, 1, 1]


def test_people_are_stratified_by_their_first_visit():
    """Everyone ends as AD; only the first visit, which is not the first record, tells the people apart."""
    cohort = made(40, visits=lambda i: 2, labels=lambda i, visit: 1 if visit else i % 2)
    split = replace(cohort, records=cohort.records[::-1]).split(fractions=(0.5, 0.25, 0.25))
    first = [[r.label for r in side.records if r.session == "ses-0"] for side in split]
    assert [(len(labels), sum(labels)) for labels in first] == [(20, 10), (10, 5), (10, 5)]


def test_two_fractions_leave_validation_out(cohort):
    split = cohort.split(fractions=(0.75, 0.25))
    assert split.validation is None
    assert (len(people(split.train)), len(people(split.test))) == (24, 8)


def test_same_seed_same_split_in_any_order(cohort):
    again = replace(cohort, records=cohort.records[::-1]).split(seed=5)
    for side, other in zip(cohort.split(seed=5), again, strict=True):
        assert people(side) == people(other)
    assert people(cohort.split(seed=5).test) != people(cohort.split(seed=6).test)
    assert [people(t) for _, t in cohort.folds(seed=1)] != [people(t) for _, t in cohort.folds(seed=2)]


def test_a_seed_draws_the_same_people_for_ever():
    """Results name a seed; a change of the draw would silently make them another experiment."""
    assert sorted(people(made(20).split(seed=0).test)) == ["p1", "p18", "p9"]


@pytest.mark.parametrize("fractions", [(1.0,), (0.5, 0.4), (0.7, 0.3, 0.0), (0.4, 0.3, 0.2, 0.1), (1.2, -0.2)])
def test_split_refuses_fractions(cohort, fractions):
    with pytest.raises(InputError, match="fractions is unusable"):
        cohort.split(fractions=fractions)


def test_split_is_by_people_only(cohort):
    with pytest.raises(InputError, match=r"unknown by 'scan' \(expected one of participant\)"):
        cohort.split(by="scan")


def test_split_refuses_a_side_without_a_class():
    message = r"made: validation has no scan of class 'AD' .*received 2 people of that class in all"
    with pytest.raises(InputError, match=message):
        made(20, labels=lambda i, visit: int(i < 2)).split()
    with pytest.raises(InputError, match=r"train has no scan of class 'AD' .*received 0 people"):
        made(20, labels=lambda i, visit: 0).split()


def test_folds_refuse(cohort):
    with pytest.raises(
        InputError, match=r"too few people of class 'AD' for 5 folds \(expected 5 or more, received 4\)"
    ):
        made(20, labels=lambda i, visit: int(i < 4)).folds(k=5)
    for k in (1, 2.5):
        with pytest.raises(InputError, match="k is unusable"):
            cohort.folds(k=k)


def test_folds_refuse_a_class_that_later_visits_cannot_spread():
    """Only follow-ups of six people are AD; by first visit all are CN, so a fold may go without."""
    cohort = made(60, visits=lambda i: 2, labels=lambda i, visit: int(visit == 1 and i < 6))
    with pytest.raises(InputError, match=r"test of fold \d has no scan of class 'AD' .*6 people.*another seed"):
        cohort.folds(k=6)


def test_folds_differ_by_one_person_at_most():
    sizes = [len(people(test)) for _, test in made(43, classes=("a", "b")).folds(k=5)]
    assert max(sizes) - min(sizes) == 1


def test_split_by_people_and_paths(cohort, study, scan_path):
    train = ["1", "sub-2", study / scan_path(3), str(study / scan_path(4)), scan_path(5)]
    sides = cohort.split_by({"train": train, "test": ["sub-32"]})
    assert people(sides["train"]) == {f"sub-{i}" for i in range(1, 6)}
    assert len(sides["test"]) == 2
    assert all("33 scans left out, assigned to no side: sub-6" in side.notes[-1] for side in sides.values())


def test_split_by_paths_relative_to_the_table(study, scan_path):
    cohort = read_csv(study / "scans.csv", "diagnosis")
    assert people(cohort.split_by({"a": [scan_path(1)]})["a"]) == {"sub-1"}


def test_split_by_column(bids, scan_path):
    table = "participant_id\tsex\tSplit\nsub-1\tF\ttrain\nsub-2\tM\ttrain\nsub-3\tF\ttest\nsub-4\tF\tn/a\n"
    cohort = read_bids(bids(table, *map(scan_path, range(1, 5))), "sex")
    sides = cohort.split_by("split")
    assert {side: len(part) for side, part in sides.items()} == {"train": 2, "test": 1}
    assert sides["test"].notes == ("1 scan left out, assigned to no side: sub-4",)
    with pytest.raises(InputError, match=r"unknown column in .*: 'fold'"):
        cohort.split_by("fold")
    with pytest.raises(InputError, match="column 'split' assigns no scan"):
        cohort.subset([3]).split_by("split")


def test_split_by_refuses_a_person_on_two_sides(cohort, study, scan_path):
    message = r"1 person on two sides: sub-30 on test and train .*each person on one side"
    with pytest.raises(InputError, match=message):
        cohort.split_by({"train": ["1", scan_path(30, "M0")], "test": [scan_path(30, "M12")]})


def test_split_by_refuses_the_unknown(cohort):
    with pytest.raises(
        InputError, match=r"side 'test' names 2 participants or paths .*: sub-77, x\.nii .*such as sub-1"
    ):
        cohort.split_by({"train": ["1"], "test": ["sub-77", "x.nii", "2"]})
    for entries in ("sub-1", []):
        with pytest.raises(InputError, match="side 'train' is unusable"):
            cohort.split_by({"train": entries})


def test_refuse_leak_names_sides_and_people(cohort):
    train, test = cohort.subset(range(10)), cohort.subset(range(8, 12))
    with pytest.raises(InputError, match=r"train and test share 2 people: sub-9, sub-10 .*prefixed"):
        refuse_leak(train=train, validation=None, test=test, other=cohort.subset([39]))
    with pytest.raises(InputError, match="a and b share 1 person: sub-1; a and c share 1 person: sub-1; b and c"):
        refuse_leak(a=train, b=cohort.subset([0]), c=cohort.subset([0]))


def test_refuse_leak_sees_through_spellings_and_names(cohort):
    bare = replace(
        cohort, records=tuple(replace(r, participant=r.participant[4:], path=Path("x")) for r in cohort.records)
    )
    with pytest.raises(InputError, match="train and test share 32 people"):
        refuse_leak(train=cohort, test=bare)
    with pytest.raises(InputError, match="train and test share 32 people"):
        refuse_leak(train=cohort, test=cohort.prefixed("b-"))


def test_prefixed_tells_studies_apart():
    one = made(3)
    other = replace(one, records=tuple(replace(r, path=Path("/other") / r.path.name) for r in one.records))
    with pytest.raises(InputError, match="share 3 people"):
        refuse_leak(train=one, test=other)
    refuse_leak(train=one, test=other.prefixed("oasis-"))
    refuse_leak(train=one)
