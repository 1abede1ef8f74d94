"""Presets from elsewhere: an address becomes a folder on this machine."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import keras

from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import file_sha256
from keras_neurovit.presets import hubs
from keras_neurovit.presets.archive import unpack
from keras_neurovit.presets.offline import offline
from keras_neurovit.presets.sums import check_sums

SCHEMES = ("file", "hf", "http", "https", "kaggle")
TIMEOUT_S = 60.0  # without a byte
STALE_S = 86_400.0  # what a killed download left behind is swept away after a day


def is_address(preset: object) -> bool:
    """Whether a preset is named by an address rather than by a name or a folder.

    Example:
        >>> is_address("hf://org/name@main"), is_address("vit3d_ad")
        (True, False)
    """
    return isinstance(preset, str) and "://" in preset


def fetch(address: str) -> Path:
    """The folder of a preset that lies elsewhere, downloaded if it is not in the cache.

    Args:
        address: `hf://org/name@revision` (extra "hub"), `kaggle://owner/model/framework/variation/version` (extra
            "kaggle"), `https://…/preset.zip#sha256=…`, `file:///folder` or `file:///preset.zip`.

    Downloads are kept where each library keeps them: $HF_HOME, $KAGGLEHUB_CACHE, $KERAS_HOME. With $HF_HUB_OFFLINE=1 or
    $KERAS_NEUROVIT_OFFLINE=1 nothing is asked of the network.

    Raises:
        InputError: an address that is not pinned, a library that is not installed, a host or repository that does not
            answer, another checksum, an archive that would write outside of its folder, a cache that cannot be
            written; offline, what is not cached.
    """
    scheme = one_of("kind of address", address.split("://", 1)[0].lower(), SCHEMES)
    if scheme == "hf":
        return hubs.fetch_hf(address)
    if scheme == "kaggle":
        return hubs.fetch_kaggle(address)
    parts = urlsplit(address)
    sha256 = _checksum(address, parts.fragment)
    if scheme == "file":
        return _from_file(address, Path(unquote(parts.path)), sha256)
    if sha256 is None:
        mend = "Add the checksum that the preset was published with: …/preset.zip#sha256=<64 digits>."
        raise InputError(f"{address}: has no checksum, so nobody can tell what will come", mend=mend)
    return _cached(address, sha256, lambda folder: _download(address.split("#")[0], folder, sha256))


def cache_home() -> Path:
    """Where downloaded and unpacked archives are kept: below `$KERAS_HOME`, else `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras_neurovit" / "presets"


def _checksum(address: str, fragment: str) -> str | None:
    if not fragment:
        return None
    digits = re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment)
    if digits is None:
        raise InputError(f"{address}: unusable checksum", "#sha256=<64 hexadecimal digits>", f"#{fragment}")
    return digits[1].lower()


def _from_file(address: str, path: Path, sha256: str | None) -> Path:
    if path.is_dir():
        return path
    if not path.is_file():
        raise InputError(f"{address}: no such file or folder", mend="Check the path; it starts with three slashes.")
    found = file_sha256(path)
    if sha256 not in (None, found):
        raise InputError(f"{path}: is not the expected file", f"SHA-256 {sha256}", found)
    return _cached(address, found, lambda folder: path)


def _cached(address: str, sha256: str, get) -> Path:
    """The unpacked archive of a checksum; another process that unpacks the same at the same time does no harm."""
    folder = cache_home() / sha256
    if (folder / "preset.json").is_file():
        return folder
    if offline() and not address.startswith("file:"):
        cached = sorted(file.parent.name[:12] + "…" for file in cache_home().glob("*/preset.json"))
        here = f"{len(cached)} other archives: {', '.join(cached)}" if cached else "nothing"
        mend = f"Go online once, or copy the preset's folder to {folder}."
        raise InputError(f"{address}: is not in the cache, and this is offline", f"{sha256[:12]}…", here, mend)
    try:
        with _workplace(folder.parent) as temporary:
            unpack(get(temporary), temporary / "preset")
            check_sums(temporary / "preset")  # a damaged tar may just end early
            with contextlib.suppress(OSError):  # another process was first: theirs is as good, and checked below
                (temporary / "preset").rename(folder)
    except OSError as error:
        mend = "Free space, or choose another folder with $KERAS_HOME."
        raise InputError(
            f"{folder.parent}: the cache cannot be written ({error.strerror or error})", mend=mend
        ) from None
    if not (folder / "preset.json").is_file():
        raise InputError(f"{folder}: stands in the preset's place", mend="Remove it.")
    return folder


@contextlib.contextmanager
def _workplace(cache: Path) -> Iterator[Path]:
    """A hidden folder in the cache, removed at the end; a kill leaves it to a later sweep."""
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(".*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_S:
                shutil.rmtree(left, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=".", dir=cache))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _download(url: str, folder: Path, sha256: str) -> Path:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)  # Keras' download has no argument for it
    try:
        with contextlib.redirect_stdout(sys.stderr):  # its progress bar must not mix with what a command prints
            got = keras.utils.get_file("archive", url, cache_dir=folder, cache_subdir="")
    except Exception as error:  # whatever the network raises; Keras raises plain Exception
        mend = "Check the address and the connection."
        raise InputError(f"{url}: cannot be downloaded ({error})", mend=mend) from None
    finally:
        socket.setdefaulttimeout(before)
    found = file_sha256(Path(got))
    if found != sha256:
        mend = "It was changed or damaged on the way: do not use it before its author tells why."
        raise InputError(f"{url}: is not the file that was asked for", f"SHA-256 {sha256}", found, mend)
    return Path(got)
