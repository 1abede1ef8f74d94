"""Conformed volumes on disk, each named after all that made it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.filesize import decimal
from rich.progress import Progress

from keras_neurovit import _checks
from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit._memory import keep_freed_memory
from keras_neurovit.data.storage import Storage, encode, size_bytes
from keras_neurovit.volumes import VolumeContract, conform_and_check, read_scan
from keras_neurovit.volumes.contract import CODE_VERSION

ABANDONED = 6 * 3600  # seconds


def default_cache() -> Path:
    """Where volumes are kept: `$KERAS_NEUROVIT_CACHE`, else `keras_neurovit` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KERAS_NEUROVIT_CACHE") or Path(base) / "keras_neurovit")


def conform_all(
    paths: Sequence[str | os.PathLike],
    contract: VolumeContract,
    *,
    cache: str | os.PathLike | None = None,
    storage: Storage = "float16",
    on_error: Literal["raise", "skip"] = "raise",
    hashed: bool = False,
    workers: int | None = None,
    verbose: bool = True,
    suspicious: Literal["warn", "refuse"] = "warn",
    fingerprint: Mapping[str, Sequence[float]] | None = None,
) -> list[Path | None]:
    """Conform scans into a cache, on all cores, and say where each volume lies.

    A volume's name holds a digest of the contract's voxels, the code's version and the scan's path, size and time of
    change: whatever changes, a stale volume is never read. What is there already is kept, so an interrupted call goes
    on; a volume is there whole or not at all, also where two processes fill the same cache. A file of another size than
    a volume's is none, and is written anew.

    Args:
        paths: of scans.
        contract: to conform to.
        cache: folder; None for `default_cache()`.
        storage: "float16", or "uint8" in half the room, rounded to 1/255 of each volume's range.
        on_error: "raise" stops at a scan that cannot be read; "skip" goes on, names each on standard error and counts
            them at the end.
        hashed: whether names hold the digest of a scan's content in place of its path and time, which takes as long as
            reading it, but knows a scan again that was moved or copied.
        workers: scans conformed at a time, each in some 200 MB of memory at 1 mm; None for one a core.
        verbose: whether to tell, on standard error, the room that is needed, and to show a progress bar.
        suspicious: "warn" says on standard error what does not look like a scan that the contract is made for, once,
            when it is conformed; "refuse" treats it as one that cannot be read, and examines scans whose volumes are
            there already, too.
        fingerprint: of the preset, see `volumes.examine`.

    Returns:
        A file for each scan, in the order of `paths`; None for one that was skipped.

    Raises:
        InputError: a scan that cannot be read, or a cache that cannot be written; names the file.
    """
    _checks.one_of("storage", storage, ("float16", "uint8"))
    _checks.one_of("on_error", on_error, ("raise", "skip"))
    _checks.one_of("suspicious", suspicious, ("warn", "refuse"))
    folder = Path(cache) if cache is not None else default_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    keep_freed_memory()
    workers = int(_checks.between("workers", workers or os.cpu_count() or 1, 1, 1024))
    failed: dict[Path, InputError] = {}

    def attempt(work, path: Path, *arguments):
        try:
            return work(path, *arguments)
        except InputError as error:
            if on_error == "raise" or isinstance(error, _Unwritable):
                raise
            failed[path] = error
            return None

    paths = [Path(path) for path in paths]
    size = size_bytes(contract.shape, storage)
    # Whether skulls are off changes no voxel.
    voxels = {name: value for name, value in contract.to_dict().items() if name != "brain_extracted"}
    made_of = [voxels, CODE_VERSION, storage]
    _sweep(folder)
    with ThreadPoolExecutor(workers) as threads:
        named = threads.map(lambda path: attempt(_name, path, folder, made_of, hashed), dict.fromkeys(paths))
        files = dict(zip(dict.fromkeys(paths), named, strict=True))
        sources = {
            file: path
            for path, file in files.items()
            if file is not None and (suspicious == "refuse" or not _whole(file, size))
        }
        if sources:
            room = sum(not _whole(file, size) for file in sources) * size

            def store(path: Path, file: Path) -> None:
                attempt(_store, path, file, contract, storage, suspicious, fingerprint)

            _conform(threads, sources, store, room, verbose)
    for path, file in files.items():
        if sources.get(file) in failed:  # another name of the same content
            failed.setdefault(path, failed[sources[file]])
        if path in failed:
            files[path] = None
    if failed:
        for error in failed.values():
            print(f"skipped: {error}", file=sys.stderr)
        print(f"skipped {len(failed)} of {len(files)} scans", file=sys.stderr)
    return [files[path] for path in paths]


def _conform(threads: ThreadPoolExecutor, sources: dict[Path, Path], store, room: int, verbose: bool) -> None:
    with Progress(console=Console(stderr=True), transient=True, disable=not verbose) as progress:
        if verbose:
            folder = next(iter(sources)).parent
            progress.console.print(f"{len(sources)} scans to conform, {decimal(room)} in {folder}", markup=False)
        task = progress.add_task("Conforming scans", total=len(sources))
        work = [threads.submit(store, path, file) for file, path in sources.items()]
        try:
            for done in as_completed(work):
                done.result()
                progress.advance(task)
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise


def _name(path: Path, folder: Path, made_of: list, hashed: bool) -> Path:
    try:
        if hashed:
            with path.open("rb") as stream:
                source = [hashlib.file_digest(stream, "sha256").hexdigest()]
        else:
            status = path.stat()
            source = [str(path.resolve()), status.st_size, status.st_mtime_ns]
    except OSError:
        read_scan(path)  # tells what is wrong, for every way a file can be absent
        raise
    text = json.dumps([*made_of, *source], sort_keys=True)
    return folder / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.npy"


def _store(
    path: Path, file: Path, contract: VolumeContract, storage: Storage, suspicious: str, fingerprint: Mapping | None
) -> None:
    volume, warnings = conform_and_check(read_scan(path, as_stored=True), contract, fingerprint)
    if warnings and suspicious == "refuse":
        raise InputError(f"{path}: refused: {' '.join(warnings)}")
    if _whole(file, size_bytes(contract.shape, storage)):
        return
    for warning in warnings:
        print(f"warning: {path}: {warning}", file=sys.stderr)
    content = encode(volume, storage)
    try:
        with published(file) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise _unwritable(file.parent, error) from error


def _whole(file: Path, size: int) -> bool:
    """Whether a volume is there. A machine that lost its power may leave a name with less behind it."""
    try:
        return file.stat().st_size == size
    except FileNotFoundError:
        return False


def _sweep(folder: Path) -> None:
    """Remove what killed processes had begun to write: nobody takes hours over a volume."""
    for begun in folder.glob(".*.npy"):
        with contextlib.suppress(OSError):
            if time.time() - begun.stat().st_mtime > ABANDONED:
                begun.unlink()


class _Unwritable(InputError):
    pass


def _unwritable(folder: Path, error: OSError) -> InputError:
    mend = "Free space or give another folder (argument `cache`, or $KERAS_NEUROVIT_CACHE)."
    return _Unwritable(f"{folder}: the cache cannot be written ({error.strerror})", mend=mend)
