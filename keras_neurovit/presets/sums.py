"""Checksums of all files of a preset, as `sha256sum --check` reads them."""

from __future__ import annotations

import re
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._files import file_sha256, published

NAME = "SHA256SUMS"
MEND = "Copy or download the preset again."
EDITED = (NAME, "README.md")  # a card is corrected after its weights are published


def write_sums(folder: Path) -> None:
    """Write `SHA256SUMS` of a preset's folder.

    Example:
        >>> _ = Path("preset.json").write_text("{}")
        >>> write_sums(Path())
        >>> Path("SHA256SUMS").read_text().split()[1]
        'preset.json'
    """
    files = sorted(
        file
        for file in folder.iterdir()
        if file.is_file() and not file.name.startswith(".") and file.name not in EDITED
    )
    with published(folder / NAME) as text:
        lines = [f"{file_sha256(file)}  {file.name}\n" for file in files]
        text.write_text("".join(lines), encoding="utf-8")


def check_sums(folder: Path) -> int:
    """Compare a folder's files with its `SHA256SUMS`, if it has one; how many were compared.

    Raises:
        InputError: a line that is none, a file that is missing or another; names it.
    """
    listed = _listed(folder)
    for name, sha256 in listed.items():
        _compare(folder / name, sha256)
    return len(listed)


def check_listed(file: Path) -> Path:
    """A file of a preset's folder, if it is the one that `SHA256SUMS` lists, or none is listed.

    Raises:
        InputError: as `check_sums`; a flipped byte in a description may still be JSON, and mean something else.
    """
    sha256 = _listed(file.parent).get(file.name)
    if sha256 is not None:
        _compare(file, sha256)
    return file


def _listed(folder: Path) -> dict[str, str]:
    sums, listed = folder / NAME, {}
    if not sums.is_file():
        return listed
    for line in sums.read_text(encoding="utf-8", errors="replace").splitlines():
        sha256, _, name = line.partition("  ")
        if not re.fullmatch("[0-9a-f]{64}", sha256) or not name or name != Path(name).name:
            raise InputError(f"{sums}: unusable line", "<SHA-256>  <file>", repr(line), MEND)
        listed[name] = sha256
    return listed


def _compare(file: Path, sha256: str) -> None:
    if not file.is_file():
        raise InputError(f"{file}: is missing, though {NAME} lists it", mend=MEND)
    if (found := file_sha256(file)) != sha256:
        mend = f"{MEND} If you changed it yourself, delete its line in {NAME}."
        raise InputError(f"{file}: is not the file that {NAME} lists", f"SHA-256 {sha256}", found, mend)
