"""Which way of training suits a cohort: keras-tuner's searches, scored by people that a trial has not seen."""

from __future__ import annotations

import functools
import gc
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from scipy.stats import rankdata

from keras_neurovit import evaluation, training
from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import claim, published
from keras_neurovit.augmentation import policy
from keras_neurovit.augmentation.policies import POLICIES
from keras_neurovit.cohorts import Cohort, expect
from keras_neurovit.data import make_dataset
from keras_neurovit.presets import from_preset, load_preset

if TYPE_CHECKING:
    import keras_tuner

SEARCHES = ("bayesian", "hyperband")
AUC = "cross_validated_auc"
CLAIM = "search.json"
COMPILED = 300  # steps from which a compiler is worth its time


def tune(
    cohort: Cohort,
    preset: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    search: str = "bayesian",
    trials: int = 20,
    max_epochs: int = 30,
    folds: int = 3,
    batch_size: int = 6,
    brain_extracted: bool | None = None,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    verbose: int = 1,
) -> dict:
    """Search learning rate, warm-up, decay, augmentation and what trains, by the AUC over folds of people.

    A trial trains a model on each side of every fold and pools what the models say of those left out: nobody is judged
    by a model that has seen them. What was chosen by it is flattered by the choice: judge it on people who were in no
    fold. Trials, and folds within them, go on where they were killed; a trial's memory is given back before the next.

    Args:
        cohort: with labels of two classes.
        preset: to start from.
        folder: for trials, and for `recipe.json`, the best: `train_on_cohort(cohort, recipe["preset"], folder,
            **recipe["arguments"])` trains as its trial did. It holds one search: of other people, labels, weights or
            settings it is refused.
        search: "bayesian", or "hyperband", which gives most trials few epochs.
        trials: of the Bayesian search; Hyperband follows from `max_epochs`.
        max_epochs: of a trial.
        folds: of the people.
        batch_size: scans a step.
        brain_extracted: as for `train_on_cohort`.
        seed: of search, folds and weights.
        cache: folder for conformed volumes; None for the user's.
        verbose: as keras-tuner's.

    Returns:
        What stands in `recipe.json`.

    Raises:
        InputError: keras-tuner missing, another search, more than two classes, too few people for the folds; a folder
            that holds another search; whatever a trial is refused for, except that it diverged, which fails it alone;
            no trial that came to its end.

    Source: Li et al. 2018 (Hyperband, JMLR 18:185); the searches are keras-tuner's.
    """
    kt = _keras_tuner()
    one_of("search", search, SEARCHES)
    if len(cohort.labels) != 2:
        raise InputError(f"{cohort.source}: cannot be tuned by AUC", "two classes", list(cohort.labels))
    folder, start = Path(folder), load_preset(preset)
    contract, _ = expect(cohort, start.volume, brain_extracted)
    sides = cohort.folds(folds, seed)
    size = {"max_trials": trials} if search == "bayesian" else {"max_epochs": max_epochs}
    fixed = {"batch_size": batch_size, "brain_extracted": contract.brain_extracted, "seed": seed}
    fixed |= {} if start.weights else {"scratch": True}
    facts = {"preset": start.name, "weights": start.weights.sha256 if start.weights else None, **fixed}
    facts |= {"search": search, "max_epochs": max_epochs, "folds": folds, "volume": contract.to_dict()}
    facts |= {"trials": trials} if search == "bayesian" else {}
    facts |= {"labels": list(cohort.labels), "people": [[str(r.path), r.participant, r.label] for r in cohort.records]}
    if not (folder / CLAIM).exists() and any((folder / name).exists() for name in SEARCHES):
        raise InputError(f"{folder}: holds a search that does not tell of whom", mend="Give another folder.")
    claim(folder / CLAIM, facts, "a search")
    show = {"batch_size": batch_size, "cache": cache, "verbose": False, "seed": seed}

    def fold(place: int, values: dict, epochs: int, into: Path) -> np.ndarray:
        """What a model that learnt from the others says of a fold's people."""
        told = into / "told.npy"
        if told.exists():
            return np.load(told)
        keras.utils.set_random_seed(seed + place)
        learn, left_out = sides[place]
        # The head, and the weights of classes, as `train_on_cohort` has them.
        classes = None if cohort.labels == start.labels else 2
        model = from_preset(start, num_classes=classes, load_weights=bool(start.weights), verbose=False)
        if start.measures and start.weights:
            training.probe(model, make_dataset(learn, contract, **show).map(lambda x, y: x), learn.targets)
        how = {"augmentation": values["augmentation"], "class_weights": learn.class_weights(), **show}
        batches = make_dataset(learn, contract, shuffle=True, **how)
        how = {key: values[key] for key in ("peak", "warmup_epochs", "weight_decay", "strategy")}
        if keras.backend.backend() == "tensorflow" and epochs * len(batches) < COMPILED:
            how["jit_compile"] = False  # of every fold of every trial, to compile would be the longest part
        facts = {"fold": place, "people": sorted(set(learn.participants)), "augmentation": values["augmentation"]}
        training.finetune(model, batches, folder=into / "run", epochs=epochs, facts=facts, verbose=0, **how)
        logits = keras.ops.convert_to_numpy(model.predict(make_dataset(left_out, contract, **show), verbose=0))
        if not np.isfinite(logits).all():
            raise training.Diverged(f"the model of fold {place} tells numbers that are not finite")
        with published(told) as temporary, open(temporary, "wb") as stream:
            np.save(stream, logits[:, 1] - logits[:, 0])
        return np.load(told)

    def trial_auc(trial, root: Path) -> float:
        values = trial.hyperparameters.values
        epochs = values.get("tuner/epochs") or values["epochs"]
        into = root / f"trial_{trial.trial_id}" / "folds"
        scores = []
        for place in range(folds):
            scores.append(fold(place, values, epochs, into / str(place)))
            keras.backend.clear_session(free_memory=True)
            gc.collect()
        targets = np.concatenate([left_out.targets for _, left_out in sides])
        people = np.concatenate([left_out.participants for _, left_out in sides])
        # Models of different folds are compared by the ranks of what they say, as their scales differ.
        ranks = np.concatenate([rankdata(score) / len(score) for score in scores])
        return evaluation.roc_auc(targets, ranks, participants=people).value

    policies = [name for name in POLICIES if _fits(name, contract.shape)]
    chosen = functools.partial(space, max_epochs=max_epochs, policies=policies, pretrained=bool(start.weights))
    best = _best(kt, search, size | {"seed": seed}, folder, chosen, trial_auc, verbose)
    values = {key: value for key, value in best.hyperparameters.values.items() if not key.startswith("tuner/")}
    values["epochs"] = best.hyperparameters.values.get("tuner/epochs") or values["epochs"]
    recipe = {"preset": os.fspath(preset), AUC: best.score, "folds": folds, "arguments": values | fixed}
    with published(folder / "recipe.json") as temporary:
        temporary.write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")
    return recipe


