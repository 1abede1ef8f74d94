"""Who a preset has learnt from: salted hashes of their ids, so that they can be recognised but not read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.cohorts.record import bare
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.sums import check_listed, write_sums

FILE = "people.json"


@dataclass(frozen=True)
class Known:
    """People of one study that a preset has learnt from.

    Args:
        study: its name.
        salt: random hexadecimal digits that every id is hashed with.
        people: hashes of ids without "sub-".
        scans: hexadecimal perceptual hashes of their scans (`volumes.likeness`), where they were stored.

    Example:
        >>> group = know(["sub-01", "02"], "a study")
        >>> group.knows("01"), group.knows("sub-02"), group.knows("03")
        (True, True, False)
    """

    study: str
    salt: str
    people: tuple[str, ...]
    scans: tuple[str, ...] = ()

    def knows(self, participant: str) -> bool:
        """Whether somebody of this id is among them."""
        return _hashed(participant, self.salt) in self.people


def know(participants: Iterable[str], study: str, scans: Sequence[bytes] = ()) -> Known:
    """People made recognisable; a salt of their own keeps lists of two presets from being compared with each other."""
    salt = secrets.token_hex(16)
    hashes = {_hashed(str(participant), salt) for participant in participants}
    return Known(study, salt, tuple(sorted(hashes)), tuple(scan.hex() for scan in scans))


def known_people(preset: Preset) -> list[Known]:
    """The groups of people that a preset's folder tells of; none where it tells nothing.

    Raises:
        InputError: `people.json` cannot be read, or is another than `SHA256SUMS` lists.
    """
    file = preset.folder / FILE if preset.folder else None
    if file is None or not file.is_file():
        return []
    check_listed(file)
    try:
        groups = json.loads(file.read_text(encoding="utf-8"))
        return [
            Known(each["study"], each["salt"], tuple(each["people"]), tuple(each.get("scans", ()))) for each in groups
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file}: is no list of people ({error})", mend="Restore it from its source.") from None


def save_people(folder: str | os.PathLike, groups: Sequence[Known]) -> None:
    """Write who a preset has learnt from into its folder: those of the preset it started from, and its own.

    Example:
        >>> save_people(".", [know(["sub-01"], "a study")])
        >>> "sub-01" in Path("people.json").read_text()
        False
    """
    with published(Path(folder) / FILE) as temporary:
        temporary.write_text(json.dumps([asdict(group) for group in groups], indent=1) + "\n", encoding="utf-8")
    write_sums(Path(folder))


def _hashed(participant: str, salt: str) -> str:
    return hashlib.blake2b(bare(participant).encode(), salt=bytes.fromhex(salt), digest_size=12).hexdigest()
