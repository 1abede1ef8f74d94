"""Presets to a hub."""

from __future__ import annotations

import os
import re
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.presets.card import refuse_gaps
from keras_neurovit.presets.hubs import FILES, NETWORK, first_line
from keras_neurovit.presets.offline import library
from keras_neurovit.presets.preset import Preset
from keras_neurovit.presets.store import check_weights


def push_to_hub(
    folder: str | os.PathLike, repository: str, *, private: bool = False, message: str = "Upload preset"
) -> str:
    """Upload a preset's folder, its card included, to the Hugging Face hub, in one commit.

    The token is the library's: `hf auth login`, or $HF_TOKEN.

    Args:
        folder: that `save_to_preset` wrote.
        repository: `hf://org/name`; created if need be.
        private: whether a new repository is.
        message: of the commit.

    Returns:
        The address of exactly these files, `hf://org/name@commit`, for `from_preset`.

    Raises:
        InputError: a folder that is no preset, weights that fail their checksum, a card that is missing or still has
            its gaps, a hub that refuses.
    """
    parts = re.fullmatch(r"(?:hf://)?([^/@#]+/[^/@#]+)", repository)
    if parts is None:
        raise InputError(f"{repository}: unusable address", "hf://org/name")
    folder = Path(folder)
    check_weights(Preset.from_json(folder / "preset.json"))
    refuse_gaps(folder / "README.md")
    hub = library("huggingface_hub", "hub", "uploading to the Hugging Face hub")
    try:
        hub.create_repo(parts[1], private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=parts[1],
            folder_path=folder,
            allow_patterns=list(FILES),
            ignore_patterns=[".*"],
            commit_message=message,
        )
    except Exception as error:  # requests or httpx, as the library's version has it
        raise InputError(f"{repository}: cannot be uploaded ({first_line(error)})", mend=NETWORK) from None
    return f"hf://{parts[1]}@{commit.oid}"
