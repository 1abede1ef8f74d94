"""A whole evaluation of a table of predictions, ready for JSON."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_neurovit import evaluation
from keras_neurovit._checks import InputError
from keras_neurovit.cohorts.notes import counted, some
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.table import is_missing, read_table
from keras_neurovit.evaluation import Predictions

if TYPE_CHECKING:
    from keras_neurovit.presets import Preset


def evaluate_predictions(
    predictions: Predictions,
    *,
    threshold: float | None = None,
    validation: Predictions | None = None,
    train: Predictions | None = None,
    against: Mapping[str, Predictions] | None = None,
    leaked: Sequence[str] = (),
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict:
    """Measures, strata, the confound baseline, brains of one size, and comparisons; every number with its interval.

    Args:
        predictions: from `evaluation.read_predictions`, with further columns for strata and confounds.
        threshold: two classes: chosen before; None to choose it on `validation`, or 0.5 without it.
        validation: people to choose the threshold on.
        train: people the model was trained on, for the confound baseline; without them it is cross-validated.
        against: other models' predictions of the same scans, by name.
        leaked: people known to the model, marked in the result.
        draws: of bootstraps and permutations.
        seed: of all that is drawn.
        level: of the intervals.

    Returns:
        Plain values for JSON; None stands where a number is undefined.

    Raises:
        InputError: as `scorecard`, `compare_all`; both a threshold and people to choose it on, or a person on both
            sides of that choice.

    Example:
        >>> rows = [f"{i},{i % 2},{0.2 + 0.5 * (i % 2) + i / 100}" for i in range(20)]
        >>> _ = Path("p.csv").write_text("participant_id,target,probability\\n" + "\\n".join(rows))
        >>> evaluate_predictions(evaluation.read_predictions("p.csv"))["measures"]["auc"]["value"]
        1.0
    """
    how = {"draws": draws, "seed": seed, "level": level}
    cut, chosen_on = evaluation.choose_threshold(predictions, threshold, validation)
    measures = evaluation.scorecard(predictions, threshold=cut, **how)
    people = set(predictions.participants)
    return _plain(
        {
            "source": predictions.source,
            "kind": predictions.kind,
            "labels": list(predictions.labels),
            "people": len(people),
            "scans": len(predictions),
            "threshold": {"value": cut, "chosen_on": chosen_on} if predictions.kind == "binary" else None,
            "leaked": {"people": sorted(set(leaked)), "of": len(people)} if leaked else None,
            "measures": measures,
            "confounds": evaluation.confound_baseline(predictions, train, **how),
            "matched_brain_size": evaluation.matched_auc(predictions, level=level),
            "strata": evaluation.strata(predictions, **how),
            "against": evaluation.compare_all(predictions, against or {}, **how),
        }
    )


def people_in(file: str | os.PathLike) -> list[str]:
    """Ids in a table's column `participant_id`, without "sub-".

    Raises:
        InputError: no such file or column.

    Example:
        >>> _ = Path("t.csv").write_text("participant_id\\nsub-1\\nsub-2\\nsub-1\\n")
        >>> people_in("t.csv")
        ['1', '2']
    """
    table = read_table(Path(file).expanduser())
    column = table.need("participant_id", mend="It tells whose scans the model was trained on.")
    return list(dict.fromkeys(bare(row[column]) for row in table.rows if not is_missing(row[column])))


def refuse_leaked(leaked: Sequence[str], source: str, known_from: str, *, force: bool) -> None:
    """Raises InputError where a model would be evaluated on people it knows, unless forced.

    Args:
        leaked: such people.
        source: the table they are evaluated in.
        known_from: where the model knows them from.
        force: go on; the result is to be marked.

    Example:
        >>> refuse_leaked([], "p.csv", "train.csv", force=False)
    """
    if leaked and not force:
        raise InputError(
            f"{source}: the model knows {counted(len(leaked), 'person', 'people')} from {known_from}: {some(leaked)}",
            expected="people it has never seen",
            mend="Leave them out. To evaluate on them all the same, and have the result marked, pass --force.",
        )


def known_to(preset: Preset, name: str, participants: Iterable[str], source: str, *, force: bool) -> list[str] | None:
    """Who of some people a preset has learnt from; None where the preset does not tell.

    Args:
        preset: whose folder may tell.
        name: what to call it.
        participants: without "sub-".
        source: the table they are evaluated in.
        force: see `refuse_leaked`.

    Raises:
        InputError: as `refuse_leaked`.

    Example:
        >>> from keras_neurovit.presets import load_preset
        >>> print(known_to(load_preset("vit3d_tiny"), "vit3d_tiny", ["01"], "p.csv", force=False))
        None
    """
    from keras_neurovit.presets import known_people  # with Keras, which tables alone need not wait for

    people, found, groups = sorted(set(participants)), [], known_people(preset)
    for group in groups:
        known = [person for person in people if group.knows(person)]
        refuse_leaked(known, source, f"{name}'s {group.study}", force=force)
        found += known
    return found if groups else None


def _plain(value):
    """Dataclasses as dictionaries, numbers that are not finite as None."""
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
