"""Which side of a split a person stands on: told by the study, the seed and the person, and by nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.record import bare


def person_hash(study: str, participant: str) -> str:
    """What a published list of people holds in place of an id.

    The salt is the study's name, so that whoever has the study can look its people up, and lists of two studies cannot
    be compared. A short id can be guessed from its hash: the list tells who has the study who is on which side, and
    hides no one from those who know how ids are made.

    Example:
        >>> person_hash("oasis1", "OAS1_0001") == person_hash("oasis1", "sub-OAS1_0001")
        True
    """
    return hashlib.sha256(f"{study}:{bare(participant)}".encode()).hexdigest()[:24]


def side_of(study: str, participant: str, fractions: Mapping[str, float], seed: int = 0) -> str:
    """The side of a person, the same in every release and every part of a study that somebody has downloaded.

    Shares of people are met on average: a side does not depend on who else is there, which would move people from
    training to test whenever a study grows or somebody withdraws.

    Args:
        study: its name.
        participant: the id, with or without "sub-".
        fractions: side → share of the people.
        seed: another one draws other sides.

    Raises:
        InputError: shares that are not positive or do not add up to 1.

    Example:
        >>> side_of("oasis1", "OAS1_0001", {"train": 0.7, "validation": 0.15, "test": 0.15})
        'test'
        >>> drawn = {person: side_of("my study", person, {"train": 0.5, "test": 0.5}) for person in cohort.participants}
        >>> sides = cohort.split_by({side: [p for p in drawn if drawn[p] == side] for side in ("train", "test")})
        >>> sum(map(len, sides.values())) == len(cohort)
        True
    """
    shares = np.asarray(list(fractions.values()), dtype=float)
    if not len(shares) or not (shares > 0).all() or not np.isclose(shares.sum(), 1):
        raise InputError(
            "fractions is unusable", expected="positive shares of the people that add up to 1", received=dict(fractions)
        )
    drawn = hashlib.sha256(f"{seed}:{study}:{bare(participant)}".encode()).digest()
    place = int.from_bytes(drawn[:8], "big") / 2**64
    return list(fractions)[min(int(np.searchsorted(np.cumsum(shares), place, side="right")), len(shares) - 1)]
