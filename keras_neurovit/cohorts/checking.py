"""Scans that cannot be used, told from their headers before hours are spent on conforming them."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.on_disk import fault, leave_out_faults

FOUR_D = "not one volume but {}; take one of them or their mean"
UNFINISHED = "half there: shorter than its header says; copy or download it again"
TRAILING_BYTES = 4096  # that some tools leave behind the voxels
UNREADABLE = "no image inside, whatever its name says (a web page of an error?); download it again"


def check_files(cohort: Cohort, workers: int = 8) -> Cohort:
    """The cohort without scans that are no 3-D image or half-downloaded, each accounted for in the flow.

    Only headers are read, and of a compressed file its last four bytes; a file is decompressed only where these
    disagree. What voxels hold is not looked at: reading a scan does that.

    Args:
        cohort: whose scans.
        workers: files at a time; waiting for a network disk is what takes long.

    Example:
        >>> len(cohort), len(check_files(cohort))  # this study has names without images
        (40, 0)
    """
    with ThreadPoolExecutor(workers) as pool:
        wrongs = list(pool.map(_wrong, cohort.paths))
    faults: dict[str, list[str]] = {}
    for path, wrong in zip(cohort.paths, wrongs, strict=True):
        if wrong:
            faults.setdefault(wrong, []).append(str(path))
    flow = Flow()
    leave_out_faults(faults, flow)
    kept = cohort.subset([wrong is None for wrong in wrongs])
    return replace(kept, flow=(*cohort.flow, *flow.steps))


def _wrong(path: Path) -> str | None:
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    wrong = fault(path)
    if wrong:
        return wrong
    try:
        image = nibabel.load(path)
        shape, proxy = image.shape, image.dataobj
        expected = proxy.offset + int(np.prod(shape, dtype="int64")) * np.dtype(proxy.dtype).itemsize
        file = Path(image.file_map["image"].filename)
    except (ImageFileError, OSError, EOFError, ValueError, zlib.error, AttributeError, KeyError):
        return UNREADABLE
    if any(n > 1 for n in shape[3:]) or len(shape) < 3:
        return FOUR_D.format(" × ".join(map(str, shape)))
    return None if _is_whole(file, expected) else UNFINISHED


def _is_whole(file: Path, expected: int) -> bool:
    if not file.name.lower().endswith("gz"):
        return file.stat().st_size >= expected
    with open(file, "rb") as packed:
        packed.seek(-4, os.SEEK_END)
        told = int.from_bytes(packed.read(), "little")
    # A gzip file ends in its length modulo 2³². A torn one ends in anything, one in several pieces in the last's.
    return (told - expected) % 2**32 <= TRAILING_BYTES or _unpacked(file) >= expected


def _unpacked(file: Path) -> int:
    try:
        with gzip.open(file) as stream:
            return sum(map(len, _chunks(stream)))
    except (EOFError, OSError, zlib.error):
        return 0


def _chunks(stream) -> Iterator[bytes]:
    while chunk := stream.read(1 << 20):
        yield chunk
