"""What becomes of memory that was freed."""

from __future__ import annotations

import ctypes
import functools
import os
import sys

# Numbers of <malloc.h>.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
LARGEST_MMAP_THRESHOLD = 32 << 20  # more is refused


@functools.cache
def keep_freed_memory(megabytes: int = 1024) -> bool:
    """Let the process keep what it frees, up to so much, instead of giving it back and asking for it again.

    The system hands memory out in pages of zeros, on first touch, which costs more than to fill a batch of volumes, and
    up to a third of a training step on a CPU. Once in a process; where somebody has set glibc's own variables
    (`MALLOC_ARENA_MAX`, …, `GLIBC_TUNABLES`), and without glibc, nothing is changed.

    Args:
        megabytes: of freed memory that is kept.

    Returns:
        Whether the settings were made.

    Source: mallopt(3), "M_TRIM_THRESHOLD".
    """
    if not sys.platform.startswith("linux") or any(n.startswith(("MALLOC_", "GLIBC_TUNABLES")) for n in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl, for one, has none
        return False
    settings = {
        ARENA_MAX: 1,  # others than the first are split in pieces of 64 MB, which go back as soon as they are free
        MMAP_THRESHOLD: LARGEST_MMAP_THRESHOLD,
        TRIM_THRESHOLD: megabytes << 20,
        TOP_PAD: 64 << 20,
    }
    made = [mallopt(what, value) for what, value in settings.items()]  # all, also after one that was refused
    return all(made)
