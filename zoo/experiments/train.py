"""The paper's table, rerun: models, pre-training, augmentation and annealing on few scans.

Command:   python zoo/experiments/train.py --bids DS002748 --label-maps SYNTHSEG_LABELS --budget 60
           python zoo/experiments/train.py --reader adni --bids ADNI --target diagnosis --labels CN AD --budget 600
Hardware:  two CPU cores; KERAS_BACKEND=jax on a GPU runs the same file

Every row learns from the same people with the same seeds and is tested on the same others. Rows that most comparisons
need come first; what the budget has no room for is left out and named. Runs that are done cost nothing, so that the
same command goes on where it was stopped. The table in zoo/README.md is written from what this leaves.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import sys
import time
from pathlib import Path

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from experiments.cells import Cell, grid, pairs
from experiments.table import write_table
from experiments.tasks import SEED, Task, real_people, synthetic_people
from fitting import HOW, Kind, Place, Run
from held_out import KEPT, held_out_scores, known_scores
from reports import run, write_report
from scored import Scored, difference, gathered
from sex import KINDS

import keras_neurovit
from keras_neurovit import cohorts, evaluation, models, presets, training
from keras_neurovit.commands.cohorts import switches

HERE = Path(__file__).parent
TAUGHT_BY_THE_GENERATOR = {"vit3d": "vit3d_brain", "minit3d": "minit3d_measure"}
NO_WEIGHTS = "the generator taught no weights of it that are here"
STARTING_S = 45  # of a run, before its first step: most is the compiler's


def way(cell: Cell, task: Task, starts: dict[str, str]) -> tuple[str, Kind] | None:
    """The kind of training that a row is, and its name; None where its start is not here."""
    name = f"{cell.model}_scratch"
    if cell.start == "synthetic":
        name = TAUGHT_BY_THE_GENERATOR.get(cell.model)
        if name is None or not (KINDS[name].preset in starts or KINDS[name].preset in presets.list_presets()):
            return None
    how = KINDS[name]
    lessons = task.lessons if cell.start == "real" else ()
    return name, dataclasses.replace(
        how,
        augmentation=how.augmentation if cell.augmented else "none",
        anneal=how.anneal if cell.annealed else "constant",
        taught=lessons,
    )


def start_of(how: Kind, starts: dict[str, str]) -> presets.Preset:
    """The preset behind it, for scans without skulls."""
    described = presets.load_preset(starts.get(how.preset, how.preset))
    return dataclasses.replace(described, volume=dataclasses.replace(described.volume, brain_extracted=True))


@functools.cache
def seconds_a_scan(preset: str, place: str) -> float:
    """What one scan of one training step takes here, of the architecture of a preset that is found at a place."""
    head = next((kind.head for kind in KINDS.values() if kind.preset == preset and kind.head is not None), None)
    described = presets.load_preset(place)
    untrained = {"load_weights": False, "verbose": False}
    if head is None:  # of those that measure, their own
        model = keras_neurovit.from_preset(described, num_classes=2, **untrained)
    else:
        model = models.classifier(keras_neurovit.from_preset(described, num_classes=0, **untrained), 2, **head)
    training.compile_defaults(model, keras.optimizers.AdamW(1e-4), verbose=False)
    size = HOW["batch_size"]
    batch = np.zeros((size, *described.volume.shape, 1), "float32"), np.arange(size) % 2
    model.train_on_batch(*batch)
    began = time.perf_counter()
    model.train_on_batch(*batch)
    return (time.perf_counter() - began) / size


def cost_s(how: Kind, runs: list[Run], options: argparse.Namespace) -> float:
    """Seconds that some runs will take, about."""
    a_scan = seconds_a_scan(how.preset, options.starts.get(how.preset, how.preset))
    scans = sum(len(run.learn) + (len(run.teachers) if how.taught else 0) for run in runs)
    return STARTING_S * len(runs) + (1 if options.smoke else how.epochs) * scans * a_scan


def refused(cell: Cell, task: Task, kind: tuple[str, Kind] | None, runs: list[Run]) -> str | None:
    """Why a row cannot be run at all; None where it can."""
    if cell.start == "real" and not task.lessons:
        return "no other labels of real people to learn first"
    if kind is None:
        return NO_WEIGHTS
    if cell.people and any(len(set(run.learn.participants)) < cell.people for run in runs):
        return f"fewer than {cell.people} people"
    return None


def run_rows(
    tasks: list[Task], options: argparse.Namespace, began: float | None = None
) -> tuple[dict[Cell, dict[int, Scored]], list[dict]]:
    """Scores of every row and seed that there was room for since the command began, and what was left out."""
    by_name, found, left_out = {task.name: task for task in tasks}, {}, []
    began = time.perf_counter() if began is None else began
    order = [(cell, seed) for seed in range(options.seeds) for cell in grid(list(by_name))]
    for cell, number in sorted(order, key=lambda one: (one[0].departs, one[1])):
        task = by_name[cell.task]
        kind, runs = way(cell, task, options.starts), task.runs(number, cell.people)
        why = refused(cell, task, kind, runs)
        if why is None:
            asked = [(*kind, start_of(kind[1], options.starts), run, SEED + number, options.place) for run in runs]
            missing = [one[3] for one in asked if known_scores(*one) is None]
            left_s = options.budget * 60 - (time.perf_counter() - began)
            if missing and (needs_s := cost_s(kind[1], missing, options)) > left_s:
                why = f"about {needs_s / 60:.0f} minutes more"
        if why is not None:
            left_out.append({"task": cell.task, "row": cell.name, "seed": number, "why": why})
            continue
        told = [(one[3].rows, held_out_scores(*one)) for one in asked]
        found.setdefault(cell, {})[number] = gathered([told], task.tested.targets, task.tested.participants)
    return found, left_out


def together(by_seed: dict[int, Scored], seeds: list[int]) -> Scored:
    """Scores of several seeds as repetitions."""
    some = [by_seed[seed] for seed in seeds]
    scores, folds = (np.concatenate([getattr(one, name) for one in some]) for name in ("scores", "folds"))
    return dataclasses.replace(some[0], scores=scores, folds=folds)


def report(tasks: list[Task], found: dict[Cell, dict[int, Scored]], left_out: list[dict], options) -> dict:
    """Rows with intervals over people, and every comparison that they allow, on the seeds that both have."""
    rows, comparisons = {}, []
    for cell, by_seed in found.items():
        told = together(by_seed, sorted(by_seed))
        rows[f"{cell.task}: {cell.name}"] = {
            **told.estimate(SEED),
            "seeds": sorted(by_seed),
            "by_seed": told.by_repetition(),
        }
    for effect, one, other in pairs(found):
        if seeds := sorted(set(found[one]) & set(found[other])):
            told = difference(*(together(found[cell], seeds) for cell in (one, other)), SEED)
            comparisons.append({"task": one.task, "effect": effect, "in": one.name, "seeds": len(seeds), **told})
    for task in tasks:
        own = {number: row["p"] for number, row in enumerate(comparisons) if row["task"] == task.name}
        for number, p in evaluation.holm(own).items():
            comparisons[number]["p_holm"] = p
    return {
        "budget_minutes": options.budget,
        "tasks": {task.name: task.told for task in tasks},
        "test": rows,
        "comparisons": comparisons,
        "left_out": left_out,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True, help="folder of real people, skulls off")
    parser.add_argument(
        "--reader", default="bids", help="what reads it, such as adni or oasis1; see keras-neurovit cohort"
    )
    parser.add_argument("--option", action="append", metavar="NAME=VALUE", help="of --reader, such as image=native")
    parser.add_argument("--target", default="sex", help="column of participants.tsv")
    parser.add_argument("--labels", nargs=2, default=["F", "M"], help="of the target")
    parser.add_argument("--others", nargs="*", default=["age=number"], help="columns that 'real' learns first")
    parser.add_argument("--label-maps", type=Path, help="SynthSeg's, for AD as imposed; none leaves that task out")
    parser.add_argument("--start", nargs="*", default=[], help="minit3d_measure=FOLDER, of presets that do not ship")
    parser.add_argument("--budget", type=float, default=60, help="minutes of this call")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"), help="checkpoints, scans and scores")
    parser.add_argument("--smoke", action="store_true", help="one seed of one epoch, nothing published")
    options, began = parser.parse_args(), time.perf_counter()
    options.starts = dict(pair.partition("=")[::2] for pair in options.start)
    options.seeds = 1 if options.smoke else options.seeds
    options.place = Place(options.runs / "smoke" if options.smoke else options.runs, options.smoke, KEPT)
    how = {"labels": options.labels, **switches(options)}
    people = cohorts.load(options.reader, options.bids, options.target, **how)
    lessons = dict(column.partition("=")[::2] for column in options.others)
    if lessons:
        cohorts.tasks_of(people, lessons)  # refuses now what would be refused after hours
    tasks = [real_people(people, options.target, lessons)]
    if options.label_maps:
        also = {options.target: "classes", **lessons}
        folder = options.runs / "people"
        tasks.append(synthetic_people(options.label_maps, folder, options.seeds, people, also))
    found, left_out = run_rows(tasks, options, began)
    results = (options.place.runs if options.smoke else HERE) / "results.json"
    write_report(results, report(tasks, found, left_out, options))
    if not options.smoke:
        write_table(results, HERE.parent / "README.md")


if __name__ == "__main__":
    run(main)
