"""How the preset vit3d_sex came to be.

Command:   python zoo/vit3d_sex/train.py --bids DS002748 --runs runs/vit3d_sex
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; no GPU

vit3d_brain fine-tuned on the 72 real brains of OpenNeuro ds002748: first a logistic regression on the volumes that it
measures (the head), then everything at a low rate, with augmentation. Its accuracy comes from 5-fold cross-validation
by person, three times; the weights that ship learnt from all 72. Beside it stand the same ViT from random weights, SFCN
from random weights, and brain volume alone. Killed, it goes on after the last finished fold.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

import keras_neurovit
from keras_neurovit import cohorts, data, evaluation, presets, training, volumes
from keras_neurovit._files import published

SEED, LABELS = 2303, ("F", "M")
KINDS = {
    "vit3d_brain": {"preset": "vit3d_brain", "scratch": False, "epochs": 6, "peak": 2e-5},
    "vit3d_scratch": {"preset": "vit3d_brain", "scratch": True, "epochs": 25, "peak": 1e-4},
    "sfcn_scratch": {"preset": "sfcn_base", "scratch": True, "epochs": 25, "peak": 1e-3},
}


def start(kind: str, options: argparse.Namespace) -> presets.Preset:
    """The preset that one of `KINDS` starts from."""
    name = KINDS[kind]["preset"]
    return presets.load_preset(options.brain if name == "vit3d_brain" else name)


def facts(kind: str, people: cohorts.Cohort, seed: int, options: argparse.Namespace) -> dict:
    """What a run depends on: a folder of another run is refused."""
    weights = start(kind, options).weights
    sha256 = None if KINDS[kind]["scratch"] or weights is None else weights.sha256
    return {"people": list(people.participants), "seed": seed, "kind": kind, "weights": sha256}


def fit(kind: str, people: cohorts.Cohort, folder: Path, seed: int, options: argparse.Namespace) -> keras.Model:
    """One of `KINDS`, trained on some people."""
    how = KINDS[kind]
    keras.utils.set_random_seed(seed)
    described = start(kind, options)
    if how["scratch"]:  # without measured structures there is nothing better than the mean token
        described = dataclasses.replace(described, head={}, labels=())
    model = keras_neurovit.from_preset(described, num_classes=2, load_weights=not how["scratch"], verbose=False)
    common = {"cache": options.runs / "cache", "seed": seed, "verbose": False}
    if not how["scratch"]:
        still = data.make_dataset(people, described.volume, **common).map(lambda x, y: x)
        training.probe(model, still, people.targets, strength=0.1)
    batches = data.make_dataset(
        people,
        described.volume,
        batch_size=6,
        shuffle=True,
        augmentation="standard",
        class_weights=people.class_weights(),
        **common,
    )
    epochs = 1 if options.smoke else how["epochs"]
    training.finetune(
        model, batches, folder=folder, epochs=epochs, peak=how["peak"], warmup_epochs=epochs / 10,
        facts=facts(kind, people, seed, options), jit_compile=False, verbose=0,
    )  # fmt: skip
    return model


def cross_validate(kind: str, cohort: cohorts.Cohort, options: argparse.Namespace) -> np.ndarray:
    """Held-out P(M) of everybody, once for each repetition. Shape: → (repetition, person)"""
    scores = np.full((options.repetitions, len(cohort)), np.nan)
    contract = start(kind, options).volume
    for repetition in range(options.repetitions):
        folds = StratifiedKFold(options.folds, shuffle=True, random_state=SEED + repetition)
        for number, (train, test) in enumerate(folds.split(cohort.targets, cohort.targets)):
            weights = facts(kind, cohort, SEED, options)["weights"] or "scratch"
            folder = options.runs / kind / weights[:8] / f"{repetition}_{number}"
            done = folder / "scores.npy"
            if not done.exists():
                learn, held_out = cohort.subset(train), cohort.subset(test)
                cohorts.refuse_leak(train=learn, test=held_out)
                model = fit(kind, learn, folder, SEED + repetition, options)
                logits = model.predict(data.make_dataset(held_out, contract, cache=options.runs / "cache"), verbose=0)
                with published(done) as temporary, temporary.open("wb") as stream:
                    np.save(stream, keras.ops.convert_to_numpy(keras.ops.softmax(logits))[:, 1])
                print(f"{kind}: repetition {repetition}, fold {number} done", flush=True)
            scores[repetition, test] = np.load(done)
    return scores


def compare(one: np.ndarray, other: np.ndarray, targets: np.ndarray, draws: int = 4000) -> dict[str, float]:
    """Difference of two models' AUC on the same people, with a paired bootstrap over people."""
    differences = resampled(one, targets, draws) - resampled(other, targets, draws)
    low, high = np.quantile(differences, (0.025, 0.975))
    p = min(1.0, 2 * min((differences <= 0).mean(), (differences >= 0).mean()) + 1 / draws)
    value = mean_auc(one, targets) - mean_auc(other, targets)
    return {"value": float(value), "low": float(low), "high": float(high), "p": float(p), "n": len(targets)}


