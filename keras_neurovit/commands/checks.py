"""What `keras-neurovit calibrate` and `leaks` do; `cli.py` reads their arguments."""

from __future__ import annotations

import argparse
import json
import sys

from keras_neurovit._checks import InputError
from keras_neurovit.commands.printing import print_table


def calibrate(options: argparse.Namespace) -> int:
    """Fit a calibration on validation people and store it in a preset."""
    from keras_neurovit.evaluation import after, calibration_error, fit_calibration, read_predictions
    from keras_neurovit.evaluation import reliability_figure as draw
    from keras_neurovit.presets import load_preset, save_calibration

    preset = load_preset(options.preset)
    before = read_predictions(options.validation, options.labels)
    if before.labels != preset.labels and not (before.labels == ("0", "1") and len(preset.labels) == 2):
        what = f"{before.source}: is not of preset {preset.name!r}"
        raise InputError(what, expected=f"classes {', '.join(preset.labels)}", received=", ".join(before.labels))
    if preset.calibration:
        mend = "Take that away first, with presets.save_calibration(preset, None), and predict anew."
        raise InputError(f"{options.preset}: preset {preset.name!r} has a calibration", mend=mend)
    calibration = fit_calibration(before, options.method)
    save_calibration(preset, calibration)
    now = after(calibration, before)
    if before.kind == "binary":
        errors = [calibration_error(each.targets, each.scores) for each in (before, now)]
        print("expected calibration error on the people fitted on: {:.3f} before, {:.3f} after".format(*errors))
        print(f"threshold {calibration['threshold']:.3f}")
        if options.figure:
            draw(options.figure, {"before": (before.targets, before.scores), "after": (now.targets, now.scores)})
    told = f", temperature {calibration['temperature']:.3f}" if options.method == "temperature" else ""
    print(f"{options.preset}: calibrated by {calibration['people']} people{told}")
    return 0


def leaks(options: argparse.Namespace) -> int:
    """Look for people and scans that are on two sides, or known to a preset."""
    from dataclasses import asdict

    from keras_neurovit.leaks import find_leaks, read_side
    from keras_neurovit.presets import known_people, load_preset

    named = {name: getattr(options, name) for name in ("train", "validation", "test")}
    sides = {name: read_side(source) for name, source in named.items() if source}
    known = known_people(load_preset(options.preset)) if options.preset else []
    if not sides or (len(sides) == 1 and "train" in sides and options.ids_only):
        raise InputError("there is nothing to compare", mend="Give --train and --test, or --test and --preset.")
    if options.preset and not known:
        print(f"{options.preset} does not tell whom it has learnt from", file=sys.stderr)
    found = find_leaks(sides, known, scans=not options.ids_only)
    if options.json:
        print(json.dumps([asdict(leak) for leak in found], indent=2, ensure_ascii=False))
    elif found:
        print_table(["", "of", "is in", "as"], [[leak.kind, leak.one, leak.other, _pair(leak)] for leak in found])
    else:
        print("no leak found among " + ", ".join(f"{len(set(side.people))} of {name}" for name, side in sides.items()))
    return 1 if found else 0


def _pair(leak) -> str:
    return leak.who if leak.who == leak.whom else f"{leak.who} = {leak.whom}"
