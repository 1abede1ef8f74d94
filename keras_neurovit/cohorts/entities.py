"""Names by the rules of BIDS: `sub-01_ses-M12_run-2_T1w.nii.gz` → entities and suffix."""

from __future__ import annotations

from collections.abc import Mapping

from keras_neurovit._checks import InputError

EXTENSIONS = (".nii.gz", ".nii", ".mgz")


def entities(name: str) -> dict[str, str]:
    """The entities of a file's name, in their order.

    Example:
        >>> entities("sub-01_ses-M12_run-2_T1w.nii.gz")
        {'sub': '01', 'ses': 'M12', 'run': '2'}
    """
    parts = name.split("_")[:-1]
    return dict(part.split("-", 1) for part in parts if "-" in part)


def fits(name: str, wanted: Mapping[str, object]) -> bool:
    """Whether a name has the entities wanted; None stands for "must not be there", 1 for "01" as well.

    Example:
        >>> fits("sub-01_run-02_T1w.nii", {"run": 2, "acq": None})
        True
    """
    has = entities(name)
    return all(_same(has.get(key), value) for key, value in wanted.items())


def checked(wanted: Mapping[str, object] | None) -> dict[str, object]:
    """`wanted` if it is a mapping of entities, else an error."""
    if wanted is None:
        return {}
    if not isinstance(wanted, Mapping) or not all(isinstance(key, str) and key.isalpha() for key in wanted):
        raise InputError("entities is unusable", expected='such as {"run": 1, "acq": None}', received=repr(wanted))
    return dict(wanted)


def in_words(wanted: Mapping[str, object]) -> str:
    """What `fits` asks for.

    Example:
        >>> in_words({"run": 1, "acq": None})
        'run-1, no acq'
    """
    return ", ".join(f"no {key}" if value is None else f"{key}-{value}" for key, value in wanted.items())


def _same(has: str | None, wanted: object) -> bool:
    if has is None or wanted is None:
        return has is None and wanted is None
    wanted = str(wanted)
    return has == wanted or (has.isdecimal() and wanted.isdecimal() and int(has) == int(wanted))
