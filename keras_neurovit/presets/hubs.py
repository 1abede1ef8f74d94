"""Presets from the hubs, through the hubs' own libraries."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.presets.offline import library, offline
from keras_neurovit.presets.preset import Preset

# What a preset is made of; nothing else is fetched, so no code and no pickle.
FILES = ("*.json", "*.weights.h5", "golden.npz", "README.md", "SHA256SUMS")
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST)
NETWORK = "Check the address, the connection, and for a private repository your token."


def fetch_hf(address: str) -> Path:
    """The folder of `hf://org/name@revision`, in the cache of huggingface_hub ($HF_HOME, $HF_HUB_CACHE).

    Raises:
        InputError: see `fetch`.
    """
    parts = re.fullmatch(r"hf://([^/@#]+/[^/@#]+)(?:@([^#]+))?", address)
    if parts is None:
        raise InputError(f"{address}: unusable address", "hf://org/name@revision")
    repository, revision = parts.groups()
    if revision is None:
        mend = f"Add the commit you mean, as the hub's page of commits shows it: {address}@<commit>."
        raise InputError(f"{address}: has no revision, and what is newest changes", mend=mend)
    hub = library("huggingface_hub", "hub", "fetching from the Hugging Face hub")
    try:
        folder = hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(FILES), local_files_only=offline()
        )
    except hub.errors.LocalEntryNotFoundError as error:
        if not offline():
            raise InputError(
                f"{address}: the hub does not answer, and the cache has none of it", mend=NETWORK
            ) from error
        received = _cached_revisions(hub, repository)
        mend = "Go online once, or choose a revision that is there."
        what = f"{address}: is not in the cache {hub.constants.HF_HUB_CACHE}, and this is offline"
        raise InputError(what, revision, received, mend) from None
    except (hub.errors.HfHubHTTPError, hub.errors.HFValidationError, ValueError) as error:
        raise InputError(f"{address}: the hub refuses ({first_line(error)})", mend=NETWORK) from None
    except Exception as error:  # requests or httpx, as the library's version has it
        _refuse_unwritable(error, "HF_HOME")
        raise InputError(f"{address}: cannot be downloaded ({first_line(error)})", mend=NETWORK) from None
    commit = Path(folder).name
    if commit != revision:
        print(f"{address}: may come to mean other files; pin it: hf://{repository}@{commit}", file=sys.stderr)
    return _complete(address, Path(folder))


def fetch_kaggle(address: str) -> Path:
    """The folder of `kaggle://owner/model/framework/variation/version`, in kagglehub's cache ($KAGGLEHUB_CACHE).

    Raises:
        InputError: see `fetch`.
    """
    handle = address.removeprefix("kaggle://").strip("/")
    parts = handle.split("/")
    if len(parts) != 5 or not all(parts) or not parts[4].isdecimal():
        expected = "kaggle://owner/model/framework/variation/version, with a version, since what is newest changes"
        raise InputError(f"{address}: unusable address", expected)
    if offline():
        cache = Path(os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache" / "kagglehub")
        folder = cache / "models" / handle
        if not folder.is_dir():
            there = sorted(version.name for version in folder.parent.glob("*") if version.name.isdecimal())
            received = f"versions {', '.join(there)}" if there else "nothing of it"
            mend = "Go online once, or choose a version that is there."
            raise InputError(f"{address}: is not in {cache}, and this is offline", parts[4], received, mend)
        return _complete(address, folder)
    kagglehub = library("kagglehub", "kaggle", "fetching from Kaggle")
    try:
        folder = kagglehub.model_download(handle)
    except Exception as error:  # its own errors, requests', and plain ValueError
        _refuse_unwritable(error, "KAGGLEHUB_CACHE")
        raise InputError(f"{address}: cannot be downloaded ({first_line(error)})", mend=NETWORK) from None
    return _complete(address, Path(folder))


def _refuse_unwritable(error: Exception, variable: str) -> None:
    """Tell of a folder that cannot be written, which a connection to check would not mend."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        mend = f"Free space, or choose another folder with ${variable}."
        what = f"{error.filename or 'the cache'}: the cache cannot be written ({error.strerror})"
        raise InputError(what, mend=mend) from None


def _complete(address: str, folder: Path) -> Path:
    if not (folder / "preset.json").is_file():
        there = sorted(file.name for file in folder.iterdir())
        raise InputError(f"{address}: holds no preset", "preset.json", ", ".join(there) or "nothing")
    weights = Preset.from_json(folder / "preset.json").weights
    missing = [name for name in weights.all_files if not (folder / name).is_file()] if weights else []
    if missing:
        there = sorted(file.name for file in folder.iterdir())
        mend = "Go online and try again: what is there is kept." if offline() else "Ask whoever published it."
        raise InputError(f"{address}: lacks {', '.join(missing)}", None, ", ".join(there), mend)
    return folder


def _cached_revisions(hub, repository: str) -> str:
    found = [
        f"{revision.commit_hash} ({', '.join(sorted(revision.refs)) or 'no name'})"
        for repo in _scan(hub)
        if repo.repo_id == repository
        for revision in repo.revisions
    ]
    return "; ".join(sorted(found)) or f"nothing of {repository}"


def _scan(hub):
    try:
        return hub.scan_cache_dir().repos
    except hub.errors.CacheNotFound:
        return ()


def first_line(error: Exception) -> str:
    """What an error says first: a library's advice often fills a page."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
