"""A preset on cohorts it has never seen: a row a cohort, the threshold carried over."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.cohorts import Cohort, load
from keras_neurovit.cohorts.processed import unlike
from keras_neurovit.cohorts.record import bare
from keras_neurovit.cohorts.sidecar import field_strength
from keras_neurovit.evaluate import evaluate_predictions, known_to
from keras_neurovit.evaluation import Predictions, calibrated
from keras_neurovit.presets import Preset, drift, from_preset, load_preset, load_reference, mean_over_views
from keras_neurovit.volumes import conform_and_check, head_facts, read_scan


def evaluate_cohorts(
    preset: str | os.PathLike,
    folders: Sequence[str | os.PathLike],
    target: str,
    *,
    reader: str | Sequence[str] = "bids",
    options: Mapping[str, object] | None = None,
    threshold: float | None = None,
    out: str | os.PathLike | None = None,
    force: bool = False,
    draws: int = 2000,
    seed: int = 0,
) -> dict[str, dict]:
    """Predict and evaluate cohorts; nothing is fitted to them.

    Args:
        preset: with classes.
        folders: where the cohorts lie; scans of other classes than the preset's are left out.
        target: column of the truth.
        reader: what `cohorts.load` calls the cohorts, one of all or one each: "oasis1", "bids", "csv" …
        options: of the reader, such as `{"image": "native"}`.
        threshold: None for the one that was chosen when the preset was calibrated, or 0.5 without.
        out: folder for a table of predictions a cohort.
        force: evaluate people that the preset has learnt from all the same, and mark them.
        draws: of bootstraps.
        seed: of the draws.

    Returns:
        Cohort → what `evaluate_predictions` tells, and "flow": which scans were found, left out and why; "unreadable":
        scans that could not be read; "drift": how far scans are from those trained on, or None where the preset does
        not tell of those; "asked_for_leaks": whether the preset tells whom it has learnt from. Scans whose skulls are
        on where the preset expects them off, as far as a cohort tells, or the other way round, are named on standard
        error.

    Raises:
        InputError: a preset without classes, a cohort that cannot be read, two of one name, people known to the preset.

    Example:
        found = evaluate_cohorts("my_model/preset", ["OASIS1", "AIBL"], "diagnosis", reader=["oasis1", "aibl"])
        found["AIBL"]["measures"]["auc"]
    """
    described = load_preset(preset)
    if not described.labels or described.measures:
        raise InputError(f"preset {described.name!r} has no classes to evaluate", expected="a preset with labels")
    names = [Path(folder).resolve().name for folder in folders]
    if len(set(names)) < len(names):
        mend = "Results are told by the folder's name: rename one, or give a link of another name."
        raise InputError("two cohorts have one name", "folders of different names", ", ".join(names), mend)
    cohorts = {
        name: load(kind, folder, target, labels=described.labels, **(options or {}))
        for name, folder, kind in zip(names, folders, _each(reader, folders), strict=True)
    }
    for cohort in cohorts.values():
        if told := unlike(cohort, described.volume):
            print(f"warning: {told}", file=sys.stderr)
    leaked = {
        name: known_to(described, described.name, map(bare, cohort.participants.tolist()), cohort.source, force=force)
        for name, cohort in cohorts.items()
    }
    model, reference, found = from_preset(described, activation="softmax", verbose=False), load_reference(described), {}
    if threshold is None:
        threshold = (described.calibration or {}).get("threshold")
    for name, cohort in cohorts.items():
        predictions, facts, unreadable = predict_cohort(cohort, described, model)
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)
            write_table(Path(out) / f"{name}.csv", predictions)
        how = {"threshold": threshold, "leaked": leaked[name] or (), "draws": draws, "seed": seed}
        told = evaluate_predictions(predictions, **how)
        if told["threshold"] and threshold is not None:
            told["threshold"]["chosen_on"] = "carried over"
        drifted = drift(reference, facts) if reference else None
        flow = [asdict(step) for step in cohort.flow]
        asked = {"asked_for_leaks": leaked[name] is not None}
        found[name] = told | {"flow": flow, "unreadable": unreadable, "drift": drifted} | asked
    return found


def _each(reader: str | Sequence[str], folders: Sequence) -> list[str]:
    """The reader of each folder."""
    kinds = [reader] if isinstance(reader, str) else list(reader)
    if len(kinds) not in (1, len(folders)):
        raise InputError("readers do not match the cohorts", f"one, or {len(folders)}", ", ".join(kinds))
    return kinds * len(folders) if len(kinds) == 1 else kinds


def predict_cohort(cohort: Cohort, preset: Preset, model: keras.Model) -> tuple[Predictions, list[dict], list[str]]:
    """What a model says of a cohort's scans, with the facts of each that strata, confounds and drift ask for.

    Returns:
        Predictions of the scans that could be read; `volumes.head_facts` of each; the paths of the others.

    Raises:
        InputError: not one scan can be read.
    """
    rows, said, facts, unreadable = [], [], [], []
    for record in cohort.records:
        try:
            scan = read_scan(record.path)
            volume, warnings = conform_and_check(scan, preset.volume, preset.fingerprint)
            facts.append(head_facts(volume, preset.volume))
        except InputError as error:
            print(f"skipped: {error}", file=sys.stderr)
            unreadable.append(str(record.path))
            continue
        for warning in warnings:
            print(f"warning: {record.path}: {warning}", file=sys.stderr)
        said.append(mean_over_views(model, volume[None], preset.views)[0])
        measured = {"brain_volume": f"{facts[-1]['head_ml']:.1f}", "voxel_size": f"{np.prod(scan.spacing_mm):.4f}"}
        tesla = field_strength(record.path)
        rows.append((record, measured | ({"field_strength": tesla} if tesla else {}) | record.columns))
    if not rows:
        raise InputError(f"{cohort.source}: not one scan can be read", received=unreadable[0])
    names = list(dict.fromkeys(name for _, columns in rows for name in columns))
    own = {"participant_id", "session_id", "scan", "target", cohort.target.casefold()}
    predictions = Predictions(
        tuple(bare(record.participant) for record, _ in rows),
        tuple((record.session or "").removeprefix("ses-") for record, _ in rows),
        tuple(record.path.name for record, _ in rows),
        np.array([record.label for record, _ in rows]),
        calibrated(preset.calibration, np.array(said)),
        tuple(cohort.labels),
        {name: tuple(columns.get(name, "") for _, columns in rows) for name in names if name.casefold() not in own},
        cohort.source,
    )
    return predictions, facts, unreadable


def write_table(file: Path, predictions: Predictions) -> None:
    """Write predictions as `evaluation.read_predictions` reads them."""
    labels = [f"probability_{label}" for label in predictions.labels]
    with published(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["participant_id", "session_id", "scan", "target", *labels, *predictions.columns])
        for row, key in enumerate(predictions.keys):
            numbers = [f"{number:.6f}" for number in predictions.probabilities[row]]
            others = [cells[row] for cells in predictions.columns.values()]
            table.writerow([*key, predictions.labels[predictions.targets[row]], *numbers, *others])
