"""A page about how a model did on a cohort."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError, between
from keras_neurovit.cohorts.bids_folder import list_scans
from keras_neurovit.cohorts.record import bare
from keras_neurovit.evaluation.bootstrap import Estimate
from keras_neurovit.evaluation.calibration import reliability
from keras_neurovit.evaluation.confounds import confound_baseline, matched_auc
from keras_neurovit.evaluation.covariates import NUMBERS, covariate, with_columns
from keras_neurovit.evaluation.intervals import wilson
from keras_neurovit.evaluation.predictions import Predictions
from keras_neurovit.evaluation.report.curves import Curve, precision_recall_curve, roc_curve
from keras_neurovit.evaluation.report.page import write_page
from keras_neurovit.evaluation.report.shown import best_and_worst
from keras_neurovit.evaluation.report.told import read_told
from keras_neurovit.evaluation.scorecard import scorecard
from keras_neurovit.evaluation.strata import strata
from keras_neurovit.evaluation.threshold import choose_threshold
from keras_neurovit.evaluation.words import WORDS
from keras_neurovit.presets import Preset, load_preset


def report_cohort(
    predictions: str | os.PathLike,
    path: str | os.PathLike = "report.html",
    *,
    cohort: str | os.PathLike | None = None,
    preset: str | os.PathLike | Preset | None = None,
    positive: str | None = None,
    threshold: float | None = None,
    validation: str | os.PathLike | None = None,
    leaked: Sequence[str] = (),
    scaling: str | os.PathLike | None = None,
    scans: int = 3,
    method: str = "integrated_gradients",
) -> Path:
    """Write a page about a table of predictions, whoever made them.

    Args:
        predictions: see `read_told`.
        path: where to write, ending in .html.
        cohort: BIDS folder of the people: its participants.tsv adds age, sex, site, for those it knows; its scans are
            shown.
        preset: that explains the scans shown; None shows none.
        positive: the label to tell from the others, see `read_told`.
        threshold: chosen on other people before.
        validation: other people's predictions to choose it on, by `best_threshold`; without either it is 0.5.
        leaked: people known to the model, marked on the page.
        scaling: a CSV of people, auc and, where known, low and high.
        scans: how many of the best, and of the worst, are shown.
        method: see `explain_scan`.

    Raises:
        InputError: what `read_told`, `with_columns` and `choose_threshold` refuse; one class only; a threshold that is
            no probability.

    Example:
        report_cohort("predictions.csv", "report.html", cohort="my_study", preset="my_model/preset")
    """
    between("threshold", 0.5 if threshold is None else threshold, 0.0, 1.0)
    between("scans", scans, 0, 20)
    found = read_told(predictions, positive)
    watched = None if validation is None else read_told(validation, positive)
    threshold, chosen_on = choose_threshold(found, threshold, watched)
    if cohort is not None and (table := Path(cohort) / "participants.tsv").exists():
        found = with_columns(found, table, missing="blank")
    described = preset if preset is None or isinstance(preset, Preset) else load_preset(preset)
    measures = scorecard(found, threshold=threshold)
    targets, told, (negative, positive) = found.targets, found.scores, found.labels
    roc = _drawn(roc_curve(found))
    called = told >= threshold
    roc["at"] = _place(
        (called & (targets == 0)).sum() / (targets == 0).sum(), (called & (targets == 1)).mean() / targets.mean()
    )
    shown = best_and_worst(found, cohort, described, scans, method) if described is not None and cohort else []
    return write_page(
        path,
        "cohort.html.j2",
        title=f"Evaluation: {positive} or {negative}",
        subtitle=f"{len(found)} scans of {len(set(found.participants))} people, from {Path(predictions).name}",
        preset=described,
        viewers=any(rows for _, rows in shown),
        positive=positive,
        negative=negative,
        flow=_flow(found, None if cohort is None else Path(cohort)),
        leaked=len(set(leaked)),
        people=len(set(found.participants)),
        source=Path(predictions).name,
        demographics=_demographics(found),
        threshold=threshold,
        chosen=CHOSEN.get(chosen_on, f"chosen on {Path(chosen_on).name}"),
        measures=[(WORDS.get(name, name), value) for name, value in measures.items()],
        auc=measures["auc"],
        baseline=confound_baseline(found),
        matched=matched_auc(found),
        roc=roc,
        pr=_drawn(precision_recall_curve(found)),
        prevalence=float(targets.mean()),
        calibration=_calibration(targets, told, measures),
        confusion=[
            (name, [int(((targets == k) & (called == c)).sum()) for c in (0, 1)]) for k, name in enumerate(found.labels)
        ],
        strata=strata(found),
        scaling=None if scaling is None else _scaling(Path(scaling)),
        shown=shown,
    )


CHOSEN = {"nobody": "which nobody chose", "given": "as given"}


def _place(x: float, y: float) -> tuple[float, float]:
    """Where a point of the unit square lies in a chart."""
    return round(48 + 300 * float(x), 2), round(292 - 280 * float(y), 2)


def _points(xs: Sequence[float], ys: Sequence[float]) -> str:
    return " ".join("{},{}".format(*_place(x, y)) for x, y in zip(xs, ys, strict=True))


def _drawn(curve: Curve) -> dict:
    band = _points(np.r_[curve.x, curve.x[::-1]], np.r_[curve.high, curve.low[::-1]])
    return {"line": _points(curve.x, curve.y), "band": band}


def _flow(found: Predictions, cohort: Path | None) -> list[tuple[str, int]]:
    """How many scans there were, and how many were left out on the way to those evaluated."""
    read = len(found) + sum(count for _, count in found.left_out)
    rows = [("rows read", read), *found.left_out, ("scans evaluated", len(found))]
    people = [] if cohort is None else [bare(scan.participant) for scan in list_scans(cohort, "T1w").scans]
    if people:
        missing = set(people) - set(found.participants)
        before = [("T1w scans in the cohort's folder", len(people)), ("people they are of", len(set(people)))]
        rows = [*before, ("people without an evaluated scan", len(missing)), *rows]
    return rows


def _calibration(targets: np.ndarray, told: np.ndarray, measures: dict[str, Estimate]) -> dict:
    bins = []
    for bin_ in reliability(targets, told):
        low, high = wilson(bin_.observed, bin_.count)
        (x, y), radius = _place(bin_.said, bin_.observed), 3 + 5 * np.sqrt(bin_.count / len(targets))
        bins.append({"x": x, "y": y, "low": _place(0, low)[1], "high": _place(0, high)[1], "r": round(radius, 1)})
    error, slope, intercept = (measures[f"calibration_{name}"].value for name in ("error", "slope", "intercept"))
    line = f"slope {slope:.2f}, intercept {intercept:+.2f}" if np.isfinite(slope) else "no slope can be told"
    return {"bins": bins, "words": f"expected error {error:.3f}, {line}; bars are 95 % intervals of a share"}


def _demographics(found: Predictions) -> list[tuple[str, list[str]]]:
    """Age, sex and the like by target; each person once, at the first scan told."""
    _, first = np.unique(found.participants, return_index=True)
    sides = [first[found.targets[first] == k] for k in (0, 1)]
    rows = [("people", [str(len(side)) for side in sides])]
    for name in ("age", "education", "mmse", "sex", "site"):
        values = covariate(found, name)
        if values is not None and name in NUMBERS:
            rows.append((name, [_spread(values[side][np.isfinite(values[side])]) for side in sides]))
        elif values is not None:
            for value in sorted(set(values.tolist()) - {""})[:12]:
                rows.append((f"{name} {value}", [str(int((values[side] == value).sum())) for side in sides]))
    return rows if len(rows) > 1 else []


def _spread(own: np.ndarray) -> str:
    return f"{own.mean():.1f} ± {own.std():.1f} ({own.min():g}–{own.max():g})" if own.size else "unknown"


def _scaling(file: Path) -> dict:
    try:
        rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        points = [{k: float(row[k]) for k in ("people", "auc", "low", "high") if row.get(k)} for row in rows]
        points = sorted(points, key=lambda point: point["people"])
        logs = np.log([point["people"] for point in points])
        aucs = [point["auc"] for point in points]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file}: is no scaling curve", "columns people, auc, low, high", str(error)) from None
    if len(points) < 2 or logs[0] == logs[-1] or not np.isfinite(logs).all():
        raise InputError(f"{file}: is no scaling curve", "two or more different numbers of people", len(points))
    across = (logs - logs[0]) / (logs[-1] - logs[0])

    def up(auc: float | None) -> float | None:
        return None if auc is None else _place(0, min(max((auc - 0.5) / 0.5, 0.0), 1.0))[1]

    drawn = [
        {"x": _place(x, 0)[0], "y": up(p["auc"]), "low": up(p.get("low")), "high": up(p.get("high"))}
        for x, p in zip(across, points, strict=True)
    ]
    line = " ".join(f"{point['x']},{point['y']}" for point in drawn)
    ticks = [float(f"{number:.3g}") for number in np.exp(np.linspace(logs[0], logs[-1], 4))]
    first, last = (f"{points[end]['people']:g} people: {aucs[end]:.3f}" for end in (0, -1))
    return {"points": drawn, "line": line, "ticks": ticks, "first": first, "last": last}
