"""Sex from the 72 real brains of OpenNeuro ds002748: cross-validation, and what a preset is worth beside others."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from reports import bootstrap, draw_failures, need_extras, publish
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

import keras_neurovit
from keras_neurovit import cohorts, data, models, presets, training, volumes
from keras_neurovit._files import published
from keras_neurovit.volumes.likeness import scan_hash

SEED, LABELS, STUDY = 2303, ("F", "M"), "OpenNeuro ds002748"
HOW = {"batch_size": 6, "augmentation": "standard", "strength": 0.1}


@dataclass(frozen=True)
class Kind:
    """How a model comes to know the sexes.

    Args:
        preset: what it starts from.
        pretrained: whether it starts from the preset's weights.
        head: keyword arguments of `models.classifier`; None scores the volumes that the preset measures, and starts
            from their logistic regression.
        epochs: passes over the people.
        peak: highest learning rate.
    """

    preset: str
    pretrained: bool
    head: dict | None
    epochs: int
    peak: float


KINDS = {
    "vit3d_brain": Kind("vit3d_brain", True, None, 6, 2e-5),
    "vit3d_scratch": Kind("vit3d_brain", False, {"pooling": "mean"}, 25, 1e-4),
    "sfcn_scratch": Kind("sfcn_base", False, {"pooling": "mean", "dropout": 0.5}, 25, 1e-3),
    "minit3d_measure": Kind("minit3d_measure", True, {"pooling": "blocks"}, 25, 1e-4),
    "minit3d_scratch": Kind("minit3d_tiny", False, {"pooling": "blocks"}, 25, 3e-4),
}


def start(kind: str, options: argparse.Namespace) -> presets.Preset:
    """The preset that one of `KINDS` starts from; `options.starts` tells the folders of those that do not ship."""
    name = KINDS[kind].preset
    described = presets.load_preset(options.starts.get(name, name))
    # The skulls of these people are off, whatever was learnt from before.
    return dataclasses.replace(described, volume=dataclasses.replace(described.volume, brain_extracted=True))


def facts(kind: str, people: cohorts.Cohort, seed: int, options: argparse.Namespace) -> dict:
    """All that a run depends on."""
    described = json.loads(start(kind, options).to_json())
    if not KINDS[kind].pretrained:
        described = {key: described[key] for key in ("model", "arguments", "volume")}
    return {
        "people": list(people.participants),
        "seed": seed,
        "start": described,
        **dataclasses.asdict(KINDS[kind]),
        **HOW,
        "smoke": options.smoke,
    }


def run_folder(name: str, kind: str, people: cohorts.Cohort, seed: int, options: argparse.Namespace) -> Path:
    """Another folder for every other run, so that no scores of an earlier one are taken for its own."""
    text = json.dumps(facts(kind, people, seed, options), sort_keys=True)
    return options.runs / kind / f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def fit(kind: str, people: cohorts.Cohort, folder: Path, seed: int, options: argparse.Namespace) -> keras.Model:
    """One of `KINDS`, trained on some people."""
    how, described = KINDS[kind], start(kind, options)
    keras.utils.set_random_seed(seed)
    common = {"cache": options.runs / "cache", "seed": seed, "verbose": False}
    if how.head is None:
        model = keras_neurovit.from_preset(described, num_classes=2, verbose=False)
        still = data.make_dataset(people, described.volume, **common).map(lambda x, y: x)
        training.probe(model, still, people.targets, strength=HOW["strength"])
    else:
        backbone = keras_neurovit.from_preset(described, num_classes=0, load_weights=how.pretrained, verbose=False)
        model = models.classifier(backbone, 2, **how.head)
    batches = data.make_dataset(
        people,
        described.volume,
        batch_size=HOW["batch_size"],
        shuffle=True,
        augmentation=HOW["augmentation"],
        class_weights=people.class_weights(),
        **common,
    )
    epochs = 1 if options.smoke else how.epochs
    training.finetune(
        model,
        batches,
        folder=folder,
        epochs=epochs,
        peak=how.peak,
        warmup_epochs=epochs / 10,
        facts=facts(kind, people, seed, options),
        jit_compile=False,
        verbose=0,
    )
    return model


def cross_validate(kind: str, options: argparse.Namespace) -> np.ndarray:
    """Held-out P(M) of everybody, once for each repetition. Shape: → (repetition, person)"""
    cohort, contract = options.cohort, start(kind, options).volume
    scores = np.full((options.repetitions, len(cohort)), np.nan)
    for repetition in range(options.repetitions):
        folds = StratifiedKFold(options.folds, shuffle=True, random_state=SEED + repetition)
        for number, (train, test) in enumerate(folds.split(cohort.targets, cohort.targets)):
            learn, held_out, seed = cohort.subset(train), cohort.subset(test), SEED + repetition
            folder = run_folder(f"{repetition}_{number}", kind, learn, seed, options)
            done = folder / "scores.npy"
            if not done.exists():
                cohorts.refuse_leak(train=learn, test=held_out)
                model = fit(kind, learn, folder, seed, options)
                logits = model.predict(data.make_dataset(held_out, contract, cache=options.runs / "cache"), verbose=0)
                with published(done) as temporary, temporary.open("wb") as stream:
                    np.save(stream, keras.ops.convert_to_numpy(keras.ops.softmax(logits))[:, 1])
                print(f"{kind}: repetition {repetition}, fold {number} done", flush=True)
            scores[repetition, test] = np.load(done)
    return scores


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


def estimate(value: float, drawn: np.ndarray, n: int) -> dict[str, float]:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": value, "low": float(low), "high": float(high), "n": n}


def report(kinds: list[str], options: argparse.Namespace) -> dict:
    """What the card quotes: everybody's AUC, strata, and how the first kind differs from the others."""
    cohort, targets, n = options.cohort, options.cohort.targets, len(options.cohort)
    scores = {kind: cross_validate(kind, options) for kind in kinds}
    first, others = scores[kinds[0]], [*kinds[1:], "brain_volume"]
    scores["brain_volume"] = np.asarray([[volumes.brain_volume_ml(volumes.read_scan(path)) for path in cohort.paths]])
    drawn = {name: resampled(rows, targets) for name, rows in scores.items()}
    test = {f"auc_{name}": estimate(mean_auc(rows, targets), drawn[name], n) for name, rows in scores.items()}
    for name, rows in scores.items():
        test[f"auc_{name}"]["by_repetition"] = [float(roc_auc_score(targets, row)) for row in rows]
    old = cohort.ages >= np.median(cohort.ages)
    for name, rows in {"younger_half": ~old, "older_half": old}.items():
        own, labels = first[:, rows], targets[rows]
        test[f"auc_{name}"] = estimate(mean_auc(own, labels), resampled(own, labels), int(rows.sum()))
    differences = {}
    for name in others:
        difference = drawn[kinds[0]] - drawn[name]
        p = min(1.0, 2 * min((difference <= 0).mean(), (difference >= 0).mean()) + 1 / len(difference))
        value = test[f"auc_{kinds[0]}"]["value"] - test[f"auc_{name}"]["value"]
        differences[f"{kinds[0]} - {name}"] = {**estimate(value, difference, n), "p": float(p)}
    misjudged, shown = misjudge(first, cohort)
    draw_failures(options.results, shown, start(kinds[0], options).volume)
    for place, label in enumerate(LABELS):
        right = ((first > 0.5) == (targets == 1)).mean(axis=0)[targets == place]
        test[f"right_{label}"] = bootstrap(np.mean, right)
    return {
        "learnt_from": f"{n} people of {STUDY}",
        "tested_on": f"{options.folds}-fold cross-validation by person, {options.repetitions} repetitions",
        "test": test,
        "differences": differences,
        "misjudged": misjudged,
    }


