"""One configuration a cohort: where it comes from, what is predicted, what becomes of its scans."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import tensorflow_datasets as tfds

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts import instructions, names
from keras_neurovit.cohorts.registry import GENERAL, reader
from keras_neurovit.synthesis import write_demo_cohort
from keras_neurovit.volumes import VolumeContract

FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}
DIAGNOSES, SEXES = ("CN", "MCI", "AD"), ("F", "M")
HEAD = VolumeContract(brain_extracted=False)


@dataclasses.dataclass(eq=False, kw_only=True)
class CohortConfig(tfds.core.BuilderConfig):
    """How a cohort becomes a TensorFlow dataset.

    Args:
        name: of the dataset, `tfds.load("keras_neurovit/<name>")`.
        reader: what `cohorts.load` calls the cohort; "bids", "csv" or "derivatives" for one's own.
        labels: the classes in order; people of other or unknown classes are left out.
        target: the column of the labels; without it the reader's own.
        study: what sides and hashes of people are drawn by (`cohorts.side_of`); without it the name. Give the same one
            to two datasets of the same people, so that nobody is trained on in one and tested on in the other.
        contract: the volume that every scan is conformed to.
        dtype: of the volumes, "float16" or "float32".
        options: of the reader, such as `{"image": "native"}`.
        fractions: side → share of the people.
        seed: of the sides.
        how_to_get: what to put into manual_dir; without it the reader's instructions.
        make: writes the cohort into a folder, where there is nothing to download.

    Raises:
        InputError: an unknown reader or dtype, or one's own cohort without a target.

    Example:
        >>> mine = CohortConfig(name="my_study", reader="bids", target="group", labels=("control", "patient"))
        >>> mine.study, mine.contract.shape
        ('my_study', (96, 112, 96))
    """

    reader: str
    labels: tuple[str, ...]
    target: str | None = None
    study: str | None = None
    contract: VolumeContract = HEAD
    dtype: Literal["float16", "float32"] = "float16"
    options: Mapping = dataclasses.field(default_factory=dict)
    fractions: Mapping[str, float] = dataclasses.field(default_factory=lambda: dict(FRACTIONS))
    seed: int = 0
    how_to_get: str | None = None
    make: Callable[[str | os.PathLike], Path] | None = None

    def __post_init__(self):
        one_of("cohort", self.reader, names())
        one_of("dtype", self.dtype, ("float16", "float32"))
        own = None if self.reader in GENERAL else reader(self.reader)
        if own is None and self.target is None:
            raise InputError(f"config {self.name!r} has no target", expected="the column of the labels")
        self.target = self.target or own.target
        self.study = self.study or self.name
        self.description = self.description or (f"{own.title}. Source: {own.source}." if own else self.name)
        if self.how_to_get is None and self.make is None:
            told = instructions(self.reader) if own else "Put your cohort there, as cohorts.load reads it."
            self.how_to_get = told

    @property
    def manual(self) -> str | None:
        """What to request and where to put it; None where nothing is to be requested."""
        if self.make is not None:
            return None
        return (
            f"{self.how_to_get} Put this folder into manual_dir under the name {self.study}, or give it as manual_dir."
        )


_DEMO = "60 synthetic people, every second with atrophy as in Alzheimer's disease; no patients (write_demo_cohort)."
_OPENNEURO = (
    "Resting state in depression, T1 images with skull. Source: Bezmaternykh, OpenNeuro ds002748 (CC0).",
    "Download it from https://openneuro.org/datasets/ds002748, e.g. with `datalad install -g "
    "https://github.com/OpenNeuroDatasets/ds002748.git`: participants.tsv, sub-01/anat/sub-01_T1w.nii.gz, … .",
)
CONFIGS = [
    CohortConfig(name="oasis1", reader="oasis1", labels=DIAGNOSES, contract=VolumeContract()),
    CohortConfig(name="oasis3", reader="oasis3", labels=DIAGNOSES),
    CohortConfig(name="adni", reader="adni", labels=DIAGNOSES),
    CohortConfig(name="aibl", reader="aibl", labels=DIAGNOSES),
    CohortConfig(name="ixi", reader="ixi", labels=SEXES),
    CohortConfig(name="ukbiobank", reader="ukbiobank", labels=SEXES, contract=VolumeContract()),
    CohortConfig(name="ldm100k", reader="ldm100k", labels=SEXES),
    CohortConfig(
        name="ds002748",
        reader="bids",
        target="group",
        labels=("control", "depr"),
        description=_OPENNEURO[0],
        how_to_get=_OPENNEURO[1],
    ),
    CohortConfig(
        name="synthetic",
        reader="bids",
        target="diagnosis",
        labels=("CN", "AD"),
        contract=VolumeContract(),
        description=_DEMO,
        make=functools.partial(write_demo_cohort, people=60, seed=0),
        seed=84,  # the first that gives 42, 9 and 9 people, and CN and AD alike
    ),
]
