"""The command line. Nothing heavy is imported before a command needs it, so `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from keras_neurovit import commands
from keras_neurovit._checks import InputError
from keras_neurovit._version import __version__
from keras_neurovit.commands import NOT_A_DEVICE


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
    kinds = parser.add_subparsers(required=True, metavar="COMMAND")

    predict = kinds.add_parser("predict", help="probabilities for scans", epilog=NOT_A_DEVICE)
    predict.add_argument("paths", nargs="+", metavar="SCAN", help="scans, folders of scans, or BIDS roots")
    predict.add_argument("--preset", default="vit3d_ad", help="name or folder (default: %(default)s)")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON list")
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    predict.set_defaults(run=commands.predict)

    measure = kinds.add_parser("measure", help="volumes of brain structures", epilog=NOT_A_DEVICE)
    measure.add_argument("paths", nargs="+", metavar="SCAN", help="scans, folders of scans, or BIDS roots")
    measure.add_argument("--preset", default="vit3d_brain", help="name or folder (default: %(default)s)")
    measure.add_argument("--json", action="store_true", help="print a JSON list")
    measure.set_defaults(run=commands.measure)

    presets = kinds.add_parser("presets", help="list the shipped presets")
    presets.add_argument("--json", action="store_true", help="print a JSON list")
    presets.set_defaults(run=commands.presets)

    verify = kinds.add_parser("verify", help="rerun a preset's golden volume and compare")
    verify.add_argument("presets", nargs="+", metavar="PRESET", help="names or folders")
    verify.set_defaults(run=commands.verify)

    cohort = kinds.add_parser("demo-cohort", help="write a cohort of synthetic scans (needs the extra 'synthesis')")
    cohort.add_argument("folder", type=Path)
    cohort.add_argument("--people", type=int, default=60, help="how many (default: %(default)s)")
    cohort.add_argument("--seed", type=_seed, default=0)
    cohort.set_defaults(run=commands.demo_cohort)

    prepare = kinds.add_parser("prepare", help="conform a cohort's scans into a cache, for training later")
    prepare.add_argument("cohort", nargs="+", help="BIDS folders, folders of scans, scans, or CSV files")
    prepare.add_argument("--path-column", default="path", help="of a CSV (default: %(default)s)")
    prepare.add_argument("--out", type=Path, help="the cache (default: the user's)")
    prepare.add_argument("--preset", default="vit3d_ad", help="whose volume to conform to (default: %(default)s)")
    prepare.add_argument("--storage", choices=("float16", "uint8"), default="float16")
    prepare.add_argument("--workers", type=int, help="scans at a time (default: one a core)")
    prepare.add_argument("--skip", action="store_true", help="name scans that cannot be read, and go on")
    prepare.set_defaults(run=commands.prepare)

    show = kinds.add_parser("show", help="a picture of what a model gets to see of a scan (needs the extra 'viz')")
    show.add_argument("scan", type=Path)
    show.add_argument("--preset", default="vit3d_ad", help="whose volume to conform to (default: %(default)s)")
    show.add_argument("--policy", default="standard", help="of the augmentation (default: %(default)s)")
    show.add_argument("--seed", type=_seed, default=0)
    show.add_argument("--out", type=Path, default=Path("slices.png"), help="the picture (default: %(default)s)")
    show.set_defaults(run=commands.show)

    train = kinds.add_parser("train", help="fine-tune a preset on a cohort and evaluate it on held-out people")
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
    train.add_argument("--cache", type=Path, help="of conformed volumes, as `prepare` fills it (default: the user's)")
    train.add_argument("--storage", choices=("float16", "uint8"), default="float16", help="of the cache")
    train.add_argument("--skip", action="store_true", help="name scans that cannot be read, and go on")
    train.add_argument("--seed", type=_seed, default=0)
    train.set_defaults(run=commands.train)
    return parser


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is no seed: give a whole number from 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
