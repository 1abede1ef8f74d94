"""Synthetic brains on disk, and batches of them: what the recipes of the synthetic presets share."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
from numpy.lib.format import open_memmap

from keras_neurovit import InputError
from keras_neurovit._files import claim, published
from keras_neurovit.synthesis import STRUCTURES, find_label_maps, mirrored_structures

BATCH = 8
GENERATOR = 5  # raised whenever the package's generator makes other brains from the same seeds
HELD_OUT = ("training_seg_03", "training_seg_06", "training_seg_10", "training_seg_14")
"""Label maps of SynthSeg that no recipe learns from: people made of them are what presets are tested on.

Every fifth in the order of their ventricles, 13 to 67 ml: healthy and wasted brains are tested on, and learnt from."""
MIRRORED = mirrored_structures()


def split_label_maps(folder: Path) -> tuple[list[Path], list[Path]]:
    """SynthSeg's label maps to learn from, and those to be tested on."""
    files = {file.name.split(".")[0]: file for file in find_label_maps(folder)}
    if missing := sorted(set(HELD_OUT) - set(files)):
        raise InputError(f"{folder}: lacks label maps", "all of SynthSeg's, by their names", missing)
    return [file for name, file in files.items() if name not in HELD_OUT], [files[name] for name in HELD_OUT]


