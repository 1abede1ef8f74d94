"""Learning to measure: from synthetic scans of any contrast, the share of every structure in every cell."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from brains import Brains

import keras_neurovit
from keras_neurovit import data, models, presets, synthesis, training

PARTS = 4  # checkpoints while all brains are seen once
WATCHED = 100  # scans of the others that are looked at after each part
CELL = 2  # voxels along the edge of the cells in which structures are told
MOST_MOVED = 2  # cells, of the lessons in which scans are moved


def describe(base: presets.Preset, truth: np.ndarray, *, merged: int = 1, **changes) -> presets.Preset:
    """A preset that measures, before it has weights; of the true volumes it keeps what standardises their logarithms.

    Args:
        base: whose tokens are to measure.
        truth: (person, structure) mm³.
        merged: cells along each edge of those that it tells, where `CELL` asks too much of its tokens.
        changes: of the base's entries.
    """
    described = dataclasses.replace(base, labels=synthesis.STRUCTURES, **changes)
    arguments = described.arguments
    edge = np.ravel(arguments.get("block_size", arguments["patch_size"]))[0]
    cell = merged * CELL
    cell_mm3 = np.prod(np.multiply(described.volume.spacing_mm, cell))
    logs = np.log(truth / cell_mm3 + 1e-3)
    statistics = {"means": logs.mean(axis=0).round(4).tolist(), "deviations": logs.std(axis=0).round(4).tolist()}
    return dataclasses.replace(described, head={"kind": "structures", "cells": int(edge) // cell, **statistics})


class Lesson(NamedTuple):
    """Brains to learn from.

    Args:
        brains: folder of `write_brains`.
        epochs: how often each is seen, in whole parts of `PARTS`.
        peak: highest learning rate.
        most_moved: cells by which scans are moved at most, each time by others.
    """

    brains: Path
    epochs: float
    peak: float = 1e-3
    most_moved: int = 0


def learn_to_measure(
    described: presets.Preset,
    lessons: Sequence[Lesson],
    test: Path,
    folder: Path,
    *,
    batch_size: int,
    seed: int,
    merged: int = 1,
    start: presets.Preset | None = None,
) -> keras.Model:
    """The trained model of a preset from `describe`; killed, it goes on where it was.

    Args:
        described: the preset.
        lessons: one after the other.
        test: the same, watched.
        folder: for the checkpoints and logs of each lesson.
        batch_size: scans a step.
        seed: of the order of scans.
        merged: as `describe` was told.
        start: a preset of the same architecture that measures already; None starts from random weights.
    """
    first = Brains(lessons[0].brains, batch_size)
    backbone = presets.build_backbone(described)
    sizes = {"num_structures": len(synthesis.STRUCTURES), "spacing_mm": described.volume.spacing_mm}
    sizes["cells"] = described.head["cells"]
    model = models.measurer(backbone, **sizes, prior=first.shares(), with_cells=True)
    loss = {"cells": training.ShareLoss(first.weights()), "structures_mm3": training.LogVolumeLoss()}
    watched, began = data.read_ahead(Brains(test, batch_size, most=WATCHED, merged=merged)), {}
    if start is not None:
        other = keras_neurovit.from_preset(start, verbose=False)
        for name in (backbone.name, "head"):
            model.get_layer(name).set_weights(other.get_layer(name).get_weights())
        began = {"began": start.weights.sha256}
    for number, lesson in enumerate(lessons):
        how = {"seed": seed + number, "parts": PARTS, "merged": merged, "most_moved": lesson.most_moved}
        batches = Brains(lesson.brains, batch_size, **how)
        told = {"brains": batches.claim, "preset": json.loads(described.to_json()), "batch_size": batch_size}
        epochs = int(lesson.epochs * PARTS)
        length = {"epochs": epochs, "peak": lesson.peak, "warmup_epochs": 0.05 * epochs}
        run = folder if number == 0 else folder.with_name(f"{folder.name}_{number + 1}")
        facts = {**told, "seed": seed + number, **began}
        if lesson.most_moved:
            facts["most_moved"] = lesson.most_moved
        training.finetune(
            model, data.read_ahead(batches), watched, folder=run, loss=loss, facts=facts, verbose=2, **length
        )
        began = {"began": json.loads((run / "run.json").read_text(encoding="utf-8"))}
    plain = models.measurer(backbone, **sizes)
    plain.get_layer("head").set_weights(model.get_layer("head").get_weights())
    return plain
