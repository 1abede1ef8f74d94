"""The state of a run after each epoch, whole or not there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import h5py
import keras

from keras_neurovit._checks import InputError
from keras_neurovit._files import published

KEPT = 2  # states: the last, and the one before it, should a disk lose the last


class EpochBackup(keras.callbacks.Callback):
    """Write weights and optimizer after each epoch, and go on from the last that were written.

    Keras' own backup writes weights and then the epoch they belong to: killed in between, a run does one epoch twice.
    Here the epoch is the file's name, and the file has it once all is written.

    Args:
        folder: of the states.

    Raises:
        InputError: in training, where a state cannot be written.
    """

    def __init__(self, folder: str | os.PathLike):
        super().__init__()
        self.folder = Path(folder)

    def on_train_begin(self, logs=None):
        if states := saved_states(self.folder):
            self.model.load_weights(states[-1])
            self.model._initial_epoch = _epochs(states[-1])  # where Keras' own backup tells it

    def on_epoch_end(self, epoch, logs=None):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with published(self.folder / f"epoch-{epoch + 1}.weights.h5") as temporary:
                self.model.save_weights(temporary)
        except OSError as error:
            mend = "Free space, then start the same command again: it goes on after the last epoch that was written."
            told = error.strerror or str(error).partition("\n")[0]
            raise InputError(f"{self.folder}: the run's state cannot be written ({told})", mend=mend) from error
        for old in saved_states(self.folder)[:-KEPT]:
            old.unlink(missing_ok=True)


def saved_states(folder: Path) -> list[Path]:
    """The readable states in a folder, the last one last."""
    return sorted((file for file in folder.glob("epoch-*.weights.h5") if _readable(file)), key=_epochs)


def _epochs(file: Path) -> int:
    return int(re.findall(r"\d+", file.name)[0])


def _readable(file: Path) -> bool:
    try:
        h5py.File(file, "r").close()
    except OSError:
        return False
    return True
