"""Files that are either whole or absent, and what they tell of a folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path


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


def told_otherwise(file: Path, facts: Mapping) -> list[str]:
    """Names of the facts that a JSON file lacks or tells otherwise; none where there is no file.

    Args:
        file: of such facts.
        facts: in JSON's values.

    Example:
        >>> file = Path("run.json")
        >>> _ = file.write_text('{"seed": 1, "epochs": 3}')
        >>> told_otherwise(file, {"seed": 2, "epochs": 3})
        ['seed']
    """
    if not file.exists():
        return []
    before, now = json.loads(file.read_text(encoding="utf-8")), json.loads(json.dumps(facts))
    return sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key))


def file_sha256(file: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
