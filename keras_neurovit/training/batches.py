"""What batches tell of themselves, and the callbacks that ask them."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import Cohort

DRAWS = 2**18  # of one generator in an epoch, at most; epochs × draws fit into 31 bits for 8,191 epochs
SHOWN = 8  # scans of a batch that a message names


class Diverged(InputError):
    """A run whose loss or weights are no longer finite."""


class FiniteLoss(keras.callbacks.Callback):
    """Stop where the loss, the weights or the loss of validation are not finite, before weights are saved, and name the
    batch and its scans.

    A batch may have a finite loss and gradients that are not: weights are then spoilt by its update, and the loss of
    the next, innocent batch tells. So where that can be, both are named. Weights themselves are looked at once an
    epoch, as doing so after every batch would cost more than it tells.

    Args:
        batches: with a method `scans_of(epoch, step)`, if they know of which files a batch is made.
        batches_per_update: see `Options.accumulate`.
        validation: what is validated on, which may know its files too.

    Raises:
        Diverged: in training, a number that is not finite.
    """

    def __init__(self, batches, batches_per_update: int = 1, validation=None):
        super().__init__()
        self.batches, self.per_update, self.epoch, self.last = batches, batches_per_update, 0, None
        self.validation, self.unsound = validation, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.last, self.unsound = epoch, None, None

    def on_train_batch_end(self, batch, logs=None):
        # Keras tells the mean so far: the first that is not finite tells of this batch, or of the update before it.
        # Before an epoch's first batch weights were looked at.
        loss, self.last = (logs or {}).get("loss"), batch
        if loss is None or np.isfinite(loss):
            return
        what = f"training diverged: the loss is {float(loss)} in epoch {self.epoch}, step {batch} (counted from 0)"
        what += self._on_the_scans([batch])
        if before := range(max(batch - self.per_update, 0), batch):
            what += f"; or the update before it went wrong, by step {', '.join(map(str, before))}"
            what += self._on_the_scans(before)
        raise self._told(what)

    def on_test_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if self.unsound is None and loss is not None and not np.isfinite(loss):
            self.unsound = batch

    def on_epoch_end(self, epoch, logs=None):
        spoilt = [weight.path for weight in self.model.weights if not _finite(weight)]
        if spoilt:
            # The loss of the last batch was finite, so that the weights were before its update.
            steps = range(max(self.last - self.per_update + 1, 0), self.last + 1) if self.last is not None else ()
            where = f"epoch {epoch}, step {', '.join(map(str, steps))} (counted from 0)"
            what = (
                f"training diverged: {len(spoilt)} weights ({spoilt[0]}, …) are not finite after the update in {where}"
            )
            raise self._told(what + self._on_the_scans(steps))
        loss = (logs or {}).get("val_loss")
        if loss is not None and not np.isfinite(loss):
            what = f"the loss of validation is {float(loss)} in epoch {epoch}, although all weights are finite"
            if self.unsound is not None:
                what += f", from step {self.unsound} on (counted from 0)"
                what += self._on_the_scans([self.unsound], self.validation)
            mend = "Look at what the scans of validation hold, then start again, in another folder."
            raise Diverged(what, "a finite number", mend=mend)

    def _on_the_scans(self, steps, batches=None) -> str:
        """Of which files batches are made, if they know."""
        batches = self.batches if batches is None else batches
        if not hasattr(batches, "scans_of"):
            return ""
        scans = [str(scan) for step in steps for scan in batches.scans_of(self.epoch, step)]
        more = f" and {len(scans) - SHOWN} more" if len(scans) > SHOWN else ""
        return f", on the scans {', '.join(scans[:SHOWN])}{more}"

    @staticmethod
    def _told(what: str) -> Diverged:
        mend = "Look at what these scans hold; else lower the peak learning rate or lengthen the warm-up"
        return Diverged(what, "a finite number", mend=f"{mend}, in another folder.")


def _finite(weight) -> bool:
    """Whether all numbers of a weight are finite, by one sum: what is not finite stays so."""
    if not keras.backend.is_float_dtype(weight.dtype):
        return True
    return bool(np.isfinite(float(keras.ops.stop_gradient(keras.ops.sum(weight)))))


class SameDraws(keras.callbacks.Callback):
    """Let an epoch see the batches and draw the random numbers that it would in a run from the beginning.

    Keras saves no state of random generators: a run that went on would repeat the dropout, stochastic depth and
    augmentation of its first epochs.

    Args:
        batches: with a method `start_epoch(epoch)`, if their order follows from the epoch.
    """

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        for variable in self.model.variables:
            if variable.name == "seed_generator_state":
                seed = keras.ops.convert_to_numpy(variable)[0]
                variable.assign(np.array([seed, epoch * DRAWS], dtype=variable.dtype))
        if hasattr(self.batches, "start_epoch"):
            self.batches.start_epoch(epoch)


def balanced(batches, num_classes: int) -> dict[int, float]:
    """Weights by which every class counts the same: scans / (classes × scans of the class).

    Args:
        batches: with an attribute `labels`, of all scans.
        num_classes: that the model scores.

    Raises:
        InputError: batches that do not tell their labels, a class without scans.
    """
    labels = getattr(batches, "labels", None)
    if labels is None:
        mend = "Give the weights themselves, such as cohort.class_weights()."
        raise InputError("these batches do not tell their labels, so classes cannot be balanced", mend=mend)
    counts = np.bincount(np.asarray(labels), minlength=num_classes)
    if (counts == 0).any() or len(counts) > num_classes:
        mend = "Leave the class out, or give other weights."
        raise InputError("a class has no scans, so it has no weight", f"labels 0 to {num_classes - 1}", counts, mend)
    return {label: float(len(labels) / (num_classes * count)) for label, count in enumerate(counts)}


def refuse_one_class(batches) -> None:
    """Refuse to learn classes from batches that tell that they hold one alone."""
    labels = getattr(batches, "labels", None)
    if labels is not None and len(found := np.unique(labels).tolist()) < 2:
        mend = "Train on people of every class, or split the cohort anew."
        raise InputError("there is one class only to learn from", "two or more", f"label {found}", mend)


def refuse_people(*sides) -> None:
    """Refuse a cohort where its batches are meant."""
    if any(isinstance(side, Cohort) for side in sides):
        mend = "Make batches of it: make_dataset(cohort, preset.volume, shuffle=True); or call train_on_cohort."
        raise InputError("a cohort holds people, not batches of their volumes", mend=mend)


def refuse_other_labels(model: keras.Model, *sides) -> None:
    """Refuse batches that tell of labels which the model does not score."""
    classes = model.output_shape[-1]
    for labels in (getattr(side, "labels", None) for side in sides):
        if labels is not None and len(labels) and not 0 <= np.min(labels) <= np.max(labels) < classes:
            mend = f"Build the model with num_classes={np.max(labels) + 1}, or leave those scans out."
            found = f"labels {np.unique(labels).tolist()}"
            raise InputError("the model does not score all labels", f"labels 0 to {classes - 1}", found, mend)
