"""Training a model so that a killed run goes on."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published, told_otherwise
from keras_neurovit.training.callbacks import WarmupCosineDecay
from keras_neurovit.training.compiling import compile_defaults


def finetune(
    model: keras.Model,
    train,
    validation=None,
    *,
    folder: str | os.PathLike,
    epochs: int,
    peak: float = 1e-4,
    warmup_epochs: float = 1.0,
    floor: float = 1e-6,
    anneal: str = "cosine",
    weight_decay: float = 0.05,
    loss: str | keras.losses.Loss | None = None,
    facts: Mapping | None = None,
    jit_compile: bool | None = None,
    verbose: int | str = "auto",
) -> list[dict[str, float]]:
    """Fit a model with AdamW, warm-up and annealing, saving its state after every epoch.

    Killed and started again with the same folder and arguments, it goes on after the last finished epoch with the same
    learning rates; a run that has finished is read back. Other arguments need another folder: weights of one split or
    schedule must never go on in another.

    Args:
        model: of logits, for example from `from_preset`.
        train: batches of volumes and targets, for example from `data.make_dataset`. A PyDataset whose order follows
            from the epoch has a method `start_epoch(epoch)`: it is called before each, also where a run goes on.
        validation: the same, or None.
        folder: for the state (`backup/`) and the log (`history.csv`).
        epochs: in all, those before an interruption included.
        peak: highest learning rate.
        warmup_epochs: epochs of linear warm-up; may be fractional.
        floor: learning rate at the end.
        anneal: "cosine", "linear", "polynomial" or "constant".
        weight_decay: of AdamW, on matrices and kernels alone.
        loss: None for cross-entropy on labels.
        facts: what else the run depends on, in JSON's values: the people it learns from, the preset, the seed. A folder
            whose run had others is refused.
        jit_compile: None chooses as `compile_defaults` does, in float32; a compiler pays from some hundreds of steps
            on, and False starts at once.
        verbose: as `model.fit`.

    Returns:
        A row an epoch: epoch, learning_rate, loss, and val_loss where there is validation.

    Raises:
        InputError: rates or epochs out of range; a folder that holds another run; a loss that is not finite.

    Source: warm-up, then annealing: Dhinagar et al. 2023 (arXiv 2303.08216), section 2.
    """
    folder = Path(folder)
    if epochs < 1:
        raise InputError("epochs is unusable", expected="1 or more", received=epochs)
    settings = {"epochs": epochs, "peak": peak, "warmup_epochs": warmup_epochs, "floor": floor, "anneal": anneal}
    settings |= {"weight_decay": weight_decay, **(facts or {})}
    schedule = WarmupCosineDecay(
        peak, min(warmup_epochs, epochs), epochs, min(floor, peak), unit="epochs", anneal=anneal
    )
    optimizer = keras.optimizers.AdamW(peak, weight_decay=weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "table", "tokens"])
    # Builds the optimizer too, so that a backup of its state can be read before the first step; not in half precision:
    # a run that goes on elsewhere must compute as it did.
    show = {"metrics": ["accuracy"] if loss is None else None, "verbose": verbose not in (0, False)}
    compile_defaults(model, optimizer, loss, jit_compile=jit_compile, half=False, **show)
    log = _claim(folder, settings)
    callbacks = [
        schedule,
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(log, append=True),
        keras.callbacks.BackupAndRestore(folder / "backup", double_checkpoint=True, delete_checkpoint=False),
    ]
    if hasattr(train, "start_epoch"):
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: train.start_epoch(epoch)))
    model.fit(train, validation_data=validation, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=verbose)
    history = read_history(log)
    if not np.isfinite(history[-1].get("loss", np.nan)):
        mend = "Lower the peak learning rate or lengthen the warm-up, and give another folder."
        raise InputError(f"{folder}: training diverged, its loss is not finite", mend=mend)
    return history


def _claim(folder: Path, settings: dict) -> Path:
    """The log of a run, once its folder is known to hold this run or none."""
    log, claim, backup = folder / "history.csv", folder / "run.json", folder / "backup"
    folder.mkdir(parents=True, exist_ok=True)
    if other := told_otherwise(claim, settings):
        mend = "Give another folder, delete that one, or repeat its arguments."
        raise InputError(f"{folder}: holds a run with another {', '.join(other)}", mend=mend)
    with published(claim) as temporary:
        temporary.write_text(json.dumps(settings), encoding="utf-8")
    if not _usable(backup):
        # Killed while a state was being written: the one before it is still there, unless it was the first.
        for name in ("latest.weights.h5", "training_metadata.json"):
            if (backup / f"{name}.bkp").exists():
                shutil.copy(backup / f"{name}.bkp", backup / name)
        if not _usable(backup):
            shutil.rmtree(backup, ignore_errors=True)
            log.unlink(missing_ok=True)
    return log


def _usable(backup: Path) -> bool:
    try:
        json.loads((backup / "training_metadata.json").read_text(encoding="utf-8"))
        h5py.File(backup / "latest.weights.h5", "r").close()
    except (OSError, ValueError):
        return False
    return True


def read_history(log: str | os.PathLike) -> list[dict[str, float]]:
    """The rows of a `history.csv`, one an epoch; an epoch logged twice, by a kill before its backup, counts once."""
    with open(log, encoding="utf-8", newline="") as stream:
        # Keras writes NA where an epoch has no such value.
        rows = [{k: float(v) for k, v in row.items() if v != "NA"} for row in csv.DictReader(stream)]
    return list({row["epoch"]: row for row in rows}.values())
