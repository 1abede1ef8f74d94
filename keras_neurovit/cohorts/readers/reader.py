"""What a named cohort's reader is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.flow import Flow
from keras_neurovit.cohorts.labelling import Listed


@dataclass(frozen=True, slots=True)
class Reader:
    """How a cohort is asked for, where its files lie, and what reads them.

    Args:
        name: what `load` calls it.
        title: what its makers call it.
        target: the column that is predicted if no other is asked for.
        instructions: what to request and how the folder must look.
        source: where layout, columns and labels are described.
        assumed: how diagnoses, ages and other standard columns are made of the cohort's own, a sentence each; these
            stand in the flow of every cohort that is read.
        scans: (folder, flow, **options) → its scans with their rows; the columns age, sex (F, M), diagnosis (CN, MCI,
            AD), site, field_strength and brain_extracted (yes, no) are written alike in every cohort that has them.
    """

    name: str
    title: str
    target: str
    instructions: str
    source: str
    assumed: tuple[str, ...]
    scans: Callable[..., list[Listed]]

    def read(self, folder: Path, flow: Flow, options: dict) -> list[Listed]:
        """The scans in `folder`, or an error that says how it must look."""
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder", expected=self.title, mend=f"{self.name}: {self.instructions}")
        try:
            scans = self.scans(folder, flow, **options)
        except InputError as error:
            if error.mend is not None:
                raise
            how = f"{self.name}: {self.instructions}"
            raise InputError(error.what, error.expected, error.received, how) from error
        if not scans:
            raise InputError(
                f"{folder}: no usable scan of {self.title}",
                received=str(flow) or "no such file",
                mend=f"{self.name}: {self.instructions}",
            )
        for text in self.assumed:
            flow.assumed(text)
        return scans
