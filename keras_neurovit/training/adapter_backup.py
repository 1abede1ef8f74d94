"""What the backup of a run loses where adapters train."""

from __future__ import annotations

import os
from pathlib import Path

import keras

from keras_neurovit._checks import InputError
from keras_neurovit.training.adapters import KIND, assign_trained, frozen_sha256, read_trained, write_trained
from keras_neurovit.training.backup import EpochBackup, saved_states
from keras_neurovit.training.callbacks import number
from keras_neurovit.training.strategy import adapted_layers

KEPT = 3  # states: the one being written, and the two that `EpochBackup` keeps


class AdapterBackup(keras.callbacks.Callback):
    """A backup of a run that keeps adapters, and the kernels beneath them, apart.

    Keras saves an adapted layer merged, and on loading sets both factors to zero, from where no gradient moves them: a
    run that went on would never learn again. A state is named after the updates made, which the backup holds too,
    so that the one belongs to the other whenever a run was killed.

    Args:
        model: at the start of the run, with the weights that it was built with.
        folder: of the backup.
    """

    def __init__(self, model: keras.Model, folder: str | os.PathLike):
        super().__init__()
        self.folder = Path(folder)
        self.backup = EpochBackup(folder)
        self.facts = {"kind": KIND, "frozen_sha256": frozen_sha256(model)}
        self.kernels = [keras.ops.convert_to_numpy(layer._kernel) for layer in adapted_layers(model)]

    def set_model(self, model):
        super().set_model(model)
        self.backup.set_model(model)

    def on_train_begin(self, logs=None):
        self.backup.on_train_begin(logs)
        if saved_states(self.folder):  # not by updates: where many batches are accumulated an epoch may have none
            self._restore()

    def on_epoch_end(self, epoch, logs=None):
        # Before the backup, so that there is no backup without its adapters.
        write_trained(self.model, self._file(), self.facts)
        states = sorted(self.folder.glob("adapters-*.h5"), key=lambda file: int(file.stem.split("-")[1]))
        for old in states[:-KEPT]:
            old.unlink(missing_ok=True)
        self.backup.on_epoch_end(epoch, logs)

    def _restore(self) -> None:
        model, file, mend = self.model, self._file(), "Give another folder, or delete that one."
        if not file.is_file():
            raise InputError(f"{file}: is missing, without which the run cannot go on", mend=mend)
        facts, values = read_trained(file)
        before, now = facts.get("frozen_sha256"), self.facts["frozen_sha256"]
        if before != now:
            what = f"{self.folder}: holds a run beside other frozen weights"
            raise InputError(what, f"SHA-256 {before}", now, mend)
        for layer, kernel in zip(adapted_layers(model), self.kernels, strict=True):
            layer._kernel.assign(kernel)  # the backup's is merged
        assign_trained(model, file, values)

    def _file(self) -> Path:
        return self.folder / f"adapters-{_updates(self.model)}.h5"


def _updates(model: keras.Model) -> int:
    return int(number(model.optimizer.iterations))
