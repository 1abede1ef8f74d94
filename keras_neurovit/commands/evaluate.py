"""What `keras-neurovit evaluate` prints; `cli.py` reads its arguments."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit.commands.known import known_people_of
from keras_neurovit.commands.printing import print_table


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate a table of predictions."""
    if options.cohorts:
        return _evaluate_cohorts(options)
    for name in ("reader", "option", "target", "out"):
        if getattr(options, name):
            raise InputError(f"--{name} is of --cohorts alone", mend="Give the folders with --cohorts.")
    from keras_neurovit.evaluate import evaluate_predictions
    from keras_neurovit.evaluation import read_predictions, with_columns

    def read(file):
        found = read_predictions(file, options.labels)
        return with_columns(found, options.table) if options.table and file == options.predictions else found

    predictions = read(options.predictions)
    if options.figures and predictions.kind != "binary":
        raise InputError("--figures are of two classes", "probabilities of one class", predictions.kind)
    leaked = known_people_of(options, predictions.participants, predictions.source)
    found = evaluate_predictions(
        predictions,
        threshold=options.threshold,
        validation=read(options.validation) if options.validation else None,
        train=_train_rows(options),
        against={str(file): read(file) for file in options.against},
        leaked=leaked,
        draws=options.draws,
        seed=options.seed,
    )
    if options.figures:
        _draw(predictions, options.figures)
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show(found)
    return 0


def _evaluate_cohorts(options: argparse.Namespace) -> int:
    from keras_neurovit.commands.cohorts import switches
    from keras_neurovit.commands.external import show_cohorts
    from keras_neurovit.external import evaluate_cohorts

    if not options.preset or not options.target:
        raise InputError("--cohorts needs a preset and a target", mend="Add --preset NAME --target COLUMN.")
    unused = [
        name for name in ("labels", "validation", "table", "train", "against", "figures") if getattr(options, name)
    ]
    if unused:
        mend = "Write tables with --out, and evaluate those with --predictions."
        raise InputError(f"--{unused[0]} does not go with --cohorts", mend=mend)
    found = evaluate_cohorts(
        options.preset,
        options.cohorts,
        options.target,
        reader=options.reader or "bids",
        options=switches(options),
        threshold=options.threshold,
        out=options.out,
        force=options.force,
        draws=options.draws,
        seed=options.seed,
    )
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show_cohorts(found)
    return 1 if any(cohort["unreadable"] for cohort in found.values()) else 0


def _train_rows(options: argparse.Namespace):
    """The people trained on as rows for the confound baseline, where their table holds what it needs."""
    from keras_neurovit.evaluation import read_predictions

    try:
        return read_predictions(options.train, options.labels) if options.train else None
    except InputError:  # a list of people is enough to look for leaks
        return None


def _draw(predictions, folder: Path) -> None:
    from keras_neurovit.evaluation import reliability_figure, roc_figure

    name = Path(predictions.source).stem
    data = predictions.targets, predictions.scores, predictions.participants
    roc_figure(folder / "roc.png", {name: data})
    reliability_figure(folder / "reliability.png", {name: data[:2]})


def show(found: dict) -> None:
    """Print an evaluation as tables."""
    from keras_neurovit.evaluation.words import WORDS

    scans = f"{found['scans']} scans of " if found["scans"] != found["people"] else ""
    print(f"{found['source']}: {scans}{found['people']} people" + _classes(found))
    mark(found)
    print_table(
        ["measure", "value", "95 % interval"],
        [[WORDS.get(name, name), *_cells(one)] for name, one in found["measures"].items()],
    )
    if found["strata"]:
        print_table(
            ["among", "", "people", "measure", "value", "95 % interval"],
            [
                [one["by"], one["value"], one["people"], one["measure"], *_cells(one["estimate"], "one class only")]
                for one in found["strata"]
            ],
        )
    _show_baseline(found)
    if found["against"]:
        print_table(
            ["less than this model's", "difference", "95 % interval", "p", "Holm's p", "test"],
            [
                [
                    f"{one['measure']} of {name}",
                    *_cells(one["difference"]),
                    _p(one["p"]),
                    _p(one["corrected"]),
                    one["test"],
                ]
                for name, one in found["against"].items()
            ],
        )
    print(NOT_A_DEVICE, file=sys.stderr)


def mark(found: dict) -> None:
    """Print that people are leaked, where they are."""
    if found["leaked"]:
        told = f"{len(found['leaked']['people'])} of {found['leaked']['of']} people were trained on"
        print(f"LEAKED: {told}; this is no evaluation")


def _show_baseline(found: dict) -> None:
    baseline, matched = found["confounds"], found["matched_brain_size"]
    if baseline:
        main = "mae" if found["kind"] == "regression" else "auc"
        p = _p(baseline["model"]["p"])
        less = f"{baseline['model']['measure']}: the model less confounds (p {p if '<' in p else '= ' + p})"
        print_table(
            [f"beside confounds ({', '.join(baseline['used'])}; folds: {baseline['folds']})", "value", "95 % interval"],
            [
                [f"{main} of the model", *_cells(found["measures"][main])],
                [f"{main} of confounds alone", *_cells(baseline["estimate"])],
                [less, *_cells(baseline["model"]["difference"])],
            ],
        )
    else:
        print(
            "no confound baseline: the table tells no age, sex, site, brain_volume or voxel_size, or of too few people "
            "(--table joins such columns)"
        )
    if matched:
        told, alone = " ".join(_cells(matched["estimate"])), f"{matched['size_alone']:.3f}"
        print(f"among {matched['pairs']} pairs with brains of one size: auc {told}; of size alone {alone}")


def _classes(found: dict) -> str:
    if not found["threshold"]:
        return f", classes {', '.join(found['labels'])}" if found["labels"] else ""
    cut = found["threshold"]
    chosen = {
        "nobody": "not chosen: --validation or --threshold",
        "given": "as given",
    }.get(cut["chosen_on"], f"chosen on {cut['chosen_on']}")
    return f", {found['labels'][1]} against {found['labels'][0]}, threshold {cut['value']:.3f} ({chosen})"


def _cells(estimate: dict | None, otherwise: str = "undefined") -> list[str]:
    if estimate is None or estimate["value"] is None:
        return [otherwise, "–"]
    interval = "–" if estimate["low"] is None else f"[{estimate['low']:.3f}, {estimate['high']:.3f}]"
    return [f"{estimate['value']:.3f}", interval]


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3g}"
