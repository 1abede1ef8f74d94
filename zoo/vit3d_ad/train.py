"""How the preset vit3d_ad came to be.

Command:   python zoo/vit3d_ad/train.py --runs runs/vit3d_ad
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; no GPU
Result:    results.json beside this file, which the run writes

A tiny vit3d learns first to read volumes (both hippocampi, ventricles, grey matter, brain: the truth of synthetic
people), then to tell CN from AD, on a cohort of synthetic people with imposed atrophy. Killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import time
from pathlib import Path

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import keras_neurovit
from keras_neurovit import cohorts, data, evaluation, models, presets, synthesis, training, volumes

SEED, PEOPLE = 2303, 600
TRUTHS = ("hippocampus_left", "hippocampus_right", "ventricles", "grey", "brain")
CITATION = "Dhinagar et al. 2023, arXiv 2303.08216; templates: Fonov et al. 2009, NeuroImage 47 S102."


def truths(cohort: cohorts.Cohort) -> np.ndarray:
    """Logarithms of the true volumes; the brain's apart, relative to the brain's. Shape: → (scan, truth)"""
    volumes = np.log(np.stack([cohort.column(f"{name}_mm3", float) for name in TRUTHS], axis=1))
    volumes[:, :-1] -= volumes[:, -1:]
    return volumes.astype("float32")


def scores(model: keras.Model, dataset) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(dataset, verbose=0)))[:, 1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/vit3d_ad"), help="cohort, checkpoints and logs")
    parser.add_argument("--preset", type=Path, default=presets.SHIPPED / "vit3d_ad", help="where the preset goes")
    parser.add_argument("--epochs", type=int, nargs=2, default=(16, 6), help="of the two steps")
    parser.add_argument("--smoke", action="store_true", help="a handful of people and steps, nothing published")
    options = parser.parse_args()
    people, epochs, results = PEOPLE, options.epochs, Path(__file__).with_name("results.json")
    if options.smoke:
        people, epochs, results = 24, (1, 1), options.runs / "results.json"
        options.preset = options.runs / "preset"
    started = time.perf_counter()
    keras.utils.set_random_seed(SEED)

    base = presets.load_preset("vit3d_tiny")
    folder = synthesis.write_demo_cohort(options.runs / "cohort", people, SEED)
    cohort = cohorts.read_bids(folder, "diagnosis", labels=("CN", "AD"))
    train, validation, test = cohort.split(fractions=(0.75, 0.1, 0.15), seed=SEED)

    def batches(side, **how):
        return data.make_dataset(side, base.volume, batch_size=6, cache=options.runs / "cache", seed=SEED, **how)

    backbone = keras_neurovit.from_preset(base, num_classes=0, load_weights=False)
    scaler = StandardScaler().fit(truths(train))
    measured = options.runs / "measured.weights.h5"
    if not measured.exists():
        training.finetune(
            models.classifier(backbone, len(TRUTHS), name="measures"),
            batches(train, shuffle=True, augmentation="light", targets=scaler.transform(truths(train))),
            batches(validation, targets=scaler.transform(truths(validation))),
            folder=options.runs / "1_measure",
            epochs=epochs[0],
            peak=5e-4,
            warmup_epochs=1.5,
            loss="mse",
            verbose=2,
        )
        backbone.save_weights(measured)
    backbone.load_weights(measured)
    model = models.classifier(backbone, 2, **base.head)
    history = training.finetune(
        model,
        batches(train, shuffle=True, augmentation="light"),
        batches(validation),
        folder=options.runs / "2_classify",
        epochs=epochs[1],
        peak=1.5e-4,
        warmup_epochs=0.5,
        verbose=2,
    )

    described = dataclasses.replace(
        base,
        name="vit3d_ad",
        description="Tiny ViT: imposed Alzheimer-like atrophy against none, learnt on synthetic T1; not for patients.",
        labels=cohort.labels,
        citation=CITATION,
    )
    saved = presets.save_to_preset(model, options.preset, described)
    presets.write_golden(saved, volumes.conform(volumes.read_scan(synthesis.icbm152_t1()), base.volume))
    published = keras_neurovit.from_preset(saved)  # what is measured is what ships: half-precision weights, read back
    oracle = LogisticRegression().fit(scaler.transform(truths(train)), train.targets)
    true_scores = oracle.predict_proba(scaler.transform(truths(test)))[:, 1]
    brain = [side.column("brain_mm3", float) for side in (train, test)]
    estimates = {
        "auc": evaluation.roc_auc(test.targets, scores(published, batches(test))),
        "auc_true_volumes": evaluation.roc_auc(test.targets, true_scores),
        "auc_brain_volume": evaluation.scalar_baseline(brain[0], train.targets, brain[1], test.targets),
    }
    report = {
        "cohort": f"write_demo_cohort(people={people}, seed={SEED})",
        "people": {"train": len(train), "validation": len(validation), "test": len(test)},
        "test": {
            name: {key: getattr(e, key) for key in ("value", "low", "high", "n")} for name, e in estimates.items()
        },
        "validation_loss": history[-1]["val_loss"],
        "epochs": list(epochs),
        "seconds_this_run": round(time.perf_counter() - started),
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        },
    }
    results.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for name, estimate in estimates.items():
        print(f"{name}: {estimate}")


if __name__ == "__main__":
    main()
