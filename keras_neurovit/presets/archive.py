"""Presets in one file."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from keras_neurovit._checks import InputError

# What the libraries raise on damaged bytes, on a password, and on two members in one place.
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError)
DAMAGE += (RuntimeError, FileExistsError, NotADirectoryError)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of a ZIP or tar archive into a new folder, and none outside of it.

    Args:
        archive: .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz, told by its content. A preset in a folder of the archive is
            lifted out of it.
        folder: for the preset's files; must not exist.

    Raises:
        InputError: no archive, a damaged one, a member that points outside or is no plain file, no `preset.json`;
            names the archive and the member.
    """
    try:
        if zipfile.is_zipfile(archive):
            members = _zipped(archive)
        elif _is_tar(archive):
            members = _tarred(archive)
        else:
            raise InputError(f"{archive.name}: is no archive", expected="ZIP or tar")
        folder.mkdir(parents=True)
        with closing(members):
            for name, stream in members:
                place = folder / _inside(archive, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as copy:
                    shutil.copyfileobj(stream, copy)
    except (*DAMAGE, OSError) as error:
        if not isinstance(error, DAMAGE) and error.errno is not None:
            raise  # of the file system; bz2 tells of damage by one without a number
        what = f"{archive.name}: damaged or unusable archive ({error or type(error).__name__})"
        raise InputError(what, mend="Download it again, or ask whoever packed it.") from None
    _lift(archive, folder)


def _zipped(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as whole:
        for member in whole.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _no_file(archive, member.filename)
            if not member.is_dir():
                with whole.open(member) as stream:
                    yield member.filename, stream


def _is_tar(archive: Path) -> bool:
    """Reads the first member, which may be damaged: tarfile would leave a file open that it opened itself."""
    with archive.open("rb") as raw:
        return tarfile.is_tarfile(raw)


def _tarred(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with archive.open("rb") as raw, tarfile.open(fileobj=raw) as whole:
        for member in whole:
            if member.isdir():
                continue
            if not member.isreg():
                raise _no_file(archive, member.name)
            yield member.name, whole.extractfile(member)


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    outside = path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive
    if outside or not path.parts:
        mend = "Do not trust this archive."
        raise InputError(f"{archive.name}: member {name!r} would be written outside of its folder", mend=mend)
    return path


def _no_file(archive: Path, name: str) -> InputError:
    mend = "Pack the files themselves."
    return InputError(f"{archive.name}: member {name!r} is a link or a device, no plain file", mend=mend)


def _lift(archive: Path, folder: Path) -> None:
    """Bring the one folder of an archive that holds a preset up to where its files belong."""
    if (folder / "preset.json").is_file():
        return
    found = sorted(folder.rglob("preset.json"))
    if len(found) != 1:
        expected, received = "one preset.json", f"{len(found)} of them"
        raise InputError(f"{archive.name}: is no archive of a preset", expected, received)
    inner = folder.with_name(f"{folder.name}.inner")
    found[0].parent.rename(inner)
    shutil.rmtree(folder)
    inner.rename(folder)
