"""How the preset vit3d_brain came to be.

Command:   python zoo/vit3d_brain/train.py --label-maps SYNTHSEG_LABELS --runs runs/vit3d_brain
           (--evaluate: only measure what ships, on the brains that a run left)
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; KERAS_BACKEND=jax on a GPU runs the same file

A tiny vit3d learns to measure: from synthetic scans of any contrast, the share of every structure in every cell of four
voxels. Its teachers are 16 of SynthSeg's 20 label maps; the other four make the people it is tested on. Killed, it goes
on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
from pathlib import Path

import keras
import numpy as np

import keras_neurovit
from keras_neurovit import InputError, models, presets, synthesis, training, volumes

sys.path.insert(0, str(Path(__file__).parents[1]))
from brains import Brains, write_brains

SEED = 2303
HELD_OUT = 4
PARTS = 8  # checkpoints while all brains are seen once
CELL = 4  # voxels along the edge of the cells in which structures are told
CONTRACT = volumes.VolumeContract((3.0, 3.0, 3.0), (64, 80, 64))
CITATION = (
    "Dhinagar et al. 2023, arXiv 2303.08216; label maps: Billot et al. 2023 (SynthSeg), Medical Image Analysis 86."
)


def factory(label_maps: list[Path]) -> synthesis.BrainFactory:
    anatomies = synthesis.load_anatomies(label_maps)
    return synthesis.BrainFactory(
        synthesis.BrainGenerator(anatomies, CONTRACT.shape, CONTRACT.spacing_mm[0], cell=CELL)
    )


def brains(options: argparse.Namespace) -> tuple[Path, Path]:
    """Folders of the brains to learn from, and of those to be tested on."""
    files = synthesis.find_label_maps(options.label_maps)
    if len(files) <= HELD_OUT:
        raise InputError(f"{options.label_maps}: too few label maps", f"more than {HELD_OUT}", len(files))
    sides = {"learn": (files[:-HELD_OUT], options.people, 2), "test": (files[-HELD_OUT:], options.fresh, 1)}
    folders = []
    for offset, (name, (maps, people, contrasts)) in enumerate(sides.items()):
        folder = options.runs / name
        progress = folder / "progress.json"
        if not progress.exists() or json.loads(progress.read_text()) < people:
            make = factory(maps)
            first = SEED + offset * 10_000_000
            write_brains(folder, people, lambda places: make(first + places, contrasts=contrasts), contrasts)  # noqa: B023
        folders.append(folder)
    return tuple(folders)


def describe(truth: np.ndarray) -> presets.Preset:
    """The preset before it has weights; of the true volumes it keeps what standardises their logarithms."""
    tiny = presets.load_preset("vit3d_tiny")
    cell_mm3 = np.prod(np.multiply(CONTRACT.spacing_mm, CELL))
    logs = np.log(truth / cell_mm3 + 1e-3)
    statistics = {"means": logs.mean(axis=0).round(4).tolist(), "deviations": logs.std(axis=0).round(4).tolist()}
    return dataclasses.replace(
        tiny,
        name="vit3d_brain",
        description="Tiny ViT that measures brain structures, learnt on synthetic scans of any contrast.",
        arguments={**tiny.arguments, "stem": {"patch_size": CELL, "hidden_dim": 32, "mlp_dim": 512}},
        labels=synthesis.STRUCTURES,
        head={"kind": "structures", "cells": tiny.arguments["patch_size"][0] // CELL, **statistics},
        volume=CONTRACT,
        citation=CITATION,
    )


def train(options: argparse.Namespace) -> None:
    keras.utils.set_random_seed(SEED)
    learn, test = brains(options)
    log = options.runs / "train" / "history.csv"
    finished = len(training.read_history(log)) if log.exists() else 0
    batches = Brains(learn, options.batch_size, seed=SEED, parts=PARTS, epoch=finished)
    described = describe(batches.truth)
    backbone = presets.build_backbone(described)
    structures = len(synthesis.STRUCTURES)
    model = models.measurer(
        backbone,
        structures,
        CONTRACT.spacing_mm,
        cells=described.head["cells"],
        prior=batches.shares(),
        with_cells=True,
    )
    start = time.monotonic()
    training.finetune(
        model,
        batches,
        Brains(test, options.batch_size),
        folder=options.runs / "train",
        epochs=options.epochs * PARTS,
        peak=1e-3,
        warmup_epochs=0.05 * options.epochs * PARTS,
        loss={"cells": training.ShareLoss(batches.weights()), "structures_mm3": training.LogVolumeLoss()},
        facts={"people": options.people, "seed": SEED},
        verbose=2,
    )
    print(f"trained for {(time.monotonic() - start) / 60:.0f} minutes")
    plain = models.measurer(backbone, structures, CONTRACT.spacing_mm, cells=described.head["cells"])
    plain.get_layer("head").set_weights(model.get_layer("head").get_weights())
    saved = presets.save_to_preset(plain, options.preset, described)
    presets.write_golden(saved, volumes.conform(volumes.read_scan(synthesis.icbm152_t1()), CONTRACT))


def evaluate(options: argparse.Namespace) -> None:
    """Measure what ships, half-precision weights read back."""
    test = Brains(brains(options)[1], options.batch_size)
    estimated = keras_neurovit.from_preset(options.preset).predict(test, verbose=0)
    rows = {}
    for name, parts in [*synthesis.sums_of_structures(), *((s, (s,)) for s in synthesis.STRUCTURES)]:
        places = [synthesis.STRUCTURES.index(part) for part in parts]
        true, found = test.truth[:, places].sum(axis=1), estimated[:, places].sum(axis=1)
        error = np.abs(found - true) / np.maximum(true, 100.0)
        rows[name] = {
            "r": float(np.corrcoef(true, found)[0, 1]),
            "mean_mm3": float(true.mean()),
            "bias": float(found.mean() / true.mean() - 1),
            "median_error": float(np.median(error)),
            "p68_error": float(np.quantile(error, 0.68)),
            "p95_error": float(np.quantile(error, 0.95)),
        }
    report = {
        "learnt_from": f"{options.people} synthetic people with two contrasts each, seed {SEED}",
        "tested_on": f"{options.fresh} synthetic people from {HELD_OUT} label maps that were not learnt from",
        "structures": rows,
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        },
    }
    errors = {name: round(row["p68_error"], 4) for name, row in rows.items()}
    (options.preset / "errors.json").write_text(json.dumps(errors, indent=2) + "\n", encoding="utf-8")
    options.results.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for name, row in rows.items():
        print(f"{name}: r {row['r']:.3f}, median error {100 * row['median_error']:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label-maps", type=Path, required=True, help="folder of FreeSurfer-coded label maps")
    parser.add_argument("--runs", type=Path, default=Path("runs/vit3d_brain"), help="brains, checkpoints and logs")
    parser.add_argument("--evaluate", action="store_true", help="only measure the preset as it ships")
    parser.add_argument("--smoke", action="store_true", help="a handful of people and steps, nothing published")
    options = parser.parse_args()
    options.preset, options.results = presets.SHIPPED / "vit3d_brain", Path(__file__).with_name("results.json")
    options.people, options.fresh, options.epochs, options.batch_size = 9600, 400, 4, 16
    if options.smoke:
        options.runs /= "smoke"
        options.people, options.fresh, options.epochs, options.batch_size = 16, 8, 1, 4
        options.preset, options.results = options.runs / "preset", options.runs / "results.json"
    if not options.evaluate:
        train(options)
    evaluate(options)


if __name__ == "__main__":
    main()
