"""Miniatures of cohorts: files of a few bytes under true names."""

import pytest


@pytest.fixture
def classes():
    """(participant, session) → class."""
    return lambda cohort: {(r.participant, r.session): cohort.labels[r.label] for r in cohort.records}
