"""From a scan and its row of a table to the features of an example."""

from __future__ import annotations

import math

import numpy as np
import tensorflow_datasets as tfds

from keras_neurovit.cohorts import Cohort
from keras_neurovit.cohorts.describing import facts
from keras_neurovit.cohorts.readers.clinical import sex_of
from keras_neurovit.cohorts.readers.tables import number
from keras_neurovit.cohorts.sidecar import field_strength
from keras_neurovit.cohorts.table import find_column, is_missing
from keras_neurovit.data.tfds.configs import SEXES, CohortConfig
from keras_neurovit.volumes import conform_and_check, read_scan

TEXTS = ("participant", "session", "scan", "diagnosis", "site")
NUMBERS = ("age", "cdr", "field_strength")


def features(config: CohortConfig) -> tfds.features.FeaturesDict:
    """What every example holds: texts are "" and numbers NaN where unknown, an unknown sex is -1."""
    volume = tfds.features.Tensor(
        shape=(*config.contract.shape, 1),
        dtype=np.dtype(config.dtype),
        encoding="zlib",  # a third of a volume is the same background
        doc="left→Right, posterior→Anterior, inferior→Superior, channel; normalised",
    )
    return tfds.features.FeaturesDict(
        {
            "volume": volume,
            "label": tfds.features.ClassLabel(names=config.labels, doc=config.target),
            "sex": tfds.features.ClassLabel(names=SEXES),
            "spacing_mm": tfds.features.Tensor(shape=(3,), dtype=np.float32, doc="of the scan as it was stored"),
            **{name: tfds.features.Text() for name in TEXTS},
            **dict.fromkeys(NUMBERS, np.float32),
        }
    )


def tabled(cohort: Cohort) -> list[dict]:
    """Everything but the volume and its spacing, a dict a scan."""
    sexes, sites = (facts(cohort, kind) or [""] * len(cohort) for kind in ("sex", "site"))
    rows = []
    for record, sex, site in zip(cohort.records, sexes, sites, strict=True):
        text = {name: _cell(record.columns, name) for name in ("diagnosis", *NUMBERS)}
        text["field_strength"] = text["field_strength"] or field_strength(record.path)
        numbers = {name: number(text[name]) for name in NUMBERS}
        rows.append(
            {
                "label": record.label,
                "sex": _sex(sex),
                "participant": record.participant,
                "session": record.session or "",
                "scan": record.path.name,
                "diagnosis": text["diagnosis"],
                "site": site,
                **{name: math.nan if value is None else value for name, value in numbers.items()},
            }
        )
    return rows


def imaged(path, config: CohortConfig) -> tuple[dict, list[str]]:
    """The volume of a scan and its spacing, and what looks wrong about it."""
    scan = read_scan(path)
    volume, warnings = conform_and_check(scan, config.contract, None)
    spacing = np.asarray(scan.spacing_mm, "float32")
    return {"volume": volume.astype(config.dtype), "spacing_mm": spacing}, warnings


def _cell(columns: dict[str, str], name: str) -> str:
    found = find_column(columns, name, "the table")
    return "" if found is None or is_missing(columns[found]) else columns[found]


def _sex(text: str) -> int:
    told = sex_of(text.casefold(), "f", "m") or sex_of(text.casefold(), "female", "male")
    return SEXES.index(told) if told else -1
