"""Training a model so that a killed run goes on."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import keras

from keras_neurovit.training.callbacks import WarmupCosineDecay


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
    verbose: int | str = "auto",
) -> list[dict[str, float]]:
    """Fit a model with AdamW, warm-up and annealing, saving its state after every epoch.

    Killed and started again with the same folder and arguments, it goes on after the last finished epoch with the same
    learning rates. A run that has finished starts anew.

    Args:
        model: of logits, for example from `from_preset`.
        train: batches of volumes and targets, for example from `data.make_dataset`.
        validation: the same, or None.
        folder: for the state (`backup/`) and the log (`history.csv`).
        epochs: in all, those before an interruption included.
        peak: highest learning rate.
        warmup_epochs: epochs of linear warm-up; may be fractional.
        floor: learning rate at the end.
        anneal: "cosine", "linear", "polynomial" or "constant".
        weight_decay: of AdamW, on matrices and kernels alone.
        loss: None for cross-entropy on labels.
        verbose: as `model.fit`.

    Returns:
        A row an epoch: epoch, learning_rate, loss, and val_loss where there is validation.

    Raises:
        InputError: rates or epochs out of range; see `WarmupCosineDecay`.

    Source: warm-up, then annealing: Dhinagar et al. 2023 (arXiv 2303.08216), section 2.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "history.csv"
    schedule = WarmupCosineDecay(
        peak, min(warmup_epochs, epochs), epochs, min(floor, peak), unit="epochs", anneal=anneal
    )
    optimizer = keras.optimizers.AdamW(peak, weight_decay=weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "table", "tokens"])
    model.compile(
        optimizer,
        loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"] if loss is None else None,
        # "auto" leaves XLA off on TensorFlow without a GPU, where it makes small transformers a third faster.
        jit_compile=keras.backend.backend() != "torch",
    )
    optimizer.build(model.trainable_variables)  # so that a backup of its state can be read before the first step
    if not (folder / "backup" / "training_metadata.json").exists():
        log.unlink(missing_ok=True)
    callbacks = [
        schedule,
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.CSVLogger(log, append=True),
        keras.callbacks.BackupAndRestore(folder / "backup", double_checkpoint=True),
    ]
    model.fit(train, validation_data=validation, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=verbose)
    return read_history(log)


def read_history(log: str | os.PathLike) -> list[dict[str, float]]:
    """The rows of a `history.csv`, one an epoch; an epoch logged twice, by a kill before its backup, counts once."""
    with open(log, encoding="utf-8", newline="") as stream:
        # Keras writes NA where an epoch has no such value.
        rows = [{k: float(v) for k, v in row.items() if v != "NA"} for row in csv.DictReader(stream)]
    return list({row["epoch"]: row for row in rows}.values())
