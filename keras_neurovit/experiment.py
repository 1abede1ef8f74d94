"""A whole experiment in one call: split, fine-tune, save, evaluate on held-out people."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from keras_neurovit import evaluation, training
from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.cohorts import Cohort, refuse_leak
from keras_neurovit.data import conform_all, make_dataset
from keras_neurovit.data.storage import Storage
from keras_neurovit.presets import from_preset, load_preset, save_to_preset


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Args:
        results: measures of the held-out people, each with its interval; see `evaluation.summary`.
        train: the people learnt from.
        test: the held-out people.
        probabilities: (scan, label) of the held-out people's scans.
    """

    results: dict[str, evaluation.Estimate]
    train: Cohort
    test: Cohort
    probabilities: np.ndarray


def train_on_cohort(
    cohort: Cohort,
    preset: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    fractions: Sequence[float] = (0.7, 0.15, 0.15),
    epochs: int = 10,
    batch_size: int = 6,
    peak: float = 1e-4,
    warmup_epochs: float = 1.0,
    augmentation: str = "light",
    scratch: bool = False,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    storage: Storage = "float16",
    on_error: Literal["raise", "skip"] = "raise",
    verbose: int | str = "auto",
) -> Outcome:
    """Fine-tune a preset on some of a cohort's people, watch others, and evaluate on the rest.

    Writes into `folder`: the new preset (`preset/`), `history.csv`, `predictions.csv` of the held-out people and
    `results.json`. Killed and called again, it goes on after the last finished epoch.

    Args:
        cohort: with labels of two classes or more.
        preset: to start from. On one that measures, the head starts as the logistic regression of the labels on what
            it measures of the training people (see `training.probe`).
        folder: for all that is written.
        fractions: of the people, for training, validation and test.
        epochs: of training.
        batch_size: scans a step.
        peak: highest learning rate.
        warmup_epochs: epochs of warm-up.
        augmentation: name of a policy.
        scratch: whether to start from random weights.
        seed: of the split, the weights, the shuffling and the augmentation.
        cache: folder for conformed volumes; None for the user's.
        storage: of the cache, see `make_dataset`.
        on_error: "raise" stops at a scan that cannot be read; "skip" names each once and goes on without.
        verbose: as `model.fit`.

    Raises:
        InputError: a side of the split with one class only, a scan that cannot be read, an unknown preset.
    """
    folder, start = Path(folder), load_preset(preset)
    if len(cohort.labels) < 2:
        raise InputError(f"{cohort.source}: {cohort.target} has one class only", "two or more", list(cohort.labels))
    keras.utils.set_random_seed(seed)
    stored = {"cache": cache, "storage": storage, "verbose": bool(verbose)}
    if on_error == "skip":  # before people are shared out, so that every side keeps its share
        files = conform_all(cohort.paths, start.volume, on_error=on_error, **stored)
        cohort = cohort.subset([index for index, file in enumerate(files) if file is not None])
    train, validation, test = cohort.split(fractions=fractions, seed=seed)
    refuse_leak(train=train, validation=validation, test=test)
    # Whatever is cheap to refuse comes before the scans are conformed.
    same_head = cohort.labels == start.labels
    model = from_preset(start, num_classes=None if same_head else len(cohort.labels), load_weights=not scratch)
    training.warmup_anneal(0, peak=peak, warmup=min(warmup_epochs, epochs), total=epochs)
    show = {"batch_size": batch_size, "seed": seed, **stored}
    batches = make_dataset(
        train, start.volume, shuffle=True, augmentation=augmentation, class_weights=train.class_weights(), **show
    )
    if start.measures and not scratch:  # what was measured tells something already: begin with all that it tells
        training.probe(model, make_dataset(train, start.volume, **show).map(lambda x, y: x), train.targets)
    sides = {side: [str(path) for path in one.paths] for side, one in (("train", train), ("test", test))}
    weights = start.weights.sha256 if start.weights and not scratch else None
    training.finetune(
        model,
        batches,
        make_dataset(validation, start.volume, **show),
        folder=folder,
        epochs=epochs,
        peak=peak,
        warmup_epochs=warmup_epochs,
        facts={"preset": start.name, "weights": weights, "labels": list(cohort.labels), "seed": seed, **sides},
        verbose=verbose,
    )
    described = dataclasses.replace(
        start,
        name=folder.resolve().name,
        description=f"{start.name} {'architecture trained' if scratch else 'fine-tuned'} on {cohort.target}.",
        labels=cohort.labels,
        head=start.class_head,
    )
    save_to_preset(model, folder / "preset", described)
    logits = model.predict(make_dataset(test, start.volume, **show), verbose=0)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    write_predictions(folder / "predictions.csv", test, probabilities)
    results = evaluation.summary(test.targets, probabilities, test.labels, participants=test.participants, seed=seed)
    numbers = {name: dataclasses.asdict(estimate) for name, estimate in results.items()}
    with published(folder / "results.json") as temporary:
        temporary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return Outcome(results, train, test, probabilities)


def write_predictions(file: str | os.PathLike, cohort: Cohort, probabilities: np.ndarray) -> None:
    """A row a scan: participant_id, session_id, target, and a probability for each label.

    Shape: cohort of n scans, (n, label)

    Raises:
        InputError: another number of rows than scans.
    """
    if len(probabilities) != len(cohort):
        raise InputError("predictions do not match the cohort", f"{len(cohort)} rows", len(probabilities))
    header = ["participant_id", "session_id", "target", *(f"probability_{label}" for label in cohort.labels)]
    with published(Path(file)) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(header)
        for record, row in zip(cohort.records, probabilities, strict=True):
            numbers = [f"{number:.6f}" for number in row]
            table.writerow([record.participant, record.session or "", cohort.labels[record.label], *numbers])
