"""One scan of one person, and how people and visits are told apart and ordered."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One labelled scan of one person; `columns` is the person's row in the table, as text.

    Args:
        path: the scan's file; it is never opened here.
        participant: who it is, written as the table or the BIDS folder writes it ("sub-01").
        session: which visit ("ses-M12"), or None where visits are not told apart.
        label: index into the cohort's labels.
        columns: column name → cell, for every column of the row.

    Example:
        >>> Record(Path("sub-01_T1w.nii.gz"), "sub-01", None, 1, {"age": "71", "diagnosis": "AD"}).columns["age"]
        '71'
    """

    path: Path
    participant: str
    session: str | None
    label: int
    columns: dict[str, str]

    @property
    def visit(self) -> tuple:
        """Sort key: by person, then visit (M6 before M12), then file; the order of a folder listing plays no part."""
        return natural(self.participant), natural(self.session or ""), str(self.path)


def natural(text: str) -> list[tuple[int, str]]:
    """Sort key that reads runs of digits as numbers.

    Example:
        >>> sorted(["ses-M12", "ses-M6", "ses-M0"], key=natural)
        ['ses-M0', 'ses-M6', 'ses-M12']
    """
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(int(part), part) if part[0] in "0123456789" else (-1, part) for part in parts]


def bare(participant: str) -> str:
    """The person behind an id: "sub-01" and "01" are the same one, however accents are encoded.

    Example:
        >>> bare("sub-01") == bare("01"), bare("sub-Zoe\u0308") == bare("Zo\u00eb")
        (True, True)
    """
    return composed(participant).removeprefix("sub-")


def composed(text: str) -> str:
    """Letters with accents as one character each: file names from a Mac have them as two."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
