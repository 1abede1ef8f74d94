"""What else a table of predictions knows of people: age, sex, site, scanner, size of brain and the like."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import find_column, is_missing, read_table
from keras_neurovit.evaluation.predictions import Predictions

# What is looked for, and the columns that may tell it, whatever their case.
NAMES = {
    "age": ("age", "age_years"),
    "sex": ("sex", "gender"),
    "site": ("site", "site_id", "center", "centre", "scanner"),
    "field_strength": ("field_strength", "field_strength_t", "MagneticFieldStrength"),
    "brain_volume": ("brain_volume", "brain_volume_ml", "brain_mm3", "head_ml"),
    "voxel_size": ("voxel_size", "voxel_mm3", "voxel_size_mm3"),
    "manufacturer": ("manufacturer",),
    "cohort": ("cohort",),
    "education": ("education", "education_years"),
    "mmse": ("mmse",),
}
NUMBERS = ("age", "field_strength", "brain_volume", "voxel_size", "education", "mmse")


def covariate(predictions: Predictions, name: str) -> np.ndarray | None:
    """A column by what it tells, one of `NAMES`: numbers with NaN where unknown, or texts with "" there.

    Shape: → (row,), or None where the table does not tell it or tells it of nobody

    Raises:
        InputError: a cell that should be a number is none.

    Example:
        >>> from pathlib import Path; from keras_neurovit.evaluation import read_predictions
        >>> _ = Path("p.csv").write_text("participant_id,target,probability,Age\\n1,0,0.2,61\\n2,1,0.7,n/a\\n")
        >>> covariate(read_predictions("p.csv"), "age")
        array([61., nan])
    """
    found = [find_column(predictions.columns, spelling, predictions.source) for spelling in NAMES[name]]
    column = next((each for each in found if each), None)
    if column is None or all(is_missing(cell) for cell in predictions.columns[column]):
        return None
    cells = ["" if is_missing(cell) else cell for cell in predictions.columns[column]]
    if name not in NUMBERS:
        return np.array(cells)
    try:
        return np.array([float(cell or "nan") for cell in cells])
    except ValueError as error:
        wrong = repr(str(error).rpartition(": ")[2].strip("'"))
        mend = "Write n/a where it is unknown."
        raise InputError(f"{predictions.source}: {column} is no number", "numbers", wrong, mend) from error


def with_columns(
    predictions: Predictions, file: str | os.PathLike, *, missing: Literal["raise", "blank"] = "raise"
) -> Predictions:
    """The same predictions with the columns of another table, such as `participants.tsv`, joined by person.

    Where that table has a `session_id`, rows are joined by person and visit. Columns that the predictions have already
    stay as they are.

    Args:
        predictions: of people.
        file: what is known of them.
        missing: "blank" leaves the cells of somebody without a row empty; "raise" refuses them.

    Raises:
        InputError: no `participant_id`, two rows that say different things of one person, somebody without a row.

    Example:
        >>> from keras_neurovit.evaluation import read_predictions
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n1,0,0.2\\n2,1,0.7\\n")
        >>> _ = Path("t.csv").write_text("participant_id,sex\\nsub-2,F\\nsub-1,M\\n")
        >>> with_columns(read_predictions("p.csv"), "t.csv").columns
        {'sex': ('M', 'F')}
    """
    one_of("missing", missing, ("raise", "blank"))
    table = read_table(Path(file).expanduser())
    person = table.need("participant_id", mend="Rows are joined by it.")
    visit = find_column(table.columns, "session_id", file)
    known: dict[tuple, dict[str, str]] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        key = bare(row[person]), row[visit].removeprefix("ses-") if visit else ""
        facts = {name: cell for name, cell in row.items() if name not in (person, visit)}
        if known.setdefault(key, facts) != facts:
            raise InputError(f"{file}, line {line}: {row[person]} stood there already with other values")
    keys = [
        (who, session if visit else "")
        for who, session in zip(predictions.participants, predictions.sessions, strict=True)
    ]
    absent = sorted({" ".join(filter(None, key)) for key in keys if key not in known})
    if absent and missing == "raise":
        raise InputError(
            f"{file}: has no row for {counted(len(absent), 'person', 'people')} of {predictions.source}",
            expected="a row for each",
            received=some(absent),
        )
    own = {name.casefold() for name in (*predictions.columns, "target", "probability", "prediction", "scan")}
    names = [name for name in table.columns if name not in (person, visit) and name.casefold() not in own]
    added = {name: tuple(known.get(key, {}).get(name, "") for key in keys) for name in names}
    return replace(predictions, columns=predictions.columns | added)
