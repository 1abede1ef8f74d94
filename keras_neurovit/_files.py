"""Files that are either whole or absent."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
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
