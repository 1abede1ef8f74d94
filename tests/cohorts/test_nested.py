"""Few people among more, classes in proportion."""

import itertools

import pytest

from keras_neurovit import InputError, read_bids
from keras_neurovit.cohorts import nested


@pytest.fixture
def cohort(study):
    return read_bids(study, "diagnosis")


def test_the_few_are_among_the_more(cohort):
    sizes = (4, 9, 20, 32)
    found = nested(cohort, sizes, seed=3)
    people = [set(one.participants) for one in found]
    assert [len(one) for one in people] == list(sizes)
    assert all(few <= more for few, more in itertools.pairwise(people))
    for one in found:
        first = {record.participant: record.label for record in one.records}
        assert abs(2 * sum(first.values()) - len(first)) <= 1  # half of each class
    assert len(found[-1]) == len(cohort)  # with every visit of everybody
    others = nested(cohort, (9,), seed=4)[0]
    assert set(others.participants) != people[1]


@pytest.mark.parametrize(
    ("sizes", "told"), [((0,), "1 to 32"), ((33,), "1 to 32"), ((2.5,), "1 to 32"), ((1,), "has no scan of class")]
)
def test_what_cannot_be_is_refused(cohort, sizes, told):
    with pytest.raises(InputError, match=told):
        nested(cohort, sizes)
