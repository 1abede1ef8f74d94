"""The command line. Nothing heavy is imported before a command needs it, so `--help` answers at once."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._version import __version__

NOT_A_DEVICE = "Research software, no medical device: do not use it for diagnosis."


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 when all went well, 1 when something could not be done, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings are no news to a reader of a table
    try:
        return options.run(options)
    except InputError as error:
        print(f"keras-neurovit: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"keras-neurovit: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(f"keras-neurovit: {error.name} is not installed. Install it: pip install {error.name}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("keras-neurovit: stopped; what is finished is kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keras-neurovit", description="Vision transformers for 3-D brain MRI.", epilog=NOT_A_DEVICE
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    predict = commands.add_parser("predict", help="probabilities for scans", epilog=NOT_A_DEVICE)
    predict.add_argument("paths", nargs="+", metavar="SCAN", help="scans, folders of scans, or BIDS roots")
    predict.add_argument("--preset", default="vit3d_ad", help="name or folder (default: %(default)s)")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON list")
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    predict.set_defaults(run=_predict)

    measure = commands.add_parser("measure", help="volumes of brain structures", epilog=NOT_A_DEVICE)
    measure.add_argument("paths", nargs="+", metavar="SCAN", help="scans, folders of scans, or BIDS roots")
    measure.add_argument("--preset", default="vit3d_brain", help="name or folder (default: %(default)s)")
    measure.add_argument("--json", action="store_true", help="print a JSON list")
    measure.set_defaults(run=_measure)

    presets = commands.add_parser("presets", help="list the shipped presets")
    presets.add_argument("--json", action="store_true", help="print a JSON list")
    presets.set_defaults(run=_presets)

    verify = commands.add_parser("verify", help="rerun a preset's golden volume and compare")
    verify.add_argument("presets", nargs="+", metavar="PRESET", help="names or folders")
    verify.set_defaults(run=_verify)

    cohort = commands.add_parser("demo-cohort", help="write a cohort of synthetic scans (needs the extra 'synthesis')")
    cohort.add_argument("folder", type=Path)
    cohort.add_argument("--people", type=int, default=60, help="how many (default: %(default)s)")
    cohort.add_argument("--seed", type=_seed, default=0)
    cohort.set_defaults(run=_demo_cohort)

    prepare = commands.add_parser("prepare", help="conform a cohort's scans into a cache, for training later")
    prepare.add_argument("cohort", nargs="+", help="BIDS folders, folders of scans, or scans")
    prepare.add_argument("--out", type=Path, help="the cache (default: the user's)")
    prepare.add_argument("--preset", default="vit3d_ad", help="whose volume to conform to (default: %(default)s)")
    prepare.add_argument("--storage", choices=("float16", "uint8"), default="float16")
    prepare.add_argument("--workers", type=int, help="scans at a time (default: one a core)")
    prepare.add_argument("--skip", action="store_true", help="name scans that cannot be read, and go on")
    prepare.set_defaults(run=_prepare)

    show = commands.add_parser("show", help="a picture of what a model gets to see of a scan (needs the extra 'viz')")
    show.add_argument("scan", type=Path)
    show.add_argument("--preset", default="vit3d_ad", help="whose volume to conform to (default: %(default)s)")
    show.add_argument("--policy", default="standard", help="of the augmentation (default: %(default)s)")
    show.add_argument("--seed", type=_seed, default=0)
    show.add_argument("--out", type=Path, default=Path("slices.png"), help="the picture (default: %(default)s)")
    show.set_defaults(run=_show)

    train = commands.add_parser("train", help="fine-tune a preset on a cohort and evaluate it on held-out people")
    train.add_argument("cohort", type=Path, help="a BIDS folder with participants.tsv, or a CSV of paths and labels")
    train.add_argument("--target", required=True, help="column to learn, for example diagnosis or sex")
    train.add_argument("--labels", nargs="+", help="its values, in the order of the outputs (default: sorted)")
    train.add_argument("--drop-missing", action="store_true", help="leave scans without a label out")
    train.add_argument("--path-column", default="path", help="of a CSV (default: %(default)s)")
    train.add_argument("--participant-column", default="participant_id", help="of a CSV (default: %(default)s)")
    train.add_argument("--preset", default="vit3d_ad", help="name or folder to start from (default: %(default)s)")
    train.add_argument("--scratch", action="store_true", help="start from random weights")
    train.add_argument("--out", type=Path, required=True, help="folder for the new preset, its log and predictions")
    train.add_argument("--epochs", type=int, default=10)
    train.add_argument("--batch-size", type=int, default=6)
    train.add_argument("--peak", type=float, default=1e-4, help="highest learning rate (default: %(default)s)")
    train.add_argument("--warmup-epochs", type=float, default=1.0)
    train.add_argument("--augmentation", default="light", help="policy (default: %(default)s)")
    train.add_argument("--seed", type=_seed, default=0)
    train.set_defaults(run=_train)
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is no seed: give a whole number from 0")
    return int(text)


def _predict(options: argparse.Namespace) -> int:
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


def _measure(options: argparse.Namespace) -> int:
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


def _presets(options: argparse.Namespace) -> int:
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


def _verify(options: argparse.Namespace) -> int:
    from keras_neurovit.presets import verify

    verdicts = [verify(preset) for preset in options.presets]
    for verdict in verdicts:
        word = "agrees" if verdict.passed else "DIFFERS"
        print(f"{verdict.preset} on {verdict.backend}: {word}, largest difference {verdict.difference:.1e}")
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _demo_cohort(options: argparse.Namespace) -> int:
    from keras_neurovit.synthesis import write_demo_cohort

    print(write_demo_cohort(options.folder, options.people, options.seed))
    return 0


def _prepare(options: argparse.Namespace) -> int:
    from keras_neurovit.data import conform_all
    from keras_neurovit.predict import find_scans
    from keras_neurovit.presets import load_preset

    files = conform_all(
        find_scans(options.cohort),
        load_preset(options.preset).volume,
        cache=options.out,
        storage=options.storage,
        workers=options.workers,
        on_error="skip" if options.skip else "raise",
    )
    print(f"{sum(file is not None for file in files)} volumes are ready")
    return 1 if None in files else 0


def _show(options: argparse.Namespace) -> int:
    from keras_neurovit.show import show_scan

    print(show_scan(options.scan, options.preset, options.out, augmentation=options.policy, seed=options.seed))
    return 0


def _train(options: argparse.Namespace) -> int:
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


if __name__ == "__main__":
    sys.exit(main())
