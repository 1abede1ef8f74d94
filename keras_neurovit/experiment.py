"""A whole experiment in one call: split, fine-tune, save, evaluate on held-out people."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from keras_neurovit import evaluation, training
from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.augmentation import CutMix3D, MixUp3D
from keras_neurovit.cohorts import Cohort, expect, refuse_leak
from keras_neurovit.data import conform_all, distributed, make_dataset
from keras_neurovit.data.distribute import even_size
from keras_neurovit.data.storage import Storage
from keras_neurovit.evaluation.written import write_predictions
from keras_neurovit.presets import (
    from_preset,
    know,
    known_people,
    load_preset,
    probabilities_of,
    save_people,
    save_reference,
    save_to_preset,
)
from keras_neurovit.volumes import head_facts, learn_fingerprint


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Args:
        results: measures of the held-out people, each with its interval; see `evaluation.summary`.
        train: the people learnt from.
        test: the held-out people.
        probabilities: (scan, label) of the held-out people's scans.
        history: a row an epoch, as `training.finetune` returns it.
    """

    results: dict[str, evaluation.Estimate]
    train: Cohort
    test: Cohort
    probabilities: np.ndarray
    history: Sequence[dict[str, float]] = ()


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
    weight_decay: float = 0.05,
    augmentation: str | None = None,
    mixing: MixUp3D | CutMix3D | None = None,
    dropout: float | None = None,
    drop_path: float | None = None,
    scratch: bool = False,
    volume_shape: tuple[int, int, int] | None = None,
    spacing_mm: float | tuple[float, float, float] | None = None,
    patch_size: int | tuple[int, int, int] | None = None,
    strategy: str | None = None,
    last_n: int | None = None,
    lora_rank: int | None = None,
    options: training.Options | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    devices: int | None = 1,
    brain_extracted: bool | None = None,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    storage: Storage = "float16",
    hashed: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    verbose: int | str = "auto",
) -> Outcome:
    """Fine-tune a preset on some of a cohort's people, watch others, and evaluate on the rest.

    Writes into `folder`: the new preset (`preset/`), `history.csv`, `predictions.csv` of the held-out people,
    `validation_predictions.csv` of those watched, and `results.json`. Killed and called again, it goes on after the
    last finished epoch.

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
        weight_decay: of AdamW, on matrices and kernels alone.
        augmentation: name of a policy; None for the preset's own, or "light" where it names none.
        mixing: of whole batches, see `make_dataset`.
        dropout: rate before the head other than the preset's, while it trains.
        drop_path: rate of stochastic depth other than the preset's, while it trains.
        scratch: whether to start from random weights.
        volume_shape: voxels along (x, y, z) other than the preset's, see `from_preset`, as for the next two.
        spacing_mm: edges of a voxel other than the preset's.
        patch_size: voxels a patch other than the preset's.
        strategy: what trains: "full", "head", "last_n" or "lora", see `training.choose_weights`; None for all. With
            "lora" the adapters are written apart too (`adapters.h5`), and merged into the new preset.
        last_n: encoder blocks that train, for "last_n".
        lora_rank: of the adapters, for "lora".
        options: of the run, see `training.Options`; classes count the same unless they say otherwise.
        callbacks: of the run, for example `data.tensorboard(folder)`.
        devices: among which each batch is shared out, see `data.distributed`; None for all there are.
        brain_extracted: whether skulls are off; None for what the cohort tells (see `cohorts.expect`), said on standard
            error, or where it tells nothing, for what the preset expects.
        seed: of the split, the weights, the shuffling and the augmentation.
        cache: folder for conformed volumes; None for the user's.
        storage: of the cache, see `make_dataset`.
        hashed: whether the cache knows scans by their content, see `conform_all`.
        on_error: "raise" stops at a scan that cannot be read; "skip" names each once and goes on without.
        verbose: as `model.fit`.

    Raises:
        InputError: a side of the split with one class only, a scan that cannot be read, an unknown preset, one that
            does not fit the volume or the strategy; frozen weights that would be random; skulls of which some are on
            and some off; a folder that holds another run; fewer devices than asked for, or a batch that they cannot
            share.
    """
    folder, start = Path(folder), load_preset(preset)
    contract, why = expect(cohort, start.volume, brain_extracted)
    if why:
        print(why, file=sys.stderr)
    # Of heads with skulls, where the preset learnt from brains, each would be told to be unlike.
    learnt = start.fingerprint if contract == start.volume and not scratch else None
    start = dataclasses.replace(start, volume=contract)
    augmentation = augmentation or start.augmentation or "light"
    if len(cohort.labels) < 2:
        raise InputError(f"{cohort.source}: {cohort.target} has one class only", "two or more", list(cohort.labels))
    if scratch and strategy not in (None, "full"):
        raise InputError(f"strategy {strategy!r} would freeze random weights", mend="Leave out scratch, or train all.")
    keras.utils.set_random_seed(seed)
    stored = {"cache": cache, "storage": storage, "hashed": hashed, "verbose": bool(verbose)}
    # Whatever is cheap to refuse comes before the scans are conformed.
    fitted = {"volume_shape": volume_shape, "spacing_mm": spacing_mm, "patch_size": patch_size}
    fitted |= {"dropout": dropout, "drop_path": drop_path}
    chosen = {"strategy": strategy, "last_n": last_n, "lora_rank": lora_rank}
    same_head = cohort.labels == start.labels
    classes = None if same_head else len(cohort.labels)
    options = options or training.Options()
    with distributed(devices) as count:
        if batch_size % count:
            mend = "Choose another batch_size, or fewer devices."
            raise InputError("a batch cannot be shared out evenly", f"a multiple of {count} devices", batch_size, mend)
        if count > 1 and keras.backend.backend() == "tensorflow":
            options.refuse_on_replicas()
        model, report = from_preset(
            start, num_classes=classes, load_weights=not scratch, verbose=bool(verbose), with_report=True, **fitted
        )
        contract = report.preset.volume
        if any(value is not None for value in chosen.values()):
            training.choose_weights(model, strategy or "full", last_n=last_n, lora_rank=lora_rank)
        training.warmup_anneal(0, peak=peak, warmup=min(warmup_epochs, epochs), total=epochs)
        if on_error == "skip":  # before people are shared out, so that every side keeps its share
            files = conform_all(cohort.paths, contract, on_error=on_error, fingerprint=learnt, **stored)
            cohort = cohort.subset([index for index, file in enumerate(files) if file is not None])
        train, validation, test = cohort.split(fractions=fractions, seed=seed)
        refuse_leak(train=train, validation=validation, test=test)
        show = {"batch_size": batch_size, "seed": seed, "fingerprint": learnt, **stored}
        class_weights = None if options.class_weights is not None else train.class_weights()
        if mixing is not None and class_weights is not None:  # mixed scans have no one label to be weighed by
            options, class_weights = dataclasses.replace(options, class_weights=class_weights), None
        shown = {"augmentation": augmentation, "mixing": mixing, "class_weights": class_weights, **show}
        batches = make_dataset(train, contract, shuffle=True, **shown)
        if start.measures and not scratch:  # what was measured tells something already: begin with all that it tells
            training.probe(model, make_dataset(train, contract, **show).map(lambda x, y: x), train.targets)
        sides = (("train", train), ("validation", validation), ("test", test))
        facts = {side: [[str(r.path), r.label] for r in one.records] for side, one in sides}
        facts |= {"preset": start.name, "arguments": dict(report.preset.arguments), "labels": list(cohort.labels)}
        facts |= {"weights": start.weights.sha256 if start.weights and not scratch else None, "seed": seed}
        facts |= {"batch_size": batch_size, "augmentation": augmentation}
        facts |= {"volume": contract.to_dict(), "storage": storage}
        facts |= {name: value for name, value in fitted.items() if value is not None}
        if mixing is not None:
            facts["mixing"] = [type(mixing).__name__, mixing.alpha, mixing.rate]
        history = training.finetune(
            model,
            batches,
            make_dataset(validation, contract, **show | {"batch_size": even_size(batch_size, len(validation), count)}),
            folder=folder,
            epochs=epochs,
            peak=peak,
            warmup_epochs=warmup_epochs,
            weight_decay=weight_decay,
            facts=facts,
            options=options,
            callbacks=callbacks,
            verbose=verbose,
            **chosen,
        )

    def seen():
        return (volume for batch, _ in make_dataset(train, contract, **show) for volume in np.asarray(batch))

    described = dataclasses.replace(
        report.preset,
        name=folder.resolve().name,
        description=f"{start.name} {'architecture trained' if scratch else 'fine-tuned'} on {cohort.target}.",
        labels=cohort.labels,
        head=report.preset.class_head,
        fingerprint=learn_fingerprint(seen(), contract),
    )
    save_to_preset(model, folder / "preset", described)
    if strategy == "lora":
        training.save_adapters(model, folder / "adapters.h5", dataclasses.replace(start, labels=cohort.labels))
    learnt_from = know([*train.participants, *validation.participants], Path(cohort.source).name)
    save_people(folder / "preset", [*([] if scratch else known_people(start)), learnt_from])
    save_reference(folder / "preset", [head_facts(volume, contract) for volume in seen()])

    def told(people):
        return probabilities_of(model, make_dataset(people, contract, **show), described.views)

    probabilities = told(test)
    write_predictions(folder / "predictions.csv", test, probabilities)
    # To calibrate on, when asked to.
    write_predictions(folder / "validation_predictions.csv", validation, told(validation))
    results = evaluation.summary(test.targets, probabilities, test.labels, participants=test.participants, seed=seed)
    numbers = {name: dataclasses.asdict(estimate) for name, estimate in results.items()}
    with published(folder / "results.json") as temporary:
        temporary.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    return Outcome(results, train, test, probabilities, history)
