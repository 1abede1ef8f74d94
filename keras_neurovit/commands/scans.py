"""Commands on scans: predict, measure, check, show."""

from __future__ import annotations

import argparse
import csv
import json
import sys

from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit.commands.printing import print_table, short


def predict(options: argparse.Namespace) -> int:
    """Print probabilities of scans."""
    from keras_neurovit.predict import label_of, predict_scans

    tools = {"strip": options.strip, "bias_correct": options.bias_correct}
    results = predict_scans(options.paths, options.preset, strict=options.strict, **tools)
    failed = [result for result in results if "error" in result]
    labels = next((list(r["probabilities"]) for r in results if "error" not in r), [])
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    elif options.csv:
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(["path", *labels, "warnings", "error"])
        for r in results:
            numbers = [r["probabilities"][label] if "error" not in r else "" for label in labels]
            table.writerow([r["path"], *numbers, " | ".join(r["warnings"]), r.get("error", "")])
    else:
        print_table(
            ["scan", *labels, "most probable"],
            [
                [short(r["path"]), *(f"{p:.3f}" for p in r["probabilities"].values()), label_of(r)]
                for r in results
                if "error" not in r
            ],
        )
        for r in results:
            for warning in r["warnings"]:
                print(f"warning: {short(r['path'])}: {warning}", file=sys.stderr)
        print(NOT_A_DEVICE, file=sys.stderr)
    if not options.json:
        for r in failed:
            print(f"error: {r['error']}", file=sys.stderr)
    return 1 if failed else 0


def measure(options: argparse.Namespace) -> int:
    """Print volumes of structures."""
    from keras_neurovit.measure import measure_scans, measured_errors

    results = measure_scans(options.paths, options.preset, strict=options.strict)
    failed = [result for result in results if "error" in result]
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
        return 1 if failed else 0
    errors = measured_errors(options.preset)
    for result in results:
        if "error" in result:
            continue
        print(short(result["path"]))
        print_table(
            ["structure", "volume", "error"],
            [
                [name, f"{value / 1000:.2f} ml", f"± {100 * errors[name]:.0f} %" if name in errors else "unknown"]
                for name, value in result["volumes_mm3"].items()
            ],
        )
        for warning in result["warnings"]:
            print(f"warning: {short(result['path'])}: {warning}", file=sys.stderr)
    if errors and len(failed) < len(results):
        print("error: two thirds of held-out synthetic people lie within it", file=sys.stderr)
    print(NOT_A_DEVICE, file=sys.stderr)
    for result in failed:
        print(f"error: {result['error']}", file=sys.stderr)
    return 1 if failed else 0


def check(options: argparse.Namespace) -> int:
    """Compare scans with a preset's contract, and print a table of each."""
    from keras_neurovit.check import check_scans

    results = check_scans(options.paths, options.preset)
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
    for result in results if not options.json else ():
        if "error" in result:
            print(f"error: {result['error']}", file=sys.stderr)
            continue
        print(short(result["path"]))
        rows = [[f["check"], f["measured"], f["expected"], "NO" if f["problem"] else "yes"] for f in result["findings"]]
        print_table(["check", "measured", "expected", "fits"], rows)
        for finding in result["findings"]:
            if finding["problem"]:
                print(f"  {finding['check']}: {finding['problem']}")
    return 0 if all(result.get("passed") for result in results) else 1


def show(options: argparse.Namespace) -> int:
    """Draw what a model gets to see."""
    from keras_neurovit.show import show_scan

    print(show_scan(options.scan, options.preset, options.out, augmentation=options.policy, seed=options.seed))
    return 0