def space(hp: keras_tuner.HyperParameters, max_epochs: int, policies: Sequence[str], pretrained: bool) -> None:
    """What is searched: names and ranges of `train_on_cohort`'s arguments."""
    hp.Float("peak", 1e-6, 1e-3, sampling="log")
    hp.Float("warmup_epochs", 0.2, 4.0, sampling="log")
    hp.Float("weight_decay", 1e-3, 0.3, sampling="log")
    hp.Choice("augmentation", list(policies))
    hp.Choice("strategy", ["full", "head", "lora"] if pretrained else ["full"])  # random weights are not frozen
    hp.Int("epochs", 1, max_epochs, sampling="log")


def _fits(name: str, shape: tuple[int, int, int]) -> bool:
    """Whether a policy suits such volumes: a strong one may fold a small one."""
    try:
        for layer in policy(name):
            layer.draw(np.zeros(1, "int32"), shape)
    except InputError:
        return False
    return True


def _keras_tuner():
    try:
        import keras_tuner
    except ImportError as error:
        raise InputError("keras-tuner is not installed", mend='Run pip install "keras-neurovit[tune]".') from error
    return keras_tuner


def _best(kt, search: str, size: Mapping, folder: Path, space, trial_auc, verbose: int):
    """The best trial of a search. A run that diverges is a trial that failed; whatever else is wrong stops the search,
    which keras-tuner alone would go on with."""
    base = kt.BayesianOptimization if search == "bayesian" else kt.Hyperband

    class Tuner(base):
        def run_trial(self, trial, **_):
            try:
                return {AUC: trial_auc(trial, Path(self.project_dir))}
            except training.Diverged as error:
                raise kt.errors.FailedTrialError(str(error)) from error
            except InputError as error:
                raise kt.errors.FatalError(str(error)) from error

        def load_model(self, trial):  # a trial's models are its folds', which are not kept
            return None

    class Space(kt.HyperModel):
        def build(self, hp):
            space(hp)
            return keras.Sequential([keras.layers.Dense(1)])

    how = {"directory": str(folder), "project_name": search, "overwrite": False, "max_consecutive_failed_trials": 10**6}
    tuner = Tuner(Space(), objective=kt.Objective(AUC, "max"), **size, **how)
    try:
        tuner.search(verbose=verbose)
    except kt.errors.FatalError as error:
        raise error.__cause__ or error from None
    every = list(tuner.oracle.trials.values())
    finished = [trial for trial in every if trial.status == "COMPLETED" and np.isfinite(trial.score)]
    if not finished:
        told = [trial.message.strip().splitlines()[-1] for trial in every if trial.message]
        mend = "Mend what it tells, and give another folder."
        what = f"{folder}: none of {len(every)} trials came to its end; the last: {told[-1] if told else 'no message'}"
        raise InputError(what, mend=mend)
    return min(finished, key=lambda trial: (-trial.score, trial.trial_id))  # of equals the first, also when read again
