"""Synthetic people with Alzheimer's disease as imposed, and without; and what a preset that tells them is worth."""

from __future__ import annotations

import argparse
import dataclasses
import functools
from pathlib import Path

import keras
import numpy as np
from ageing import aged
from brains import HELD_OUT, MIRRORED, Brains, split_label_maps, write_brains
from measuring import CELL, MOST_MOVED, PARTS
from reports import draw_failures, need_extras, numbers
from scipy import stats
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import keras_neurovit
from keras_neurovit import data, evaluation, predict_scans, presets, synthesis, training, volumes

SEED, LABELS = 2303, ("CN", "AD")
AGED = (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Severities imposed on real scans; what is below 0 is younger than the scan."""


def population(people: int, seed: int) -> list[synthesis.Person]:
    return synthesis.draw_population(people, seed, diagnoses=LABELS)


def write_people(options: argparse.Namespace) -> tuple[Path, Path]:
    """Folders of the people to learn from, and of those to be tested on."""
    learn, test = split_label_maps(options.label_maps)
    sides = (("learn", learn, options.people, SEED, 2), ("test", test, options.fresh, SEED + 1, 1))
    for name, maps, people, seed, contrasts in sides:
        make = maker(maps, population(people, seed), options.contract, contrasts)
        facts = {
            "label_maps": [m.name for m in maps],
            "seed": seed,
            "contract": options.contract.to_dict(),
            "cell": CELL,
        }
        write_brains(options.people_folder / name, people, make, facts, contrasts)
    return options.people_folder / "learn", options.people_folder / "test"


def maker(maps: list[Path], people: list[synthesis.Person], contract: volumes.VolumeContract, contrasts: int):
    """From places of people to their brains, without skulls, coloured like a T1."""

    @functools.cache
    def ready() -> tuple[synthesis.BrainFactory, synthesis.Anatomies]:
        anatomies = synthesis.load_anatomies(maps)
        generator = synthesis.BrainGenerator(
            anatomies, contract.shape, contract.spacing_mm[0], cell=CELL, t1_share=1.0, stripped_share=1.0
        )
        return synthesis.BrainFactory(generator), anatomies

    return lambda places: synthesis.make_people(*ready(), [people[place] for place in places], contrasts)


def targets(people: int) -> np.ndarray:
    return np.arange(people) % len(LABELS)  # as `draw_population` takes turns


def by_true_volumes(truth: np.ndarray, sick: np.ndarray) -> Pipeline:
    """Logistic regression of the disease on true volumes in mm³: the best that can be known; both sides count alike."""
    logarithms = FunctionTransformer(lambda mm3: np.log(mm3 + 1.0))  # a structure of no volume has one too
    best = make_pipeline(logarithms, StandardScaler(), LogisticRegression(max_iter=5000))
    return best.fit(np.concatenate([truth, truth[:, MIRRORED]]), np.tile(sick, 2))


def tell(
    measured: presets.Preset,
    learn: Path,
    test: Path,
    options: argparse.Namespace,
    *,
    batch_size: int,
    passes: int,
    peak: float,
) -> keras.Model:
    """A classifier of the volumes that a preset measures: their logistic regression first, then everything learns the
    probabilities of the classes that people's true volumes give.

    These say more of a brain than the diagnosis does: no volumes tell the sick from the healthy for sure.

    Args:
        measured: the preset.
        learn: folder of the people to learn from.
        test: folder of those that are watched.
        options: from `settle`.
        batch_size: scans a step.
        passes: how often each scan is seen.
        peak: highest learning rate.
    """
    model = keras_neurovit.from_preset(measured, num_classes=len(LABELS))
    sick = targets(options.people)
    still = Brains(learn, options.batch_size, targets=sick)
    training.probe(model, still, np.repeat(sick, still.contrasts), strength=0.1)
    how = {"seed": SEED, "parts": PARTS, "most_moved": MOST_MOVED}
    train, watched = Brains(learn, batch_size, **how), Brains(test, batch_size)
    best = by_true_volumes(train.truth, sick)
    for people in (train, watched):
        people.targets = best.predict_proba(people.truth).astype("float32")
    training.finetune(
        model,
        data.read_ahead(train),
        data.read_ahead(watched),
        folder=options.runs / "tell",
        epochs=PARTS * passes,
        warmup_epochs=1,
        peak=peak,
        facts={"brains": train.claim, "batch_size": batch_size, "weights": measured.weights.sha256, **how},
        verbose=2,
    )
    return model


def on_synthetic_people(options: argparse.Namespace) -> dict[str, dict]:
    """AUC of what ships, half-precision weights read back, beside what the true volumes allow."""
    folders = write_people(options)
    learn, test = (Brains(folder, options.batch_size) for folder in folders)
    batches = Brains(folders[1], options.batch_size, targets=targets(options.fresh))
    people, sick = population(options.fresh, SEED + 1), targets(options.fresh)
    preset = presets.load_preset(options.preset)
    score = presets.probabilities_of(keras_neurovit.from_preset(preset, verbose=False), batches, preset.views)[:, 1]
    allowed = by_true_volumes(learn.truth, targets(options.people)).predict_proba(test.truth)[:, 1]
    tissue = [synthesis.STRUCTURES.index(part) for part in dict(synthesis.sums_of_structures())["brain"]]
    brain = [side.truth[:, tissue].sum(axis=1) for side in (learn, test)]
    found = {
        "auc": evaluation.roc_auc(sick, score),
        "auc_true_volumes": evaluation.roc_auc(sick, allowed),
        "auc_brain_volume": evaluation.scalar_baseline(brain[0], targets(options.people), brain[1], sick),
    }
    women, old = np.array([p.sex == "F" for p in people]), np.array([p.age >= 75 for p in people])
    strata = {"women": women, "men": ~women, "under_75_years": ~old, "75_years_and_over": old}
    for name, rows in strata.items():
        found[f"auc_{name}"] = evaluation.roc_auc(sick[rows], score[rows])
    curves = {"this model": (sick, score), "true volumes": (sick, allowed), "true brain volume": (sick, -brain[1])}
    evaluation.figures.roc_figure(options.results.with_name("roc.png"), curves)
    shown = {f"sub-{p.participant} {p.diagnosis}": v for p, v in zip(people[:4], test.volumes[:4], strict=True)}
    spacing = options.contract.spacing_mm
    evaluation.figures.slices_figure(options.results.with_name("slices.png"), shown, spacing_mm=spacing)
    return {name: numbers(estimate) for name, estimate in found.items()}


def on_real_people(options: argparse.Namespace) -> dict:
    """P(AD) of real adults without dementia, and how its logit moves when their scans are aged by a warp."""
    results = predict_scans([options.bids], options.preset)
    p = np.array([result["probabilities"]["AD"] for result in results])
    preset = presets.load_preset(options.preset)
    model = keras_neurovit.from_preset(preset, verbose=False)
    curves = {}
    for result in results[:: max(len(results) // options.aged, 1)][: options.aged]:
        scan = volumes.read_scan(result["path"])
        warped = np.stack([volumes.conform(aged(scan, severity), options.contract) for severity in AGED])
        curves[Path(result["path"]).name] = logit(presets.probabilities_of(model, [(warped,)], preset.views)[:, 1])
    return {
        "people": len(p),
        "called_AD": int((p > 0.5).sum()),
        "median_P_AD": float(np.median(p)),
        "highest_P_AD": {Path(results[i]["path"]).name: float(p[i]) for i in np.argsort(-p)[:4]},
        "aged": {
            "severities": AGED,
            "scans": len(curves),
            "rising": sum(bool(np.all(np.diff(curve) > 0)) for curve in curves.values()),
            "logits": {name: curve.round(4).tolist() for name, curve in curves.items()},
        },
    }


def report(options: argparse.Namespace) -> dict:
    """What the card quotes; and a picture of the real scans that look most ill to the model."""
    found = {
        "learnt_from": f"{options.people} synthetic people with two scans each, seed {SEED}",
        "tested_on": f"{options.fresh} synthetic people from {len(HELD_OUT)} label maps that were not learnt from",
        "test": on_synthetic_people(options),
        "real": on_real_people(options),
    }
    called, people = found["real"]["called_AD"], found["real"]["people"]
    interval = stats.binomtest(called, people).proportion_ci(0.95, "exact")
    found["test"]["share_of_real_adults_called_AD"] = {
        "value": called / people,
        "low": float(interval.low),
        "high": float(interval.high),
        "n": people,
    }
    shown = {}
    for name, p in list(found["real"]["highest_P_AD"].items())[:3]:
        (shown[f"{name.split('_')[0]}: P(AD) {p:.2f}"],) = options.bids.glob(f"sub-*/anat/{name}")
    draw_failures(options.results, shown, options.contract)
    return found


def arguments(description: str, name: str) -> argparse.ArgumentParser:
    """What the recipes of Alzheimer's disease have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label-maps", type=Path, required=True, help="folder of SynthSeg's label maps")
    parser.add_argument("--bids", type=Path, required=True, help="folder of OpenNeuro ds002748, to measure real people")
    parser.add_argument("--people-folder", type=Path, default=Path("runs/ad_people"), help="of synthetic people")
    parser.add_argument("--runs", type=Path, default=Path("runs") / name, help="checkpoints and logs")
    parser.add_argument("--evaluate", action="store_true", help="only measure the preset as it ships")
    parser.add_argument("--smoke", action="store_true", help="a handful of people and steps, nothing published")
    return parser


def settle(options: argparse.Namespace, name: str, base: presets.Preset) -> None:
    """Add what follows from the options: how many people, and where results go."""
    need_extras()
    options.preset, options.results = presets.SHIPPED / name, Path(__file__).parent / name / "results.json"
    options.people, options.fresh, options.batch_size, options.aged = 2000, 600, 16, 12
    if options.smoke:
        options.runs, options.people_folder = options.runs / "smoke", options.people_folder / "smoke"
        options.people, options.fresh, options.batch_size, options.aged = 16, 16, 4, 1
        options.preset, options.results = options.runs / "preset", options.runs / "results.json"
    options.contract = dataclasses.replace(base.volume, brain_extracted=True)
