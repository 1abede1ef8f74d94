"""What each command does; `cli.py` reads its arguments."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from pathlib import Path

NOT_A_DEVICE = "Research software, no medical device: do not use it for diagnosis."


def predict(options: argparse.Namespace) -> int:
    """Print probabilities of scans."""
    from keras_neurovit.predict import label_of, predict_scans

    results = predict_scans(options.paths, options.preset)
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
        _print_table(
            ["scan", *labels, "most probable"],
            [
                [_short(r["path"]), *(f"{p:.3f}" for p in r["probabilities"].values()), label_of(r)]
                for r in results
                if "error" not in r
            ],
        )
        for r in results:
            for warning in r["warnings"]:
                print(f"warning: {_short(r['path'])}: {warning}", file=sys.stderr)
        print(NOT_A_DEVICE, file=sys.stderr)
    if not options.json:
        for r in failed:
            print(f"error: {r['error']}", file=sys.stderr)
    return 1 if failed else 0


def measure(options: argparse.Namespace) -> int:
    """Print volumes of structures."""
    from keras_neurovit.measure import measure_scans, measured_errors

    results = measure_scans(options.paths, options.preset)
    failed = [result for result in results if "error" in result]
    if options.json:
        print(json.dumps(results, indent=2, ensure_ascii=False))
        return 1 if failed else 0
    errors = measured_errors(options.preset)
    for result in results:
        if "error" in result:
            continue
        print(_short(result["path"]))
        _print_table(
            ["structure", "volume", "error"],
            [
                [name, f"{value / 1000:.2f} ml", f"± {100 * errors[name]:.0f} %" if name in errors else "unknown"]
                for name, value in result["volumes_mm3"].items()
            ],
        )
        for warning in result["warnings"]:
            print(f"warning: {_short(result['path'])}: {warning}", file=sys.stderr)
    if errors:
        print("error: two thirds of held-out synthetic people lie within it", file=sys.stderr)
    print(NOT_A_DEVICE, file=sys.stderr)
    for result in failed:
        print(f"error: {result['error']}", file=sys.stderr)
    return 1 if failed else 0


def presets(options: argparse.Namespace) -> int:
    """List the shipped presets."""
    from keras_neurovit.presets import list_presets, load_preset

    described = [load_preset(name) for name in list_presets()]
    if options.json:
        print("[" + ",\n".join(preset.to_json() for preset in described) + "]")
        return 0
    _print_table(
        ["preset", "labels", "volume", "weights", "description"],
        [
            [
                preset.name,
                ", ".join(preset.labels) or "–",
                f"{'×'.join(map(str, preset.volume.shape))} at {preset.volume.spacing_mm[0]:g} mm",
                f"{preset.weights.parameters / 1e6:.1f} M" if preset.weights else "none",
                preset.description,
            ]
            for preset in described
        ],
    )
    return 0


def verify(options: argparse.Namespace) -> int:
    """Rerun golden volumes and compare."""
    from keras_neurovit.presets import verify

    verdicts = [verify(preset) for preset in options.presets]
    for verdict in verdicts:
        word = "agrees" if verdict.passed else "DIFFERS"
        print(f"{verdict.preset} on {verdict.backend}: {word}, largest difference {verdict.difference:.1e}")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def demo_cohort(options: argparse.Namespace) -> int:
    """Write a cohort of synthetic scans."""
    from keras_neurovit.synthesis import write_demo_cohort

    print(write_demo_cohort(options.folder, options.people, options.seed))
    return 0


def prepare(options: argparse.Namespace) -> int:
    """Conform scans into a cache."""
    from keras_neurovit.cohorts import scan_paths
    from keras_neurovit.data import conform_all
    from keras_neurovit.predict import find_scans
    from keras_neurovit.presets import load_preset

    paths = []
    for path in map(Path, options.cohort):
        paths += (
            scan_paths(path, options.path_column) if path.suffix.lower() in (".csv", ".tsv") else find_scans([path])
        )
    files = conform_all(
        paths,
        load_preset(options.preset).volume,
        cache=options.out,
        storage=options.storage,
        workers=options.workers,
        on_error="skip" if options.skip else "raise",
    )
    print(f"{sum(file is not None for file in files)} volumes are ready")
    return 1 if None in files else 0


def show(options: argparse.Namespace) -> int:
    """Draw what a model gets to see."""
    from keras_neurovit.show import show_scan

    print(show_scan(options.scan, options.preset, options.out, augmentation=options.policy, seed=options.seed))
    return 0


def train(options: argparse.Namespace) -> int:
    """Fine-tune on a cohort and evaluate."""
    from keras_neurovit.cohorts import read_bids, read_csv
    from keras_neurovit.experiment import train_on_cohort

    how = {"labels": options.labels, "missing": "drop" if options.drop_missing else "raise"}
    if options.cohort.is_dir():
        cohort = read_bids(options.cohort, options.target, **how)
    else:
        how |= {"path_column": options.path_column, "participant_column": options.participant_column}
        cohort = read_csv(options.cohort, options.target, **how)
    print(cohort.describe())
    outcome = train_on_cohort(
        cohort,
        options.preset,
        options.out,
        epochs=options.epochs,
        batch_size=options.batch_size,
        peak=options.peak,
        warmup_epochs=options.warmup_epochs,
        augmentation=options.augmentation,
        scratch=options.scratch,
        seed=options.seed,
        cache=options.cache,
        storage=options.storage,
        on_error="skip" if options.skip else "raise",
    )
    print("held-out people:")
    for name, estimate in outcome.results.items():
        print(f"  {name}: {estimate}")
    print(f"preset, log and predictions are in {options.out}")
    return 0


def _print_table(columns: list[str], rows: list[list]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))  # brackets in a path are no markup
    # A pipe has no width of its own: give it room for whole paths.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _short(path: str) -> str:
    return os.path.relpath(path) if len(os.path.relpath(path)) < len(path) else path
