"""How the evaluation of several cohorts is printed."""

from __future__ import annotations

import sys

from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit.commands.printing import print_table

COLUMNS = ("auc", "balanced_accuracy", "sensitivity", "specificity", "brier", "calibration_slope")


def show_cohorts(found: dict[str, dict]) -> None:
    """Print a row a cohort, what is known without looking, and how far scans are from those trained on."""
    names = [name for name in COLUMNS if name in next(iter(found.values()))["measures"]]
    print_table(
        ["cohort", "people", "scans", "threshold", *names, "auc of confounds", "known to the model"],
        [
            [
                name,
                one["people"],
                one["scans"],
                _threshold(one),
                *(_cell(one["measures"][each]) for each in names),
                _cell(one["confounds"] and one["confounds"]["estimate"]),
                _leaked(one),
            ]
            for name, one in found.items()
        ],
    )
    for name, one in found.items():
        for step in one["flow"]:
            if step["kind"] == "left out":
                print(f"{name}: {step['scans']} left out, {step['text']}")
        if one["unreadable"]:
            print(f"{name}: {len(one['unreadable'])} scans could not be read")
    drifts = {name: one["drift"] for name, one in found.items() if one["drift"]}
    if drifts:
        print_table(
            ["cohort", "against those trained on", "shift (sd)", "spread (times)", "distance", ""],
            [
                [
                    name,
                    fact,
                    *(f"{told[key]:.2f}" for key in ("shift", "spread", "distance")),
                    "DRIFTED" if told["drifted"] else "",
                ]
                for name, facts in drifts.items()
                for fact, told in facts.items()
            ],
        )
    else:
        print("no drift is told: the preset does not tell what the scans looked like that it was trained on")
    print(NOT_A_DEVICE, file=sys.stderr)


def _threshold(one: dict) -> str:
    return f"{one['threshold']['value']:.3f}" if one["threshold"] else "–"


def _cell(estimate: dict | None) -> str:
    if not estimate or estimate["value"] is None:
        return "–"
    interval = "" if estimate["low"] is None else f" [{estimate['low']:.2f}, {estimate['high']:.2f}]"
    return f"{estimate['value']:.2f}{interval}"


def _leaked(one: dict) -> str:
    if one["leaked"]:
        return f"LEAKED: {len(one['leaked']['people'])} of {one['leaked']['of']}"
    return "nobody" if one["asked_for_leaks"] else "not told"
