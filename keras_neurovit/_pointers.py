"""What lies where a repository's files have not been fetched, and how to fetch them."""

from __future__ import annotations

import itertools
import os
import shlex
from collections.abc import Callable, Iterable

ANNEX, LFS = "git-annex pointer", "git-lfs pointer"
STARTS = {b"/annex/objects/": ANNEX, b"version https://git-lfs": LFS}


def pointer(start: bytes) -> str | None:
    """What a file that begins so is in the place of the scan; None where it may be one.

    Example:
        >>> pointer(b"version https://git-lfs.github.com/spec/v1")
        'git-lfs pointer'
    """
    return next((name for sign, name in STARTS.items() if start.startswith(sign)), None)


def fetching(fault: str, paths: list[str | os.PathLike]) -> str:
    """The shell's line that fetches all of `paths`, by patterns, so that it stays short.

    Example:
        >>> pointers = ["/my study/sub-01/anat/sub-01_T1w.nii", "/my study/sub-02/anat/sub-02_T1w.nii"]
        >>> fetching(ANNEX, pointers)
        "cd '/my study' && datalad get sub-0*/anat/sub-0*_T1w.nii"
        >>> fetching(LFS, pointers)
        "cd '/my study' && git lfs pull --include 'sub-0*_T1w.nii'"
    """
    folder = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    start = f"cd {shlex.quote(folder)} && "
    if fault == LFS:  # whose patterns without a slash fit names in any folder
        return f"{start}git lfs pull --include {shlex.quote(_pattern(map(os.path.basename, paths), str))}"
    alike: dict[int, list[list[str]]] = {}
    for path in paths:
        parts = os.path.relpath(path, folder).split(os.sep)
        alike.setdefault(len(parts), []).append(parts)
    patterns = ("/".join(_pattern(names, shlex.quote) for names in zip(*g, strict=True)) for g in alike.values())
    return f"{start}datalad get {' '.join(patterns)}"


def _pattern(names: Iterable[str], quoted: Callable[[str], str]) -> str:
    """What the shell finds all of `names` by."""
    names = list(names)
    start = _shared(names)
    if set(names) == {start}:
        return quoted(start)
    end = _shared([name[len(start) :][::-1] for name in names])[::-1]
    return f"{quoted(start) if start else ''}*{quoted(end) if end else ''}"


def _shared(names: list[str]) -> str:
    """What all of `names` begin with; what the first and the last in order share, those between share too."""
    pairs = zip(min(names), max(names), strict=False)
    return "".join(one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
