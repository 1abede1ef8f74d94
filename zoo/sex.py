"""Sex from the 72 real brains of OpenNeuro ds002748: cross-validation, and what a preset is worth beside others."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
from fitting import HOW, Kind, Place, Run, facts, fit, run_folder
from held_out import KEPT, folds_of, held_out_scores
from reports import bootstrap, draw_failures, need_extras, publish
from scored import Scored, difference, gathered

from keras_neurovit import cohorts, presets, volumes
from keras_neurovit.volumes.likeness import scan_hash

SEED, LABELS, STUDY = 2303, ("F", "M"), "OpenNeuro ds002748"


KINDS = {
    "vit3d_brain": Kind("vit3d_brain", True, None, 6, 2e-5),
    "vit3d_scratch": Kind("vit3d_brain", False, {"pooling": "mean"}, 25, 1e-4),
    "sfcn_scratch": Kind("sfcn_base", False, {"pooling": "mean", "dropout": 0.5}, 25, 1e-3),
    "minit3d_measure": Kind("minit3d_measure", True, None, 6, 2e-5),
    "minit3d_scratch": Kind("minit3d_tiny", False, {"pooling": "blocks"}, 25, 3e-4),
}


def start(kind: str, options: argparse.Namespace) -> presets.Preset:
    """The preset that one of `KINDS` starts from; `options.starts` tells the folders of those that do not ship."""
    name = KINDS[kind].preset
    described = presets.load_preset(options.starts.get(name, name))
    # The skulls of these people are off, whatever was learnt from before.
    return dataclasses.replace(described, volume=dataclasses.replace(described.volume, brain_extracted=True))


def cross_validate(kind: str, options: argparse.Namespace) -> Scored:
    """Held-out P(M) of everybody, once for each repetition."""
    cohort, runs = options.cohort, []
    for repetition in range(options.repetitions):
        seed = SEED + repetition
        runs.append([])
        for number, (train, test) in enumerate(folds_of(cohort, options.folds, seed)):
            run = Run(f"{repetition}_{number}", cohort.subset(train), cohort.subset(test), test)
            told = held_out_scores(kind, KINDS[kind], start(kind, options), run, seed, options.place)
            runs[-1].append((test, told))
    return gathered(runs, cohort.targets, cohort.participants)


def report(kinds: list[str], options: argparse.Namespace) -> dict:
    """What the card quotes: everybody's AUC, strata, and how the first kind differs from the others."""
    cohort, targets, n = options.cohort, options.cohort.targets, len(options.cohort)
    scored = {kind: cross_validate(kind, options) for kind in kinds}
    first = scored[kinds[0]]
    volume = np.asarray([volumes.brain_volume_ml(volumes.read_scan(path)) for path in cohort.paths])
    scored["brain_volume"] = first.scored_by(volume)
    test = {f"auc_{name}": {**s.estimate(SEED), "by_repetition": s.by_repetition()} for name, s in scored.items()}
    old = cohort.ages >= np.median(cohort.ages)
    for name, rows in {"younger_half": ~old, "older_half": old}.items():
        test[f"auc_{name}"] = first.subset(rows).estimate(SEED)
    differences = {f"{kinds[0]} - {name}": difference(first, s, SEED) for name, s in list(scored.items())[1:]}
    misjudged, shown = misjudge(first.scores, cohort)
    draw_failures(options.results, shown, start(kinds[0], options).volume)
    for place, label in enumerate(LABELS):
        right = ((first.scores > 0.5) == (targets == 1)).mean(axis=0)[targets == place]
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
    options.place = Place(options.runs, options.smoke, KEPT)
    need_extras()
    options.cohort = cohorts.read_bids(options.bids, "sex", labels=LABELS)


def ship(kind: str, description: str, options: argparse.Namespace) -> None:
    """Train one of `KINDS` that score what they measure on everybody, and save."""
    base = start(kind, options)
    described = dataclasses.replace(
        base,
        name=options.preset.name,
        description=description,
        labels=LABELS,
        head=base.class_head,
        views=HOW["views"],
        augmentation=KINDS[kind].augmentation,
        citation=f"{base.citation} Scans: Bezmaternykh et al., OpenNeuro ds002748 (CC0).",
    )
    scans = [volumes.read_scan(path) for path in options.cohort.paths]
    # By their scans, not their numbers: "01" is somebody in every study.
    people = [presets.know((), STUDY, [scan_hash(scan) for scan in scans])]
    told = facts(KINDS[kind], base, options.cohort, SEED, options.place)
    folder = run_folder("all", kind, told, options.place)
    model = fit(KINDS[kind], base, options.cohort, folder, SEED, options.place)
    learnt_from = [volumes.conform(scan, described.volume) for scan in scans]
    publish(model, options.preset, described, learnt_from, people)
