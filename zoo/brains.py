"""Synthetic brains on disk, and batches of them: what the recipes of the synthetic presets share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from numpy.lib.format import open_memmap

from keras_neurovit import InputError
from keras_neurovit._files import published
from keras_neurovit.synthesis import STRUCTURES, mirrored_structures

BATCH = 8
MIRRORED = mirrored_structures()


def write_brains(folder: Path, people: int, make: Callable[[np.ndarray], dict], contrasts: int = 1) -> Path:
    """Make brains into a folder of arrays: volumes, cells (255 is a whole cell) and truth, mm³.

    Killed and called again, it goes on where it was; a folder of other arrays is refused.

    Args:
        folder: for the arrays.
        people: how many; rounded up to whole batches.
        make: from places of people to a dict as `BrainFactory`'s.
        contrasts: scans of each person.
    """
    folder.mkdir(parents=True, exist_ok=True)
    people = -(-people // BATCH) * BATCH
    if (folder / "truth.npy").exists() and (held := len(np.load(folder / "truth.npy", mmap_mode="r"))) != people:
        raise InputError(
            f"{folder}: holds other brains", f"{people} people", held, "Give another folder, or delete it."
        )
    progress = folder / "progress.json"
    done = json.loads(progress.read_text(encoding="utf-8")) if progress.exists() else 0
    arrays, start = None, time.monotonic()
    for first in range(done, people, BATCH):
        brains = make(np.arange(first, first + BATCH))
        if arrays is None:
            arrays = {
                "volumes": ("float16", (people * contrasts, *brains["volumes"].shape[1:])),
                "cells": ("uint8", (people, *brains["cells"].shape[1:])),
                "truth": ("float32", (people, len(STRUCTURES))),
            }
            arrays = {
                name: open_memmap(folder / f"{name}.npy", "r+")
                if done
                else open_memmap(folder / f"{name}.npy", "w+", dtype, shape)
                for name, (dtype, shape) in arrays.items()
            }
        arrays["volumes"][first * contrasts : (first + BATCH) * contrasts] = brains["volumes"]
        arrays["cells"][first : first + BATCH] = np.rint(255 * brains["cells"])
        arrays["truth"][first : first + BATCH] = brains["structures_mm3"]
        if first // BATCH % 32 == 31 or first + BATCH >= people:
            for array in arrays.values():
                array.flush()
            with published(progress) as temporary:
                temporary.write_text(json.dumps(first + BATCH), encoding="utf-8")
            rate = (first + BATCH - done) * contrasts / (time.monotonic() - start)
            print(f"{folder.name}: {first + BATCH} of {people} people, {rate:.1f} scans a second", flush=True)
    return folder


class Brains(keras.utils.PyDataset):
    """Batches from a folder of `write_brains`, in an order and mirrored as the seed and the epoch say.

    Args:
        folder: of the arrays.
        batch_size: scans a batch.
        seed: of order and mirrors; None for neither.
        targets: an array with a row a person, or None for cells and volumes.
        parts: epochs in which all scans are seen once; short ones lose less when they are killed.
        epoch: the first, where a run goes on.
    """

    def __init__(
        self, folder: Path, batch_size: int, seed: int | None = None, *, targets=None, parts: int = 1, epoch: int = 0
    ):
        super().__init__()
        self.volumes, self.cells, self.truth = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("volumes", "cells", "truth")
        )
        self.contrasts = len(self.volumes) // len(self.truth)
        self.batch_size, self.seed, self.targets = batch_size, seed, targets
        self.parts, self.epoch = parts, epoch - 1
        self.on_epoch_end()

    def on_epoch_end(self):
        self.epoch += 1
        self.order = np.arange(len(self.volumes))
        self.mirrored = np.zeros(len(self.volumes), bool)
        if self.seed is not None:
            whole, part = divmod(self.epoch, self.parts)
            random = np.random.default_rng((self.seed, whole))
            self.order = np.array_split(random.permutation(self.order), self.parts)[part]
            self.mirrored = random.random(len(self.volumes)) < 0.5

    def __len__(self) -> int:
        batches = len(self.volumes) // self.parts / self.batch_size
        return int(batches) if self.seed is not None else int(np.ceil(batches))

    def __getitem__(self, index: int):
        rows = np.sort(self.order[index * self.batch_size : (index + 1) * self.batch_size])
        people, mirrored = rows // self.contrasts, self.mirrored[rows]
        volumes = self.volumes[rows].astype("float32")
        volumes[mirrored] = volumes[mirrored, ::-1]
        if self.targets is not None:
            return volumes, self.targets[people]
        cells, truth = self.cells[people].astype("float32") / 255, self.truth[people]
        cells[mirrored] = cells[mirrored, ::-1][..., MIRRORED]
        truth[mirrored] = truth[mirrored][:, MIRRORED]
        return volumes, {"structures_mm3": truth, "cells": cells}

    def shares(self) -> list[float]:
        """Mean share of each structure, over cells and people."""
        return np.maximum(self.cells[:256].mean(axis=(0, 1, 2, 3), dtype="float64") / 255, 1e-6).tolist()

    def weights(self) -> list[float]:
        """Weights of structures for `ShareLoss`: rare ones count more, by the root of their share."""
        share = np.asarray(self.shares())
        weights = share**-0.5
        return (weights * share.sum() / (weights * share).sum()).tolist()
