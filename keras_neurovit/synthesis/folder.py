"""A folder holds one cohort."""

from __future__ import annotations

import json
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._files import published


def claim_folder(folder: Path, description: dict, other: str) -> None:
    """Write a cohort's `dataset_description.json`, or find that the folder holds this very cohort already.

    Args:
        folder: created if need be.
        description: of everything that the cohort depends on.
        other: how a cohort with another description differs, for the message.

    Raises:
        InputError: a file; a folder with another cohort, or with something else.
    """
    file, text = folder / "dataset_description.json", json.dumps(description, indent=2)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file", expected="a folder, new or empty")
    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise InputError(f"{folder}: holds a cohort {other}", mend="Give another folder, or delete that one.")
    if not file.exists() and folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty and holds no cohort", mend="Give an empty or new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    with published(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
