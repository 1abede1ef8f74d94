"""How the preset vit3d_ad came to be.

Command:   python zoo/vit3d_ad/train.py --runs runs/vit3d_ad        (--evaluate: only measure what ships)
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; no GPU
Time:      about 75 minutes
Result:    results.json beside this file, which the run writes

A tiny vit3d learns first to read volumes (both hippocampi, ventricles, grey matter, brain: the truth of synthetic
people), then to tell CN from AD, on a cohort of synthetic people with imposed atrophy. Killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from pathlib import Path

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import keras_neurovit
from keras_neurovit import cohorts, data, evaluation, models, presets, synthesis, training, volumes

SEED = 2303
TRUTHS = ("hippocampus_left", "hippocampus_right", "ventricles", "grey", "brain")
CITATION = "Dhinagar et al. 2023, arXiv 2303.08216; templates: Fonov et al. 2009, NeuroImage 47 S102."


def truths(cohort: cohorts.Cohort) -> np.ndarray:
    """Logarithms of the true volumes; the brain's apart, relative to the brain's. Shape: → (scan, truth)"""
    logs = np.log(np.stack([cohort.column(f"{name}_mm3", float) for name in TRUTHS], axis=1))
    logs[:, :-1] -= logs[:, -1:]
    return logs.astype("float32")


def read(folder: Path, people: int, seed: int) -> cohorts.Cohort:
    """The synthetic cohort in a folder, written first where it is missing."""
    return cohorts.read_bids(synthesis.write_demo_cohort(folder, people, seed), "diagnosis", labels=("CN", "AD"))


def train(options: argparse.Namespace) -> None:
    """Learn volumes, then the diagnosis, and save the preset."""
    keras.utils.set_random_seed(SEED)
    base = presets.load_preset("vit3d_tiny")
    cohort = read(options.runs / "cohort", options.people, SEED)
    # The people left over stay unseen; what is reported comes from people of another seed.
    train, validation, _ = cohort.split(fractions=(0.75, 0.1, 0.15), seed=SEED)

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
            epochs=options.epochs[0],
            peak=5e-4,
            warmup_epochs=1.5,
            loss="mse",
            verbose=2,
        )
        backbone.save_weights(measured)
    backbone.load_weights(measured)
    model = models.classifier(backbone, 2, **base.head)
    training.finetune(
        model,
        batches(train, shuffle=True, augmentation="light"),
        batches(validation),
        folder=options.runs / "2_classify",
        epochs=options.epochs[1],
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


def evaluate(options: argparse.Namespace) -> None:
    """Measure what ships, half-precision weights read back, on people of another seed than any it learnt from."""
    learnt = read(options.runs / "cohort", options.people, SEED)
    fresh = read(options.runs / "fresh", options.fresh, SEED + 1)
    model = keras_neurovit.from_preset(options.preset)
    batches = data.make_dataset(fresh, presets.load_preset(options.preset).volume, cache=options.runs / "cache")
    logits = model.predict(batches, verbose=0)
    scaler = StandardScaler().fit(truths(learnt))
    best = LogisticRegression().fit(scaler.transform(truths(learnt)), learnt.targets)
    scores = {
        "auc": keras.ops.convert_to_numpy(keras.ops.softmax(logits))[:, 1],
        "auc_true_volumes": best.predict_proba(scaler.transform(truths(fresh)))[:, 1],
    }
    estimates = {name: evaluation.roc_auc(fresh.targets, score) for name, score in scores.items()}
    brain = [side.column("brain_mm3", float) for side in (learnt, fresh)]
    estimates["auc_brain_volume"] = evaluation.scalar_baseline(brain[0], learnt.targets, brain[1], fresh.targets)
    strata = {"F": fresh.where("sex", "F"), "M": fresh.where("sex", "M")}
    for name, people in strata.items():
        inside = np.isin(fresh.participants, people.participants)
        estimates[f"auc_sex_{name}"] = evaluation.roc_auc(fresh.targets[inside], scores["auc"][inside])
    old = fresh.ages >= 74
    estimates["auc_age_under_74"] = evaluation.roc_auc(fresh.targets[~old], scores["auc"][~old])
    estimates["auc_age_74_and_over"] = evaluation.roc_auc(fresh.targets[old], scores["auc"][old])
    report = {
        "learnt_from": f"write_demo_cohort(people={options.people}, seed={SEED})",
        "tested_on": f"write_demo_cohort(people={options.fresh}, seed={SEED + 1})",
        "test": {
            name: {key: getattr(e, key) for key in ("value", "low", "high", "n")} for name, e in estimates.items()
        },
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        },
    }
    options.results.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    for name, estimate in estimates.items():
        print(f"{name}: {estimate}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs/vit3d_ad"), help="cohorts, checkpoints and logs")
    parser.add_argument("--evaluate", action="store_true", help="only measure the preset as it ships")
    parser.add_argument("--smoke", action="store_true", help="a handful of people and steps, nothing published")
    options = parser.parse_args()
    options.preset, options.results = presets.SHIPPED / "vit3d_ad", Path(__file__).with_name("results.json")
    options.people, options.fresh, options.epochs = 600, 200, (16, 6)
    if options.smoke:
        options.people, options.fresh, options.epochs = 24, 24, (1, 1)
        options.preset, options.results = options.runs / "preset", options.runs / "results.json"
    if not options.evaluate:
        train(options)
    evaluate(options)


if __name__ == "__main__":
    main()
