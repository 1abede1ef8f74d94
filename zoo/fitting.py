"""Few real people and a way to train: what the recipes of sex and the experiments share."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

import keras_neurovit
from keras_neurovit import cohorts, data, models, presets, training

HOW = {"batch_size": 6, "strength": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0], "views": 7, "version": 2}
"""How everybody is fitted and told; the version is raised whenever the same facts lead to other scores."""


@dataclass(frozen=True)
class Kind:
    """How a model comes to know two classes.

    Args:
        preset: what it starts from.
        pretrained: whether it starts from the preset's weights.
        head: keyword arguments of `models.classifier`; None scores the volumes that the preset measures, and starts
            from their logistic regression.
        epochs: passes over the people.
        peak: highest learning rate.
        augmentation: name of a policy.
        anneal: "cosine" after warm-up over a tenth of the epochs; "constant" has no warm-up either.
        taught: what the backbone learns first, of the same scans or others: column → "classes" or "number".
    """

    preset: str
    pretrained: bool
    head: dict | None
    epochs: int
    peak: float
    augmentation: str = "standard"
    anneal: str = "cosine"
    taught: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Place:
    """Where runs are kept, and whether they are tried only.

    Args:
        runs: folder of all runs and of the cache.
        smoke: one epoch each.
        kept: folder of scores that stay when runs are gone; None for none.
    """

    runs: Path
    smoke: bool = False
    kept: Path | None = None

    @property
    def cache(self) -> Path:
        return self.runs / "cache"


@dataclass(frozen=True)
class Run:
    """Who is learnt from and who is tested on, once.

    Args:
        name: of the run.
        learn: from whom.
        test: on whom.
        rows: their places among all who are tested.
        teachers: real people whose other columns may be learnt first; nobody who is tested.
    """

    name: str
    learn: cohorts.Cohort
    test: cohorts.Cohort
    rows: np.ndarray
    teachers: cohorts.Cohort | None = None


def facts(
    how: Kind,
    start: presets.Preset,
    people: cohorts.Cohort,
    seed: int,
    place: Place,
    teachers: cohorts.Cohort | None = None,
) -> dict:
    """All that a run depends on; what a kind does not ask for is not told."""
    described = json.loads(start.to_json())
    described.pop("augmentation", None)  # the way to train says its own
    if not how.pretrained:
        described = {key: described[key] for key in ("model", "arguments", "volume")}
    plain = {field.name: field.default for field in dataclasses.fields(Kind) if field.name in ("anneal", "taught")}
    asked = {name: value for name, value in dataclasses.asdict(how).items() if plain.get(name, ...) != value}
    if how.taught:
        asked["teachers"] = list(teachers.participants)
    told = {"people": list(people.participants), "scans": len(people), "target": people.target, "labels": people.labels}
    told |= {"seed": seed, "start": described, **asked, **HOW, "smoke": place.smoke}
    return json.loads(json.dumps(told))


def run_folder(name: str, kind: str, told: dict, place: Place) -> Path:
    """Another folder for every other run, so that no scores of an earlier one are taken for its own."""
    text = json.dumps(told, sort_keys=True)
    return place.runs / kind / f"{name}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def fit(
    how: Kind,
    start: presets.Preset,
    people: cohorts.Cohort,
    folder: Path,
    seed: int,
    place: Place,
    teachers: cohorts.Cohort | None = None,
) -> keras.Model:
    """A model of two classes, trained on some people.

    Args:
        how: to train.
        start: the preset behind it.
        people: who is learnt from.
        folder: of the run.
        seed: of weights, order and augmentation.
        place: of the cache.
        teachers: whose columns `how.taught` names; nobody who is tested.
    """
    keras.utils.set_random_seed(seed)
    told = facts(how, start, people, seed, place, teachers)
    common = {"cache": place.cache, "seed": seed, "verbose": False}
    epochs = 1 if place.smoke else how.epochs
    length = {"epochs": epochs, "peak": how.peak, "warmup_epochs": epochs / 10, "anneal": how.anneal}
    if how.anneal == "constant":
        length["warmup_epochs"] = 0
    # Of one epoch, most would be the compiler's.
    length |= {"facts": told, "jit_compile": False if place.smoke else None, "verbose": 0}
    batches = {"batch_size": HOW["batch_size"], "shuffle": True, "augmentation": how.augmentation, **common}
    if how.head is None:
        model = keras_neurovit.from_preset(start, num_classes=2, verbose=False)
        still = data.make_dataset(people, start.volume, **common).map(lambda x, y: x)
        training.probe(model, still, people.targets, strength=HOW["strength"], participants=people.participants)
    else:
        backbone = keras_neurovit.from_preset(start, num_classes=0, load_weights=how.pretrained, verbose=False)
        if how.taught:
            rows, tasks = cohorts.tasks_of(teachers, dict(how.taught))
            lessons = data.make_dataset(teachers, start.volume, targets=rows, **batches)
            training.pretrain(
                backbone, lessons, "supervised", folder=folder / "taught", options={"tasks": tasks}, **length
            )
        model = models.classifier(backbone, 2, **how.head)
    learn = data.make_dataset(people, start.volume, class_weights=people.class_weights(), **batches)
    training.finetune(model, learn, folder=folder, **length)
    return model
