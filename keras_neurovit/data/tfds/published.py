"""The published lists: who stands on which side, by hash, of studies whose ids anybody may know."""

from __future__ import annotations

import json
from importlib import resources

from keras_neurovit.cohorts import person_hash


def published(study: str) -> dict | None:
    """Seed, fractions and each side's people by hash; None of a study whose ids only its users have.

    Those make the same list: sides depend on study, seed and id alone (`cohorts.side_of`), and every build writes its
    people's hashes into `metadata.json` beside the data.

    Example:
        >>> {side: len(people) for side, people in published("ds002748")["people"].items()}
        {'train': 49, 'validation': 14, 'test': 9}
        >>> published("adni") is None
        True
    """
    lists = resources.files("keras_neurovit.data.tfds") / "people.json"
    return json.loads(lists.read_text(encoding="utf-8")).get(study)


def unpublished(study: str, people: list[str]) -> list[str]:
    """Those of `people` whom a published list of their study does not have.

    Example:
        >>> unpublished("ds002748", ["sub-01", "sub-99"]), unpublished("adni", ["002_S_0295"])
        (['sub-99'], [])
    """
    listed = published(study)
    if listed is None:
        return []
    known = {one for side in listed["people"].values() for one in side}
    return [person for person in people if person_hash(study, person) not in known]
