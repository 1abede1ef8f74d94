"""Half precision on disk, float32 in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from keras_neurovit._checks import InputError


def copy_half(source: Path, target: Path) -> None:
    """Copy a Keras weights file without the optimizer, float32 arrays of two or more axes as float16.

    Vectors stay float32: they are few, and among them is batch normalisation's running variance, which half precision
    would round to zero in a quiet channel and cannot hold in a loud one. Matrices are compressed, each in one piece,
    which saves a tenth: the high bytes of half-precision weights are much alike.

    Raises:
        InputError: a weight that is not finite or that half precision cannot hold.
    """
    with h5py.File(source, "r") as old, h5py.File(target, "w") as new:  # later formats tell the time of writing

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if name.split("/")[0] == "optimizer":
                return  # its moments are two thirds of the file, and of no use to whoever loads the preset
            if isinstance(item, h5py.Group):
                made = new.require_group(name)
            else:
                values = np.asarray(item)
                if values.dtype == np.float32:
                    kept = "float32" if values.ndim < 2 else "float16"
                    if not np.abs(values).max(initial=0.0) <= np.finfo(kept).max:  # a NaN compares false
                        mend = "Training diverged: lower the learning rate and train again."
                        raise InputError(f"weight {name} is not finite, or too large for {kept}", mend=mend)
                    values = values.astype(kept)
                packed = {"compression": "gzip", "shuffle": True, "chunks": values.shape} if values.size > 1000 else {}
                made = new.create_dataset(name, data=values, **packed)
            made.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)


def count_numbers(files: Iterable[Path]) -> int:
    """Floating-point numbers in the weights files of a model."""
    counts = []

    def count(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            counts.append(item.size)

    for file in files:
        if file.suffix == ".h5":
            with h5py.File(file, "r") as stored:
                stored.visititems(count)
    return sum(counts)
