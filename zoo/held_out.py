"""Held-out scores of people, each told by a model that never met them."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
from fitting import HOW, Kind, Place, Run, facts, fit, run_folder
from sklearn.model_selection import StratifiedKFold

from keras_neurovit import cohorts, data, presets
from keras_neurovit._files import published

KEPT = Path(__file__).with_name("scores")
"""Held-out scores of runs that are done, a file for each kind: nobody need run them again to compare or to check."""


def folds_of(cohort: cohorts.Cohort, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Places of the scans that are learnt from and tested on, fold by fold; nobody's scans stand in two folds."""
    people, first, whose = np.unique(cohort.participants, return_index=True, return_inverse=True)
    folds = StratifiedKFold(count, shuffle=True, random_state=seed).split(people, cohort.targets[first])
    return [tuple(np.flatnonzero(np.isin(whose, side)) for side in sides) for sides in folds]


def known_scores(kind: str, how: Kind, start: presets.Preset, run: Run, seed: int, place: Place) -> np.ndarray | None:
    """Held-out scores of a run that is done, here or wherever they were kept; None of others. As `held_out_scores`."""
    return _known(_folder(kind, how, start, run, seed, place), kind, place)


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
    folder = _folder(kind, how, start, run, seed, place)
    scores = _known(folder, kind, place)
    if scores is None:
        cohorts.refuse_leak(train=run.learn, test=run.test)
        if how.taught:
            cohorts.refuse_leak(train=run.teachers, test=run.test)
        model = fit(how, start, run.learn, folder, seed, place, run.teachers)
        batches = data.make_dataset(run.test, start.volume, cache=place.cache, verbose=False)
        scores = presets.probabilities_of(model, batches, HOW["views"])[:, 1]
        with published(folder / "scores.npy") as temporary, temporary.open("wb") as stream:
            np.save(stream, scores)
        print(f"{kind}: {run.name} done", flush=True)
        keras.utils.clear_session()
    if place.kept and not place.smoke:
        _keep(kind, place, folder.name, scores)
    return scores


def _folder(kind: str, how: Kind, start: presets.Preset, run: Run, seed: int, place: Place) -> Path:
    return run_folder(run.name, kind, facts(how, start, run.learn, seed, place, run.teachers), place)


def _known(folder: Path, kind: str, place: Place) -> np.ndarray | None:
    if (folder / "scores.npy").exists():
        return np.load(folder / "scores.npy")
    kept = _kept(kind, place).get(folder.name)
    return None if kept is None else np.asarray(kept, "float32")


def _kept(kind: str, place: Place) -> dict[str, list[float]]:
    """Scores by the name of the run's folder, which follows from all that the run depends on."""
    file = place.kept / f"{kind}.json" if place.kept else None
    return json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}


def _keep(kind: str, place: Place, name: str, scores: np.ndarray) -> None:
    kept = _kept(kind, place)
    if name not in kept:
        kept[name] = [round(float(score), 6) for score in scores]
        place.kept.mkdir(exist_ok=True)
        rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(kept[key])}" for key in sorted(kept))
        with published(place.kept / f"{kind}.json") as temporary:
            temporary.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
