"""A cohort: labelled scans, each known to belong to a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts import assigned, describing, split
from keras_neurovit.cohorts.flow import Step
from keras_neurovit.cohorts.notes import some
from keras_neurovit.cohorts.record import Record
from keras_neurovit.cohorts.table import find_column, is_missing, need_column

RECORD_FIELDS = ("participant", "session")


@dataclass(frozen=True)
class Cohort:
    """Labelled scans of known people, with an account of everything that was left out or assumed.

    Args:
        records: one a scan.
        labels: class names; a record's label is an index into them.
        target: the column the labels come from.
        source: the folder or file the cohort was read from.
        flow: what was found, what was left out and why, what was assumed.

    Example:
        >>> cohort = read_bids(folder, "diagnosis")
        >>> len(cohort), cohort.labels, cohort.targets[:3].tolist()
        (40, ('CN', 'AD'), [0, 1, 0])
    """

    records: tuple[Record, ...]
    labels: tuple[str, ...]
    target: str
    source: str
    flow: tuple[Step, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, noted or assumed, a sentence each."""
        return tuple(str(step) for step in self.flow if step.kind != "found")

    @property
    def paths(self) -> list[Path]:
        """The file of each scan."""
        return [record.path for record in self.records]

    @property
    def targets(self) -> np.ndarray:
        """The label of each scan; shape (scan,), int64."""
        return np.array([record.label for record in self.records], dtype=np.int64)

    @property
    def participants(self) -> np.ndarray:
        """The person of each scan; shape (scan,), text; a person with several scans stands several times."""
        return np.array([record.participant for record in self.records], dtype=np.str_)

    @property
    def ages(self) -> np.ndarray | None:
        """Years of each scan from the column "age", NaN where unknown; None without such a column."""
        names = dict.fromkeys(name for record in self.records for name in record.columns)
        return self.column("age", float) if any(name.casefold() == "age" for name in names) else None

    def column(self, name: str, kind: type = str) -> np.ndarray:
        """A column of the table, one value a scan; "participant" and "session" are always there.

        Args:
            name: the column, whatever its case.
            kind: `str`, or `float`, which turns missing cells (empty, n/a) into NaN.

        Raises:
            InputError: no such column, or a cell that is not a number where numbers are asked for.

        Example:
            >>> cohort.column("age", float)[:3]
            array([60., 61., nan])
        """
        if kind not in (str, float):
            raise InputError("kind is unusable", expected="str or float", received=repr(kind))
        texts = self._texts(name)
        if kind is str:
            return np.array(texts, dtype=np.str_)
        numbers = np.full(len(texts), np.nan)
        for place, (text, record) in enumerate(zip(texts, self.records, strict=True)):
            try:
                numbers[place] = np.nan if is_missing(text) else float(text)
            except ValueError as error:
                raise InputError(
                    f"{self.source}: {name} of {record.participant} is not a number", received=repr(text)
                ) from error
        return numbers

    def _texts(self, name: str) -> list[str]:
        names = dict.fromkeys(column for record in self.records for column in record.columns)
        if name in RECORD_FIELDS and name not in names:
            return [getattr(record, name) or "" for record in self.records]
        if self.records:
            # Sessions files of different people may spell a column differently; within one row it must be clear.
            need_column({column.casefold(): column for column in names}.values(), name, self.source)
        found = [find_column(record.columns, name, self.source) for record in self.records]
        return [record.columns.get(column, "") for record, column in zip(self.records, found, strict=True)]

    def describe(self) -> str:
        """A short text: people, scans, each class, ages, sexes, sites, and the flow table.

        Example:
            >>> print(cohort.describe().splitlines()[0])
            40 scans of 32 people, 16 of them in 16 sessions, target diagnosis
        """
        return describing.describe(self)

    def subset(self, indices: Sequence[int] | np.ndarray) -> Cohort:
        """The scans at `indices`, or those where a mask of booleans is true.

        Raises:
            InputError: an index outside the cohort, or a mask of another length.

        Example:
            >>> len(cohort.subset([0, 1])), len(cohort.subset(cohort.column("age", float) > 75))
            (2, 24)
        """
        chosen = np.asarray(indices)
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.dtype == bool and chosen.shape == (len(self),):
            chosen = np.flatnonzero(chosen)
        expected = f"whole numbers below {len(self)}, or {len(self)} booleans"
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            raise InputError(
                "indices is unusable", expected=expected, received=f"{chosen.dtype} of shape {chosen.shape}"
            )
        outside = chosen[(chosen < -len(self)) | (chosen >= len(self))]
        if outside.size:
            raise InputError("indices is unusable", expected=expected, received=some(outside))
        return replace(self, records=tuple(self.records[i] for i in chosen))

    def where(self, column: str, value: object) -> Cohort:
        """The scans that hold `value` (or one of several values) in `column`; the labels stay as they are.

        Raises:
            InputError: no such column, or no scan holds such a value.

        Example:
            >>> len(cohort.where("sex", "F")), len(cohort.where("session", ["ses-M0", "ses-M12"]))
            (20, 16)
        """
        texts = self.column(column)
        several = isinstance(value, Iterable) and not isinstance(value, str)
        wanted = {one_of(f"{column} in {self.source}:", str(v), set(texts)) for v in (value if several else [value])}
        return self.subset([place for place, text in enumerate(texts) if text in wanted])

    def prefixed(self, prefix: str) -> Cohort:
        """The same cohort with `prefix` before every participant, to tell two studies' "sub-01" apart.

        Example:
            >>> str(cohort.prefixed("oasis-").participants[0])
            'oasis-sub-1'
        """
        return replace(self, records=tuple(replace(r, participant=prefix + r.participant) for r in self.records))

    def split(
        self,
        by: str = "participant",
        stratify: bool = True,
        fractions: Sequence[float] = (0.7, 0.15, 0.15),
        seed: int = 0,
    ) -> split.Split:
        """Train, validation and test cohorts that share no person; with two fractions, train and test.

        Args:
            by: "participant"; scans of one person never stand on two sides.
            stratify: keep the classes in proportion, each person counted by the label of the first visit.
            fractions: shares of the people; two or three numbers that add up to 1.
            seed: another seed draws another split; the same seed draws the same one, in whatever order files lie.

        Raises:
            InputError: a side would have no scan of a class.

        Example:
            >>> [len(set(side.participants)) for side in cohort.split(fractions=(0.5, 0.25, 0.25))]
            [16, 8, 8]
        """
        return split.split(self, by, stratify, fractions, seed)

    def folds(self, k: int = 5, seed: int = 0) -> list[tuple[Cohort, Cohort]]:
        """`k` pairs (train, test) that share no person; each person is tested once, each class in each test.

        Raises:
            InputError: fewer than `k` people of a class.

        Example:
            >>> [len(set(test.participants)) for train, test in cohort.folds(k=4)]
            [8, 8, 8, 8]
        """
        return split.folds(self, k, seed)

    def split_by(self, assignment: str | Mapping[str, Sequence[str | Path]]) -> dict[str, Cohort]:
        """A split made by hand: side → cohort; scans assigned to no side are noted on every side.

        Args:
            assignment: side → participants or paths, or the name of the column that holds the side.

        Raises:
            InputError: a person on two sides, an unknown participant or path, or a side without scans.

        Example:
            >>> sides = cohort.split_by({"train": ["sub-1", "2"], "test": ["sub-3"]})
            >>> {side: len(set(people.participants)) for side, people in sides.items()}
            {'train': 2, 'test': 1}
        """
        return assigned.split_by(self, assignment)

    def class_weights(self) -> dict[int, float]:
        """Balanced weight of each label, scans / (classes × scans of the class), as `fit(class_weight=…)` takes it.

        Raises:
            InputError: a class without scans.

        Example:
            >>> cohort.class_weights()
            {0: 1.0, 1: 1.0}
        """
        counts = np.bincount(self.targets, minlength=len(self.labels))
        for name, count in zip(self.labels, counts, strict=True):
            if count == 0:
                raise InputError(f"{self.source}: no scan of class {name!r}, so it has no weight")
        return {label: len(self) / (len(counts) * int(count)) for label, count in enumerate(counts)}
