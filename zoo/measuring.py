"""Learning to measure: from synthetic scans of any contrast, the share of every structure in every cell."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
from brains import Brains
from coils import shade

from keras_neurovit import models, presets, synthesis, training

PARTS = 4  # checkpoints while all brains are seen once
WATCHED = 100  # scans of the others that are looked at after each part
CELL = 2  # voxels along the edge of the cells in which structures are told


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


def learn_to_measure(
    described: presets.Preset,
    learn: Path,
    test: Path,
    folder: Path,
    *,
    epochs: float,
    batch_size: int,
    seed: int,
    merged: int = 1,
    shaded_parts: int = 0,
) -> keras.Model:
    """The trained model of a preset from `describe`; killed, it goes on where it was.

    Args:
        described: the preset.
        learn: folder of `write_brains`.
        test: the same, watched.
        folder: for checkpoints and the log.
        epochs: how often every brain is seen, in whole parts of `PARTS`.
        batch_size: scans a step.
        seed: of the order of scans.
        merged: as `describe` was told.
        shaded_parts: further parts, at a lower rate, of scans that strong coils shade: see `coils.shade`.
    """
    batches = Brains(learn, batch_size, seed=seed, parts=PARTS, merged=merged)
    backbone = presets.build_backbone(described)
    sizes = {"num_structures": len(synthesis.STRUCTURES), "spacing_mm": described.volume.spacing_mm}
    sizes["cells"] = described.head["cells"]
    model = models.measurer(backbone, **sizes, prior=batches.shares(), with_cells=True)
    facts = {"brains": batches.claim, "preset": json.loads(described.to_json()), "batch_size": batch_size, "seed": seed}
    loss = {"cells": training.ShareLoss(batches.weights()), "structures_mm3": training.LogVolumeLoss()}
    how = {"validation": Brains(test, batch_size, most=WATCHED, merged=merged), "loss": loss, "verbose": 2}
    length = {"epochs": int(epochs * PARTS), "peak": 1e-3, "warmup_epochs": 0.05 * epochs * PARTS}
    training.finetune(model, batches, folder=folder, facts=facts, **length, **how)
    if shaded_parts:
        shaded = Brains(learn, batch_size, seed=seed + 1, parts=PARTS, merged=merged, change=shade)
        facts |= {"began": json.loads((folder / "run.json").read_text(encoding="utf-8"))}
        length = {"epochs": shaded_parts, "peak": 3e-4, "warmup_epochs": 0.1}
        after = folder.with_name(f"{folder.name}_shaded")
        training.finetune(model, shaded, folder=after, facts=facts, **length, **how)
    plain = models.measurer(backbone, **sizes)
    plain.get_layer("head").set_weights(model.get_layer("head").get_weights())
    return plain