def resampled(scores: np.ndarray, targets: np.ndarray, draws: int = 4000) -> np.ndarray:
    """`mean_auc` of people drawn with replacement; the same draws for every model. Shape: → (draw,)"""
    random, found = np.random.default_rng(SEED), []
    while len(found) < draws:
        rows = random.integers(0, len(targets), len(targets))
        if 0 < targets[rows].sum() < len(rows):
            found.append(mean_auc(scores[:, rows], targets[rows]))
    return np.asarray(found)


def mean_auc(scores: np.ndarray, targets: np.ndarray) -> float:
    """Mean over repetitions of the AUC of all people's held-out scores."""
    return float(np.mean([roc_auc_score(targets, row) for row in scores]))


def report(cohort: cohorts.Cohort, scores: dict[str, np.ndarray], options: argparse.Namespace) -> dict:
    """What the card quotes: everybody's AUC, strata, and the differences that matter."""
    targets, first = cohort.targets, scores["vit3d_brain"]
    brain = [volumes.brain_volume_ml(volumes.read_scan(path)) for path in cohort.paths]
    scores = {**scores, "brain_volume": np.asarray([brain])}
    test = {}
    for name, rows in scores.items():
        low, high = np.quantile(resampled(rows, targets), (0.025, 0.975))
        test[f"auc_{name}"] = {"value": mean_auc(rows, targets), "low": low, "high": high, "n": len(targets)}
        test[f"auc_{name}"]["by_repetition"] = [float(roc_auc_score(targets, row)) for row in rows]
    old = cohort.ages >= np.median(cohort.ages)
    for name, rows in {"younger_half": ~old, "older_half": old}.items():
        test[f"auc_{name}"] = numbers(evaluation.roc_auc(targets[rows], first.mean(axis=0)[rows]))
    others = [name for name in scores if name != "vit3d_brain"]
    return {
        "learnt_from": f"{len(cohort)} people of OpenNeuro ds002748",
        "tested_on": f"{options.folds}-fold cross-validation by person, {options.repetitions} repetitions",
        "test": test,
        "differences": {f"vit3d_brain - {name}": compare(first, scores[name], targets) for name in others},
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        },
    }


def numbers(estimate: evaluation.Estimate) -> dict[str, float]:
    return {key: getattr(estimate, key) for key in ("value", "low", "high", "n")}


def publish(cohort: cohorts.Cohort, options: argparse.Namespace) -> None:
    """Train on everybody, and save."""
    weights = facts("vit3d_brain", cohort, SEED, options)["weights"]
    model = fit("vit3d_brain", cohort, options.runs / "all" / weights[:8], SEED, options)
    base = start("vit3d_brain", options)
    structures = {key: base.head[key] for key in ("cells", "means", "deviations")}
    described = dataclasses.replace(
        base,
        name="vit3d_sex",
        description="Tiny ViT: sex from a brain-extracted T1, learnt from 72 people after synthetic pre-training.",
        labels=LABELS,
        head={"pooling": "structures", "structures": structures},
    )
    saved = presets.save_to_preset(model, options.preset, described)
    presets.write_golden(saved, volumes.conform(volumes.read_scan(cohort.paths[0]), base.volume))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True, help="folder of OpenNeuro ds002748")
    parser.add_argument("--runs", type=Path, default=Path("runs/vit3d_sex"), help="checkpoints and logs")
    parser.add_argument("--brain", default="vit3d_brain", help="name or folder of the preset to start from")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="which to cross-validate")
    parser.add_argument("--smoke", action="store_true", help="two folds of one epoch, nothing published")
    options = parser.parse_args()
    options.preset, options.results = presets.SHIPPED / "vit3d_sex", Path(__file__).with_name("results.json")
    options.folds, options.repetitions = 5, 3
    if options.smoke:
        options.runs /= "smoke"
        options.folds, options.repetitions = 2, 1
        options.preset, options.results = options.runs / "preset", options.runs / "results.json"
    cohort = cohorts.read_bids(options.bids, "sex", labels=LABELS)
    scores = {kind: cross_validate(kind, cohort, options) for kind in options.kinds}
    if "vit3d_brain" in scores:
        publish(cohort, options)
        found = report(cohort, scores, options)
        options.results.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        for name, row in {**found["test"], **found["differences"]}.items():
            print(f"{name}: {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]")


if __name__ == "__main__":
    main()
