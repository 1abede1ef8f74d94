"""What batches tell of themselves, and the callbacks that ask them."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit._checks import InputError

DRAWS = 2**18  # of one generator in an epoch, at most; epochs × draws fit into 31 bits for 8,191 epochs
SHOWN = 8  # scans of a batch that a message names


class FiniteLoss(keras.callbacks.Callback):
    """Stop at the first batch whose loss is not finite, before its weights are saved, and name the batch and its scans.

    Args:
        batches: with a method `scans_of(epoch, step)`, if they know of which files a batch is made.

    Raises:
        InputError: in training, a loss that is not finite.
    """

    def __init__(self, batches):
        super().__init__()
        self.batches, self.epoch = batches, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        # Keras tells the mean so far: the first that is not finite is this batch's doing.
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(loss):
            return
        what = f"training diverged: the loss is {float(loss)} in epoch {self.epoch}, step {batch} (counted from 0)"
        if hasattr(self.batches, "scans_of"):
            scans = [str(scan) for scan in self.batches.scans_of(self.epoch, batch)]
            more = f" and {len(scans) - SHOWN} more" if len(scans) > SHOWN else ""
            what += f", on the scans {', '.join(scans[:SHOWN])}{more}"
        mend = "Look at what this batch holds; else lower the peak learning rate or lengthen the warm-up"
        raise InputError(what, "a finite number", mend=f"{mend}, in another folder.")


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
