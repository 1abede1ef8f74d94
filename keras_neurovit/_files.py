"""Files that are either whole or absent, and what they tell of a folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from keras_neurovit._checks import InputError


@contextlib.contextmanager
def published(file: Path) -> Iterator[Path]:
    """A temporary name beside `file`, renamed to it when the block ends well and removed when it does not.

    The name is hidden, of this process and thread alone, and keeps the suffix, which writers of images go by.

    Example:
        >>> with published(Path("whole.txt")) as temporary:
        ...     _ = temporary.write_text("all of it")
        >>> Path("whole.txt").read_text()
        'all of it'
    """
    temporary = file.with_name(f".{os.getpid()}-{threading.get_ident()}.{file.name}")
    try:
        yield temporary
        temporary.replace(file)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def told_otherwise(file: Path, facts: Mapping, later: Sequence[str] = ()) -> list[str]:
    """Names of the facts that a JSON file lacks or tells otherwise; none where there is no file.

    Args:
        file: of such facts.
        facts: in JSON's values.
        later: facts that older files did not tell yet; one that lacks them tells nothing otherwise.

    Example:
        >>> file = Path("run.json")
        >>> _ = file.write_text('{"seed": 1, "epochs": 3}')
        >>> told_otherwise(file, {"seed": 2, "epochs": 3})
        ['seed']
    """
    if not file.exists():
        return []
    try:
        before, now = json.loads(file.read_text(encoding="utf-8")), json.loads(json.dumps(facts))
    except ValueError:
        mend = "Give another folder, or delete that one."
        raise InputError(f"{file}: is damaged, so that it cannot be told what its folder holds", mend=mend) from None
    before = {key: now[key] for key in later if key in now} | before
    return sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key))


def claim(file: Path, facts: Mapping, what: str, later: Sequence[str] = ()) -> None:
    """Let a folder hold one thing alone: write the facts it depends on, or refuse a folder that tells of another.

    Args:
        file: of the facts, in the folder, which is made where there is none.
        facts: in JSON's values.
        what: is held, for the message.
        later: see `told_otherwise`.

    Raises:
        InputError: the folder holds one with other facts, which are named, or a damaged file of them.

    Example:
        >>> claim(Path("mine/run.json"), {"seed": 1}, "a run")
        >>> claim(Path("mine/run.json"), {"seed": 2}, "a run")
        Traceback (most recent call last):
        ...
        keras_neurovit._checks.InputError: mine: holds a run with another seed. Give another folder, delete that one, \
or repeat its arguments.
    """
    if other := told_otherwise(file, facts, later):
        mend = "Give another folder, delete that one, or repeat its arguments."
        raise InputError(f"{file.parent}: holds {what} with another {', '.join(other)}", mend=mend)
    file.parent.mkdir(parents=True, exist_ok=True)
    with published(file) as temporary:
        temporary.write_text(json.dumps(facts), encoding="utf-8")


def file_sha256(file: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