def misjudge(scores: np.ndarray, cohort: cohorts.Cohort) -> tuple[list[dict], dict[str, Path]]:
    """People who were taken for the other sex most surely while their fold was held out, and titles of their scans."""
    mean, rows, shown = scores.mean(axis=0), [], {}
    for i in np.argsort(-np.abs(cohort.targets - mean))[:3]:
        person, sex = str(cohort.participants[i]), LABELS[cohort.targets[i]]
        rows.append({"participant": person, "sex": sex, "P_M": float(mean[i])})
        shown["{participant}, {sex}: P(M) {P_M:.2f}".format(**rows[-1])] = cohort.paths[i]
    return rows, shown


def arguments(description: str) -> argparse.ArgumentParser:
    """What the recipes of sex have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True, help="folder of OpenNeuro ds002748")
    parser.add_argument("--smoke", action="store_true", help="two folds of one epoch, nothing published")
    return parser


def settle(options: argparse.Namespace, name: str) -> None:
    """Add what follows from the options: the people, how often they are split, and where results go."""
    options.preset, options.results = presets.SHIPPED / name, Path(__file__).parent / name / "results.json"
    options.folds, options.repetitions = 5, 3
    if options.smoke:
        options.runs /= "smoke"
        options.folds, options.repetitions = 2, 1
        options.preset, options.results = options.runs / "preset", options.runs / "results.json"
    need_extras()
    options.cohort = cohorts.read_bids(options.bids, "sex", labels=LABELS)


def ship(kind: str, description: str, head: dict, options: argparse.Namespace) -> None:
    """Train on everybody, and save."""
    base = start(kind, options)
    folder = run_folder("all", kind, options.cohort, SEED, options)
    described = dataclasses.replace(
        base,
        name=options.preset.name,
        description=description,
        labels=LABELS,
        head=head,
        citation=f"{base.citation} Scans: Bezmaternykh et al., OpenNeuro ds002748 (CC0).",
    )
    scans = [volumes.read_scan(path) for path in options.cohort.paths]
    # By their scans, not their numbers: "01" is somebody in every study.
    people = [presets.know((), STUDY, [scan_hash(scan) for scan in scans])]
    model = fit(kind, options.cohort, folder, SEED, options)
    learnt_from = [volumes.conform(scan, described.volume) for scan in scans]
    publish(model, options.preset, described, learnt_from, people)
