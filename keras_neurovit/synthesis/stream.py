"""Brains straight from the generator into `fit`."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.cohorts import Task
from keras_neurovit.synthesis.factory import BrainFactory
from keras_neurovit.synthesis.structures import STRUCTURES

TOLD = ("structures_mm3", "person", "volumes", "tasks")
MEASURED = 32  # people whose volumes tell means and spreads
FARTHEST = 2**31 - 1  # seeds are whole numbers of 32 bits


class BrainStream(keras.utils.PyDataset):
    """Batches of new brains in every epoch, which follow from the seed and the epoch alone.

    On TensorFlow, train on `data.read_ahead(stream)`: epochs then do not wait for its tuner.

    Shape: → volumes (batch, x, y, z, 1), and targets: (batch, structure) mm³, or (batch,) people's numbers, or the
    volumes themselves, or (batch, structure) deviations of logarithms from their means

    Args:
        factory: of the brains.
        batch_size: scans a batch.
        steps: batches an epoch.
        seed: of the first person; each epoch has others.
        contrasts: scans of each person, side by side; 2 or more for `training.ContrastiveLoss`.
        target: "structures_mm3", "person", "volumes", or "tasks": then `stream.tasks` is what
            `training.pretrain(backbone, stream, "supervised", options={"tasks": stream.tasks})` asks for, a number a
            structure. Its mean and spread come from 32 people, made at once, without their scans.

    Raises:
        InputError: contrasts that do not fill a batch, another target.

    Example:
        >>> from keras_neurovit.synthesis import BrainGenerator, load_anatomies
        >>> generator = BrainGenerator(load_anatomies(verbose=False), (32, 40, 32), 6.0, oversampling=1)
        >>> stream = BrainStream(BrainFactory(generator), batch_size=4, steps=2, contrasts=2, target="person")
        >>> volumes, people = stream[0]
        >>> volumes.shape, people.tolist()
        ((4, 32, 40, 32, 1), [0, 0, 1, 1])
    """

    def __init__(
        self,
        factory: BrainFactory,
        *,
        batch_size: int = 8,
        steps: int = 100,
        seed: int = 0,
        contrasts: int = 1,
        target: str = "structures_mm3",
    ):
        super().__init__()
        if contrasts < 1 or batch_size < 1 or batch_size % contrasts or steps < 1:
            expected = "whole people in every batch, and one batch or more"
            raise InputError("a stream's sizes are unusable", expected, (batch_size, contrasts, steps))
        self.factory, self.batch_size, self.steps, self.seed = factory, batch_size, steps, seed
        self.contrasts, self.target, self.epoch = contrasts, one_of("target", target, TOLD), 0
        self.tasks = self._measured() if target == "tasks" else ()

    def start_epoch(self, epoch: int) -> None:
        """Whose turn it is; `training.finetune` tells, so that a run that goes on sees what it would have seen."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int):
        people = self.batch_size // self.contrasts
        first = self.seed + (self.epoch * self.steps + index) * people
        brains = self.factory((first + np.arange(people)) % FARTHEST, contrasts=self.contrasts)
        volumes = brains["volumes"]
        if self.target == "volumes":
            return volumes, volumes
        if self.target == "person":
            return volumes, np.repeat(np.arange(people, dtype="int32"), self.contrasts)
        told = np.repeat(brains["structures_mm3"], self.contrasts, axis=0)
        if self.target == "tasks":
            means, spreads = (np.array([getattr(task, name) for task in self.tasks]) for name in ("mean", "spread"))
            told = ((_logarithms(told) - means) / spreads).astype("float32")
        return volumes, told

    def _measured(self) -> tuple[Task, ...]:
        """Of every structure how large it is on average, and how much people differ."""
        people = self.batch_size // self.contrasts  # as many at a time as later, so that nothing is compiled twice
        seeds = np.resize(np.arange(MEASURED), -(-MEASURED // people) * people).reshape(-1, people)
        measured = np.concatenate([self.factory.measure(some)["structures_mm3"] for some in seeds])
        logarithms = _logarithms(measured[:MEASURED])
        # Rounded as JSON keeps them; what no label map has does not vary.
        means, spreads = logarithms.mean(axis=0).round(4), np.maximum(logarithms.std(axis=0).round(4), 0.01)
        return tuple(
            Task(f"log {name}", (), float(mean), float(spread))
            for name, mean, spread in zip(STRUCTURES, means, spreads, strict=True)
        )


def _logarithms(volumes_mm3: np.ndarray) -> np.ndarray:
    return np.log(volumes_mm3.astype("float64") + 1.0)  # a structure may have no volume