def write_brains(
    folder: Path, people: int, make: Callable[[np.ndarray], dict], facts: Mapping, contrasts: int = 1
) -> Path:
    """Make brains into a folder of arrays: volumes, cells (255 is a whole cell), truth in mm³, place of the label map.

    Killed and called again, it goes on where it was; a folder of other brains is refused. One process at a time.

    Args:
        folder: for the arrays.
        people: how many, in whole batches.
        make: from places of people to a dict as `BrainFactory`'s.
        facts: what the brains depend on, in JSON's values.
        contrasts: scans of each person.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if people % BATCH:
        raise InputError("people are made in whole batches", f"a multiple of {BATCH}", people)
    told, progress = folder / "claim.json", folder / "progress.json"
    if not told.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds something else", mend="Give another folder, or delete it.")
    claim(told, {**facts, "people": people, "contrasts": contrasts, "generator": GENERATOR}, "brains")
    done = json.loads(progress.read_text(encoding="utf-8")) if progress.exists() else 0
    arrays, start = None, time.monotonic()
    for first in range(done, people, BATCH):
        brains = make(np.arange(first, first + BATCH))
        if arrays is None:
            arrays = {
                "volumes": ("float16", (people * contrasts, *brains["volumes"].shape[1:])),
                "cells": ("uint8", (people, *brains["cells"].shape[1:])),
                "truth": ("float32", (people, len(STRUCTURES))),
                "anatomies": ("uint8", (people,)),
            }
            arrays = {
                name: open_memmap(folder / f"{name}.npy", "r+")
                if done
                else open_memmap(folder / f"{name}.npy", "w+", dtype, shape)
                for name, (dtype, shape) in arrays.items()
            }
        rows = slice(first, first + BATCH)
        arrays["volumes"][first * contrasts : (first + BATCH) * contrasts] = brains["volumes"]
        arrays["cells"][rows] = np.rint(255 * brains["cells"])
        arrays["truth"][rows], arrays["anatomies"][rows] = brains["structures_mm3"], brains["anatomies"]
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
        most: scans of the folder that are used, its first; None for all.
        merged: cells along each edge of those that are told.
        most_moved: cells by which scans are moved at most, along each axis, where there is a seed; what leaves the box
            is no longer told.
    """

    def __init__(
        self,
        folder: Path,
        batch_size: int,
        seed: int | None = None,
        *,
        targets=None,
        parts=1,
        most=None,
        merged=1,
        most_moved=0,
    ):
        super().__init__()
        self.volumes, self.cells, self.truth, self.anatomies = (
            np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("volumes", "cells", "truth", "anatomies")
        )
        if targets is not None and len(targets) != len(self.truth):
            raise InputError(f"{folder}: targets do not match", f"{len(self.truth)} rows", len(targets))
        self.contrasts = len(self.volumes) // len(self.truth)
        self.batch_size, self.seed, self.targets, self.parts, self.merged = batch_size, seed, targets, parts, merged
        self.most_moved = most_moved
        self.most = len(self.volumes) if most is None else min(most, len(self.volumes))
        self.start_epoch(0)

    @property
    def claim(self) -> dict:
        """What the brains depend on."""
        return json.loads((Path(self.truth.filename).parent / "claim.json").read_text(encoding="utf-8"))

    def start_epoch(self, epoch: int) -> None:
        """Draw an epoch's order; `training.finetune` tells which, since JAX has Keras' own hooks called once more."""
        self.epoch, self.order = epoch, np.arange(self.most)
        self.mirrored = np.zeros(len(self.volumes), bool)
        if self.seed is not None:
            whole, part = divmod(epoch, self.parts)
            random = np.random.default_rng((self.seed, whole))
            self.order = np.array_split(random.permutation(self.order), self.parts)[part]
            self.mirrored = random.random(len(self.volumes)) < 0.5
            self.moves = random.integers(-self.most_moved, self.most_moved + 1, (len(self.volumes), 3))

    def __len__(self) -> int:
        batches = self.most // self.parts / self.batch_size
        return int(batches) if self.seed is not None else int(np.ceil(batches))

    def __getitem__(self, index: int):
        rows = np.sort(self.order[index * self.batch_size : (index + 1) * self.batch_size])
        people, mirrored = rows // self.contrasts, self.mirrored[rows]
        volumes = self.volumes[rows].astype("float32")
        volumes[mirrored] = volumes[mirrored, ::-1]
        moves = self.moves[rows] if self.most_moved and self.seed is not None else ()
        edge = volumes.shape[1] // self.cells.shape[1]
        for place, move in enumerate(moves):
            volumes[place] = moved(volumes[place], move * edge, fill=volumes[place].min())
        if self.targets is not None:
            return volumes, self.targets[people]
        cells, truth = self.cells[people], self.truth[people]
        cells[mirrored] = cells[mirrored, ::-1][..., MIRRORED]  # while they are bytes, which takes half the time
        truth[mirrored] = truth[mirrored][:, MIRRORED]
        for place, move in enumerate(moves):
            before = cells[place].sum(axis=(0, 1, 2))
            cells[place] = moved(cells[place], move, fill=0)
            truth[place] *= cells[place].sum(axis=(0, 1, 2)) / np.maximum(before, 1)
        return volumes, {"structures_mm3": truth, "cells": self._merge(cells.astype("float32") / 255)}

    def _merge(self, cells: np.ndarray) -> np.ndarray:
        if self.merged == 1:
            return cells
        rows, *edges, structures = cells.shape
        parts = [part for edge in edges for part in (edge // self.merged, self.merged)]
        return cells.reshape(rows, *parts, structures).mean(axis=(2, 4, 6))

    def shares(self) -> list[float]:
        """Mean share of each structure, over cells and people."""
        return np.maximum(self.cells[:256].mean(axis=(0, 1, 2, 3), dtype="float64") / 255, 1e-6).tolist()

    def weights(self) -> list[float]:
        """Weights of structures for `ShareLoss`: rare ones count more, by the root of their share."""
        share = np.asarray(self.shares())
        weights = share**-0.5
        return (weights * share.sum() / (weights * share).sum()).tolist()


def moved(volume: np.ndarray, move: np.ndarray, fill: float) -> np.ndarray:
    """A volume moved by whole voxels, what enters filled. Shape: (x, y, z, channel), (3,) → (x, y, z, channel)

    Example:
        >>> moved(np.arange(1, 5).reshape(4, 1, 1, 1), np.array([1, 0, 0]), fill=0).ravel().tolist()
        [0, 1, 2, 3]
    """
    new = np.full_like(volume, fill)
    to = tuple(slice(max(step, 0), n + min(step, 0)) for step, n in zip(move, volume.shape[:3], strict=True))
    of = tuple(slice(max(-step, 0), n + min(-step, 0)) for step, n in zip(move, volume.shape[:3], strict=True))
    new[to] = volume[of]
    return new
