"""Few real people, a way to train, held-out scores of everybody: what the recipes of sex and the experiments share."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

import keras_neurovit
from keras_neurovit import cohorts, data, models, presets, training
from keras_neurovit._files import published

HOW = {"batch_size": 6, "strength": 0.1}


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
    """

    runs: Path
    smoke: bool = False

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
    if not how.pretrained:
        described = {key: described[key] for key in ("model", "arguments", "volume")}
    plain = {field.name: field.default for field in dataclasses.fields(Kind) if field.name in ("anneal", "taught")}
    asked = {name: value for name, value in dataclasses.asdict(how).items() if plain.get(name, ...) != value}
    if how.taught:
        asked["teachers"] = list(teachers.participants)
    told = {"people": list(people.participants), "seed": seed, "start": described, **asked, **HOW, "smoke": place.smoke}
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
    length |= {"facts": told, "jit_compile": False, "verbose": 0}
    batches = {"batch_size": HOW["batch_size"], "shuffle": True, "augmentation": how.augmentation, **common}
    if how.head is None:
        model = keras_neurovit.from_preset(start, num_classes=2, verbose=False)
        still = data.make_dataset(people, start.volume, **common).map(lambda x, y: x)
        training.probe(model, still, people.targets, strength=HOW["strength"])
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


def scores_file(kind: str, how: Kind, start: presets.Preset, run: Run, seed: int, place: Place) -> Path:
    """Where the held-out scores of a run are, once it is done; arguments as for `held_out_scores`."""
    return run_folder(run.name, kind, facts(how, start, run.learn, seed, place, run.teachers), place) / "scores.npy"


def held_out_scores(kind: str, how: Kind, start: presets.Preset, run: Run, seed: int, place: Place) -> np.ndarray:
    """Probability of the second class for all whom one run is tested on; read back where the run is done.

    Shape: → (scan,)

    Args:
        kind: name of a way to train, and of the folder of its runs.
        how: the way.
        start: the preset behind it.
        run: who is learnt from and tested on.
        seed: of weights, order and augmentation.
        place: of the runs.
    """
    done = scores_file(kind, how, start, run, seed, place)
    if not done.exists():
        cohorts.refuse_leak(train=run.learn, test=run.test)
        if how.taught:
            cohorts.refuse_leak(train=run.teachers, test=run.test)
        model = fit(how, start, run.learn, done.parent, seed, place, run.teachers)
        batches = data.make_dataset(run.test, start.volume, cache=place.cache, verbose=False)
        logits = model.predict(batches, verbose=0)
        with published(done) as temporary, temporary.open("wb") as stream:
            np.save(stream, keras.ops.convert_to_numpy(keras.ops.softmax(logits))[:, 1])
        print(f"{kind}: {run.name} done", flush=True)
        keras.utils.clear_session()
    return np.load(done)


def mean_auc(scores: np.ndarray, targets: np.ndarray) -> float:
    """Mean over repetitions of the AUC of all people's held-out scores. Shape: (repetition, person) → scalar"""
    return float(np.mean([roc_auc_score(targets, row) for row in scores]))


def resampled(scores: np.ndarray, targets: np.ndarray, seed: int, draws: int = 4000) -> np.ndarray:
    """`mean_auc` of people drawn with replacement; the same draws for every model.

    Shape: (repetition, person), (person,) → (draw,)

    Example:
        >>> resampled(np.array([[0.1, 0.3, 0.2, 0.9]]), np.array([0, 0, 1, 1]), seed=0, draws=2).round(2).tolist()
        [0.33, 1.0]
    """
    random, counts = np.random.default_rng(seed), []
    while len(counts) < draws:
        rows = random.integers(0, len(targets), len(targets))
        if 0 < targets[rows].sum() < len(rows):
            counts.append(np.bincount(rows, minlength=len(targets)))
    drawn, above = np.asarray(counts, "float64"), np.asarray(targets) == 1
    # The area is the share of pairs in which the one who has it scores higher; pairs count as often as both are drawn.
    higher = [(row[above, None] > row[~above]) + 0.5 * (row[above, None] == row[~above]) for row in scores]
    ones, zeros = drawn[:, above], drawn[:, ~above]
    return ((ones @ np.mean(higher, axis=0)) * zeros).sum(axis=1) / (ones.sum(axis=1) * zeros.sum(axis=1))


def estimate(value: float, drawn: np.ndarray, n: int) -> dict[str, float]:
    """A number with its interval over draws."""
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"value": value, "low": float(low), "high": float(high), "n": n}


def difference(values: Sequence[float], drawn: Sequence[np.ndarray], n: int) -> dict[str, float]:
    """How two models differ on the same people: the first's AUC less the second's, its interval, and p.

    Example:
        >>> found = difference((0.9, 0.8), (np.full(99, 0.9), np.full(99, 0.8)), 50)
        >>> round(found["value"], 2), round(found["p"], 2)
        (0.1, 0.01)
    """
    apart = drawn[0] - drawn[1]
    p = min(1.0, 2 * min((apart <= 0).mean(), (apart >= 0).mean()) + 1 / len(apart))
    return {**estimate(values[0] - values[1], apart, n), "p": float(p)}
