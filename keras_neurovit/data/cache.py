"""Conformed volumes on disk, each named after all that made it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from rich.progress import track

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.volumes import VolumeContract, conform, read_scan
from keras_neurovit.volumes.contract import CODE_VERSION


def default_cache() -> Path:
    """Where volumes are kept: `$KERAS_NEUROVIT_CACHE`, else `keras_neurovit` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KERAS_NEUROVIT_CACHE") or Path(base) / "keras_neurovit")


def conform_all(
    paths: Sequence[str | os.PathLike],
    contract: VolumeContract,
    *,
    cache: str | os.PathLike | None = None,
    verbose: bool = True,
) -> list[Path]:
    """Conform scans into a cache, on all cores, and say where each volume lies (NumPy files, float16).

    A volume's name holds a digest of the contract, the code's version and the scan's path, size and time of change:
    whatever changes, a stale volume is never read. What is there already is kept, so an interrupted call goes on.

    Args:
        paths: of scans.
        contract: to conform to.
        cache: folder; None for `default_cache()`.
        verbose: whether to show a progress bar.

    Returns:
        A file for each scan, in the order of `paths`.

    Raises:
        InputError: a scan that cannot be read, or a cache that cannot be written; names the file.
    """
    folder = Path(cache) if cache is not None else default_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    files = [folder / f"{_digest(Path(path), contract)}.npy" for path in paths]
    missing = list(dict.fromkeys((path, file) for path, file in zip(paths, files, strict=True) if not file.exists()))
    if missing:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            done = threads.map(lambda pair: _store(*pair, contract), missing)
            for _ in track(done, "Conforming scans", total=len(missing), disable=not verbose, transient=True):
                pass
    return files


def _digest(path: Path, contract: VolumeContract) -> str:
    try:
        status = path.stat()
    except OSError:
        read_scan(path)  # tells what is wrong, for every way a file can be absent
        raise
    made_of = [contract.to_dict(), CODE_VERSION, str(path.resolve()), status.st_size, status.st_mtime_ns]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:40]


def _store(path: str | os.PathLike, file: Path, contract: VolumeContract) -> None:
    volume = conform(read_scan(path), contract).astype("float16")
    try:
        with published(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, volume)
    except OSError as error:
        raise _unwritable(file.parent, error) from error


def _unwritable(folder: Path, error: OSError) -> InputError:
    mend = "Free space or give another folder (argument `cache`, or $KERAS_NEUROVIT_CACHE)."
    return InputError(f"{folder}: the cache cannot be written ({error.strerror})", mend=mend)
