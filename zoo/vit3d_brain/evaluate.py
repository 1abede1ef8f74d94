"""What vit3d_brain is worth: on synthetic people whose truth is known, and on real scans."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from reports import bootstrap, numbers, partial_r, r

import keras_neurovit
from keras_neurovit import cohorts, evaluation, presets, synthesis, volumes
from keras_neurovit._files import published
from keras_neurovit.measure import measure_scans
from keras_neurovit.presets.sums import write_sums

QUOTED = (
    "intracranial",
    "brain",
    "lateral_ventricles",
    "hippocampus",
    "amygdala",
    "thalamus",
    "caudate",
    "putamen",
    "medial_temporal_cortex",
)
LARGE_MM3 = 3000.0


def on_synthetic_people(batches, preset: Path) -> tuple[dict, dict]:
    """Estimates against the truth, of the half-precision weights read back.

    Returns:
        Correlations with intervals, and for each volume bias and errors.
    """
    model, views = keras_neurovit.from_preset(preset, verbose=False), presets.load_preset(preset).views
    found = np.concatenate([presets.mean_over_views(model, volume[None], views) for volume in batches.volumes])
    named = {"true": batches.truth, "found": found}
    volume = {
        name: {key: rows[:, [synthesis.STRUCTURES.index(p) for p in parts]].sum(axis=1) for key, rows in named.items()}
        for name, parts in [*synthesis.sums_of_structures(), *((s, (s,)) for s in synthesis.STRUCTURES)]
    }
    structures = {}
    for name, v in volume.items():
        error = np.abs(v["found"] - v["true"]) / np.maximum(v["true"], 100.0)
        structures[name] = {
            "r": float(r(v["true"], v["found"])),
            "mean_mm3": float(v["true"].mean()),
            "bias": float(v["found"].mean() / v["true"].mean() - 1),
            "median_error": float(np.median(error)),
            "p68_error": float(np.quantile(error, 0.68)),
            "p95_error": float(np.quantile(error, 0.95)),
        }
    test = {f"r_{name}": bootstrap(r, volume[name]["true"], volume[name]["found"]) for name in QUOTED}
    for name in QUOTED:  # people of one label map are alike: what is told between them alone is the harder part
        within = [
            r(*(volume[name][key][batches.anatomies == a] for key in named)) for a in np.unique(batches.anatomies)
        ]
        structures[name]["r_within_each_label_map"] = [float(value) for value in within]
    size = np.column_stack([volume[name]["true"] for name in ("brain", "lateral_ventricles")])
    hippocampus = volume["hippocampus"]
    test["r_hippocampus_at_equal_size"] = bootstrap(partial_r, hippocampus["true"], hippocampus["found"], size)
    return test, structures


def on_real_people(bids: Path, originals: Path, preset: Path) -> tuple[dict, dict]:
    """Estimates of real, brain-extracted scans, beside what thresholding tells of them.

    Returns:
        Estimates with intervals, and how scans agree with their originals.
    """
    cohort = cohorts.read_bids(bids, "sex", labels=("F", "M"))
    measured = [result["volumes_mm3"] for result in measure_scans(cohort.paths, preset)]
    brain = np.array([row["brain"] for row in measured]) / 1000
    thresholded = np.array([volumes.brain_volume_ml(volumes.read_scan(path)) for path in cohort.paths])
    old, men = cohort.ages >= np.median(cohort.ages), cohort.targets == 1
    strata = {"": slice(None), "_women": ~men, "_men": men, "_younger_half": ~old, "_older_half": old}
    test = {f"r_real_brain{name}": bootstrap(r, thresholded[rows], brain[rows]) for name, rows in strata.items()}
    for name, scores in {"estimated": brain, "thresholded": thresholded}.items():
        test[f"auc_sex_{name}_brain"] = numbers(evaluation.roc_auc(cohort.targets, scores))
    worst = np.argsort(-np.abs(brain - np.polyval(np.polyfit(thresholded, brain, 1), thresholded)))[:3]
    names = list(measured[0])
    table = np.array([[row[name] for name in names] for row in measured])
    facts = {
        "mean_ml": dict(zip(names, (table.mean(axis=0) / 1000).round(3).tolist(), strict=True)),
        "coefficient_of_variation": dict(
            zip(names, (table.std(axis=0) / table.mean(axis=0)).round(3).tolist(), strict=True)
        ),
        "furthest_from_thresholding": [
            {
                "participant": str(cohort.participants[row]),
                "estimated_ml": brain[row],
                "thresholded_ml": thresholded[row],
            }
            for row in worst
        ],
        "scan_and_original": agreement(bids, originals, preset),
    }
    return test, facts


def agreement(bids: Path, originals: Path, preset: Path) -> dict:
    """Largest relative difference, between scans and their originals, of each volume of 3 ml or more."""
    files = sorted(originals.glob("sub-*/anat/*_T1w.nii.gz"))
    twins = [bids / file.relative_to(originals) for file in files]
    measured = [result["volumes_mm3"] for result in measure_scans([*files, *twins], preset)]
    differences = {}
    for name in measured[0]:
        one, other = np.reshape([row[name] for row in measured], (2, -1))
        if other.mean() >= LARGE_MM3:
            differences[name] = float(np.abs(one / other - 1).max())
    largest = max(differences, key=differences.get)
    return {"scans": len(files), "largest": differences[largest], "of": largest, "each": differences}


def with_and_without_skull(colin: Path, preset: Path) -> dict[str, float]:
    """Relative difference of each volume of 3 ml or more between Colin27 with its skull (ch2) and without (ch2bet)."""
    whole, bare = (r["volumes_mm3"] for r in measure_scans([colin / "ch2.nii.gz", colin / "ch2bet.nii.gz"], preset))
    return {name: whole[name] / bare[name] - 1 for name in bare if bare[name] >= LARGE_MM3}


def furthest(facts: dict, bids: Path) -> dict[str, Path]:
    """The scans whose estimated brain is furthest from what thresholding tells, by a title for each."""
    shown = {}
    for row in facts["furthest_from_thresholding"]:
        name = f"sub-{row['participant'].removeprefix('sub-')}"
        title = f"{name}: estimated {row['estimated_ml']:.0f} ml, thresholded {row['thresholded_ml']:.0f} ml"
        shown[title] = bids / name / "anat" / f"{name}_T1w.nii.gz"
    return shown


def write_errors(structures: dict, preset: Path) -> None:
    """The error that `keras-neurovit measure` prints beside each volume."""
    errors = {name: round(row["p68_error"], 4) for name, row in structures.items()}
    with published(preset / "errors.json") as temporary:
        temporary.write_text(json.dumps(errors, indent=2) + "\n", encoding="utf-8")
    write_sums(preset)
