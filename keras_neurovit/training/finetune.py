"""Training a model so that a killed run goes on."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import keras

from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import claim, published
from keras_neurovit.training.adapter_backup import AdapterBackup
from keras_neurovit.training.backup import EpochBackup, saved_states
from keras_neurovit.training.batches import FiniteLoss, SameDraws, refuse_one_class, refuse_other_labels, refuse_people
from keras_neurovit.training.callbacks import WarmupCosineDecay
from keras_neurovit.training.compiling import compile_defaults, halve_backbone, replicas
from keras_neurovit.training.distilling import beside_teacher, distilled, student_accuracy
from keras_neurovit.training.label_loss import label_accuracy
from keras_neurovit.training.options import Options
from keras_neurovit.training.sharpness import twice
from keras_neurovit.training.strategy import STRATEGIES, adapted_layers, choose_weights


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
    strategy: str | None = None,
    last_n: int | None = None,
    lora_rank: int | None = None,
    options: Options | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    facts: Mapping | None = None,
    jit_compile: bool | None = None,
    verbose: int | str = "auto",
) -> list[dict[str, float]]:
    """Fit a model with AdamW, warm-up and annealing, saving its state after every epoch.

    Killed and started again with the same folder and arguments, it goes on after the last finished epoch with the same
    learning rates, batches and random draws, to the same weights; a run that has finished is read back. Other arguments
    need another folder: weights of one split or schedule must never go on in another.

    Args:
        model: of logits, for example from `from_preset`.
        train: batches of volumes and targets, for example from `data.make_dataset`. Batches may tell of themselves, as
            its do: a method `start_epoch(epoch)`, where their order follows from it, is called before each, also where
            a run goes on; `scans_of(epoch, step)` are the files that a message names; `labels` are those of all scans.
        validation: the same, or None.
        folder: for the state (`backup/`) and the log (`history.csv`).
        epochs: in all, those before an interruption included.
        peak: highest learning rate.
        warmup_epochs: epochs of linear warm-up; may be fractional.
        floor: learning rate at the end.
        anneal: "cosine", "linear", "polynomial" or "constant".
        weight_decay: of AdamW, on matrices and kernels alone.
        loss: None for cross-entropy on labels, or on shares of them where scans are mixed.
        strategy: what trains, told in one line: "full", "head", "last_n" or "lora", see `choose_weights`; what is
            frozen stays as it is, to the last bit. None for what the model's layers say, all unless they were frozen.
            Adapters learn at a higher `peak` than whole weights, 1e-3 for example; `save_adapters` saves them apart.
        last_n: encoder blocks that train, for "last_n".
        lora_rank: of the adapters, for "lora"; None for 8.
        options: head first, layer-wise rates, averaged weights, accumulation, smoothing, class weights, a teacher and
            more, see `Options`; None for none of them. A run goes on with its own alone.
        callbacks: further ones of Keras; the learning rate is among their logs. A run that one of them stopped has
            finished. What they remember of epochs, such as the patience of `EarlyStopping`, is lost where a run goes
            on. Epochs of the head alone (`Options.head_epochs`) are a run of their own, which they do not see.
        facts: what else the run depends on, in JSON's values: the people it learns from, the preset, the seed. A folder
            whose run had others is refused.
        jit_compile: None chooses as `compile_defaults` does, in float32; a compiler pays from some hundreds of steps
            on, and False starts at once.
        verbose: as `model.fit`.

    Returns:
        A row an epoch: epoch, learning_rate, loss, and val_loss where there is validation.

    Raises:
        InputError: rates or epochs out of range; people in place of batches; a strategy or options that the model does
            not allow; a folder that holds another run, or cannot be written; batches of one class only, or with labels
            that the model does not score; class weights twice; a loss, of training or validation, or
            weights that are not finite, before weights are saved, with the batch and, where the batches know them, its
            scans.

    Source: warm-up, then annealing: Dhinagar et al. 2023 (arXiv 2303.08216), section 2.
    """
    folder, options = Path(folder), options or Options()
    if not isinstance(epochs, int) or epochs < 1:
        raise InputError("epochs is unusable", expected="a whole number, 1 or more", received=repr(epochs))
    refuse_people(train, validation)
    settings = {"epochs": epochs, "peak": peak, "warmup_epochs": warmup_epochs, "floor": floor, "anneal": anneal}
    chosen = {"strategy": strategy, "last_n": last_n, "lora_rank": lora_rank}
    settings |= {"weight_decay": weight_decay, **{k: v for k, v in chosen.items() if v is not None}, **(facts or {})}
    settings |= options.facts() | {"loss": _named(loss)}
    schedule = WarmupCosineDecay(
        peak, min(warmup_epochs, epochs), epochs, min(floor, peak), unit="epochs", anneal=anneal
    )
    if loss is None:
        refuse_one_class(train)
        refuse_other_labels(model, train, validation)
    else:
        options.refuse_on(loss)
    options.refuse_on_weighted(train)
    if strategy is not None:
        one_of("strategy", strategy, STRATEGIES)
    if options.head_epochs:
        alone = {"weight_decay": weight_decay, "loss": loss, "facts": facts, "jit_compile": jit_compile}
        alone |= {"warmup_epochs": min(warmup_epochs, options.head_epochs), "floor": floor, "anneal": anneal}
        # Without callbacks: what one draws or writes would mix the steps of both runs.
        alone |= {"epochs": options.head_epochs, "peak": options.head_peak, "verbose": verbose}
        first = replace(options, head_epochs=0, layer_decay=None)
        finetune(model, train, validation, folder=folder / "head", strategy="head", options=first, **alone)
        strategy = strategy or "full"
    if strategy is not None or last_n is not None or lora_rank is not None:
        told = choose_weights(model, strategy or "full", last_n=last_n, lora_rank=lora_rank)
        if verbose not in (0, False):
            print(told, file=sys.stderr)
    if options.sharpness is not None:
        train = twice(train)
    show = {"jit_compile": jit_compile, "verbose": verbose not in (0, False)}
    with _compiled(model, options, train, loss, peak, weight_decay, show) as fitted:
        log = _claim(folder, settings)
        logger = keras.callbacks.CSVLogger(log, append=True)
        finite = FiniteLoss(train, options.accumulate, validation)  # before whatever writes
        backup, stopped = _backup(fitted, folder / "backup"), folder / "backup" / "stopped"
        every = [schedule, SameDraws(train), finite, *callbacks, logger, backup]
        if options.ema is not None:
            every.append(keras.callbacks.SwapEMAWeights())  # what is validated is what is kept
        fitted._initial_epoch = None  # a run that went on leaves where it did, and Keras would begin the next one there
        until = len(read_history(log)) if stopped.exists() else epochs
        try:
            fitted.fit(train, validation_data=validation, epochs=until, shuffle=False, callbacks=every, verbose=verbose)
        finally:
            logger.on_train_end()  # closes the log, also of a run that stopped
        if fitted.stop_training and not stopped.exists():
            backup.on_epoch_end(len(read_history(log)) - 1)  # a callback may have put back the best weights at the end
            stopped.touch()
    return read_history(log)


@contextlib.contextmanager
def _compiled(model, options: Options, train, loss, peak: float, weight_decay: float, show: Mapping):
    """What is fitted: the model, or while this lasts the model beside its teacher."""
    if options.mixed_precision:
        halve_backbone(model)
    if replicas(model) > 1:
        options.refuse_on_replicas()
    optimizer = options.optimizer(model, peak, weight_decay)
    metrics = [keras.metrics.MeanMetricWrapper(label_accuracy, name="accuracy")] if loss is None else None
    loss, fitted, teacher = loss or options.loss(train, model), model, options.teacher
    trained = [] if teacher is None else [(layer, layer.trainable) for layer in teacher._flatten_layers()]
    try:
        if teacher is not None:
            teacher.trainable = False
            fitted = beside_teacher(model, teacher)
            token = distilled(model)
            metrics = [keras.metrics.MeanMetricWrapper(student_accuracy, name="accuracy", token=token)]
        # Builds the optimizer too, so that a backup of its state can be read before the first step; half precision only
        # where it was asked for: a run that goes on elsewhere must compute as it did.
        compile_defaults(fitted, optimizer, loss, half=False, metrics=metrics, **show)
        yield fitted
    finally:
        for layer, flag in trained:
            layer.trainable = flag


def _named(loss) -> object:
    """A loss in JSON's values, so that a folder knows it."""
    if loss is None or isinstance(loss, str):
        return loss
    if isinstance(loss, keras.losses.Loss):
        return json.loads(json.dumps(keras.losses.serialize(loss), default=str))
    return getattr(loss, "__name__", type(loss).__name__)


def _backup(model: keras.Model, folder: Path) -> keras.callbacks.Callback:
    if adapted_layers(model):
        return AdapterBackup(model, folder)
    return EpochBackup(folder)


def _claim(folder: Path, settings: dict) -> Path:
    """The log of a run, once its folder is known to hold this run or none."""
    log, backup = folder / "history.csv", folder / "backup"
    claim(folder / "run.json", settings, "a run", later=("loss",))
    if not saved_states(backup):
        shutil.rmtree(backup, ignore_errors=True)
        log.unlink(missing_ok=True)
    if log.exists() and not (text := log.read_text(encoding="utf-8")).endswith("\n"):  # a kill while it was written
        with published(log) as temporary:
            temporary.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    return log


def read_history(log: str | os.PathLike) -> list[dict[str, float]]:
    """The rows of a `history.csv`, one an epoch; an epoch logged twice, by a kill before its backup, counts once."""
    with open(log, encoding="utf-8", newline="") as stream:
        # Keras writes NA where an epoch has no such value.
        rows = [{k: float(v) for k, v in row.items() if v != "NA"} for row in csv.DictReader(stream)]
    return list({row["epoch"]: row for row in rows}.values())
