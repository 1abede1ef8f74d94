"""The command line. Nothing heavy is imported before a command needs it, so `--help` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from keras_neurovit._checks import InputError
from keras_neurovit._notice import NOT_A_DEVICE
from keras_neurovit._version import __version__
from keras_neurovit.commands import checks, cohorts, evaluate, pages, presets, scans

HASHED_HELP = "know scans by their content, so that moved ones need not be conformed again (takes reading them)"
METHODS_HELP = "or occlusion, gradient_attention, attention_rollout (default: %(default)s)"


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
    predict.add_argument("--preset", default="vit3d_ad", help="name, folder or address (default: %(default)s)")
    predict.add_argument("--strict", action="store_true", help="refuse scans that a warning would be given of")
    predict.add_argument("--strip", choices=("hd-bet", "deepbet"), help="take the skull off first, by this tool")
    predict.add_argument("--bias-correct", choices=("n4",), help="correct the bias field (needs the extra 'n4')")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a JSON list")
    form.add_argument("--csv", action="store_true", help="print a table for spreadsheets")
    predict.set_defaults(run=scans.predict)

    measure = kinds.add_parser("measure", help="volumes of brain structures", epilog=NOT_A_DEVICE)
    measure.add_argument("paths", nargs="+", metavar="SCAN", help="scans, folders of scans, or BIDS roots")
    measure.add_argument("--preset", default="vit3d_brain", help="name, folder or address (default: %(default)s)")
    measure.add_argument("--strict", action="store_true", help="refuse scans that a warning would be given of")
    measure.add_argument("--json", action="store_true", help="print a JSON list")
    measure.set_defaults(run=scans.measure)

    listed = kinds.add_parser("presets", help="list the shipped presets")
    listed.add_argument("--json", action="store_true", help="print a JSON list")
    listed.set_defaults(run=presets.presets)

    verify = kinds.add_parser("verify", help="rerun a preset's golden volume and compare")
    verify.add_argument(
        "presets", nargs="*", metavar="PRESET", help="names, folders or addresses (default: all shipped)"
    )
    verify.set_defaults(run=presets.verify)

    cohort = kinds.add_parser("demo-cohort", help="write a cohort of synthetic scans (needs the extra 'synthesis')")
    cohort.add_argument("folder", type=Path)
    cohort.add_argument("--people", type=int, default=60, help="how many (default: %(default)s)")
    cohort.add_argument("--seed", type=_seed, default=0)
    cohort.set_defaults(run=cohorts.demo_cohort)

    prepare = kinds.add_parser("prepare", help="conform a cohort's scans into a cache, for training later")
    prepare.add_argument("cohort", nargs="+", help="BIDS folders, folders of scans, scans, or CSV files")
    prepare.add_argument("--path-column", default="path", help="of a CSV (default: %(default)s)")
    prepare.add_argument("--out", type=Path, help="the cache (default: the user's)")
    prepare.add_argument("--preset", default="vit3d_ad", help="whose volume to conform to (default: %(default)s)")
    prepare.add_argument("--volume-shape", type=int, nargs="+", metavar="VOXELS", help="x y z (default: the preset's)")
    prepare.add_argument("--spacing-mm", type=float, nargs="+", metavar="MM", help="of a voxel, one number or x y z")
    prepare.add_argument("--storage", choices=("float16", "uint8"), default="float16")
    prepare.add_argument("--hashed", action="store_true", help=HASHED_HELP)
    prepare.add_argument("--workers", type=int, help="scans at a time (default: one a core)")
    prepare.add_argument("--skip", action="store_true", help="name scans that cannot be read, and go on")
    prepare.add_argument("--strict", action="store_true", help="take scans that look wrong as ones that cannot be read")
    _add_reader(prepare)
    prepare.add_argument("--target", help="of --reader: column of the labels (default: the cohort's own)")
    prepare.set_defaults(run=cohorts.prepare)

    show = kinds.add_parser("show", help="a picture of what a model gets to see of a scan (needs the extra 'viz')")
    show.add_argument("scan", type=Path)
    show.add_argument("--preset", default="vit3d_ad", help="whose volume to conform to (default: %(default)s)")
    show.add_argument("--policy", help="of the augmentation (default: the preset's, or standard)")
    show.add_argument("--seed", type=_seed, default=0)
    show.add_argument("--out", type=Path, default=Path("slices.png"), help="the picture (default: %(default)s)")
    show.set_defaults(run=scans.show)

    explain = kinds.add_parser("explain", help="a map of what a score rests on, as NIfTI", epilog=NOT_A_DEVICE)
    explain.add_argument("scan", type=Path)
    explain.add_argument("--preset", default="vit3d_ad", help="name, folder or address (default: %(default)s)")
    explain.add_argument("--method", default="integrated_gradients", help=METHODS_HELP)
    explain.add_argument("--label", help="whose score (default: the last, the ill one where there are two)")
    explain.add_argument("--regions", type=Path, help="a label map in the scan's space, such as FreeSurfer's aseg")
    explain.add_argument("--out", type=Path, default=Path("map.nii.gz"), help="the map (default: %(default)s)")
    explain.set_defaults(run=pages.explain)

    report = kinds.add_parser(
        "report", help="a page about a cohort or a scan (needs the extra 'report')", epilog=NOT_A_DEVICE
    )
    report.add_argument("source", type=Path, metavar="SOURCE", help="a predictions.csv, or a scan")
    report.add_argument("--out", type=Path, default=Path("report.html"), help="the page (default: %(default)s)")
    report.add_argument("--preset", help="name or folder; explains scans (default, of a scan: vit3d_ad)")
    report.add_argument("--cohort", type=Path, help="BIDS folder of the people in predictions.csv")
    report.add_argument("--predictions", type=Path, help="of people whose truth is known, for a page about a scan")
    report.add_argument("--label", help="the positive label, whose probability is told (default: the last)")
    report_cut = report.add_mutually_exclusive_group()
    report_cut.add_argument("--threshold", type=float, help="chosen before (default: 0.5, or by --validation)")
    report_cut.add_argument("--validation", type=Path, help="predictions of other people to choose the threshold on")
    report.add_argument("--train", type=Path, help="table of the people the model was trained on")
    report.add_argument("--force", action="store_true", help="report on people the model knows, and mark it")
    report.add_argument("--scaling", type=Path, help="CSV of people, auc, low, high")
    report.add_argument("--scans", type=int, default=3, help="how many of the best and worst (default: %(default)s)")
    report.add_argument("--method", default="integrated_gradients", help=METHODS_HELP)
    report.add_argument("--regions", type=Path, help="a label map in the scan's space")
    report.set_defaults(run=pages.report)

    train = kinds.add_parser("train", help="fine-tune a preset on a cohort and evaluate it on held-out people")
    train.add_argument("cohort", type=Path, help="a BIDS folder with participants.tsv, or a CSV of paths and labels")
    train.add_argument("--target", required=True, help="column to learn, for example diagnosis or sex")
    train.add_argument("--labels", nargs="+", help="its values, in the order of the outputs (default: sorted)")
    train.add_argument("--drop-missing", action="store_true", help="leave scans without a label out")
    train.add_argument("--path-column", default="path", help="of a CSV (default: %(default)s)")
    train.add_argument("--participant-column", default="participant_id", help="of a CSV (default: %(default)s)")
    train.add_argument("--preset", default="vit3d_ad", help="name, folder or URL to start from (default: %(default)s)")
    train.add_argument("--scratch", action="store_true", help="start from random weights")
    train.add_argument("--volume-shape", type=int, nargs="+", metavar="VOXELS", help="x y z (default: the preset's)")
    train.add_argument("--spacing-mm", type=float, nargs="+", metavar="MM", help="of a voxel, one number or x y z")
    train.add_argument("--patch-size", type=int, nargs="+", metavar="VOXELS", help="of a patch, one number or x y z")
    train.add_argument("--strategy", choices=("full", "head", "last_n", "lora"), help="what trains (default: all)")
    train.add_argument("--last-n", type=int, metavar="BLOCKS", help="that train, for --strategy last_n")
    train.add_argument("--lora-rank", type=int, metavar="RANK", help="of the adapters, for --strategy lora")
    train.add_argument("--out", type=Path, required=True, help="folder for the new preset, its log and predictions")
    train.add_argument("--epochs", type=int, default=10)
    train.add_argument("--batch-size", type=int, default=6)
    train.add_argument("--peak", type=float, default=1e-4, help="highest learning rate (default: %(default)s)")
    train.add_argument("--warmup-epochs", type=float, default=1.0)
    train.add_argument("--augmentation", metavar="POLICY", help="light, standard … (default: the preset's, or light)")
    train.add_argument("--devices", type=int, default=1, help="that share each batch (default: %(default)s)")
    train.add_argument("--cache", type=Path, help="of conformed volumes, as `prepare` fills it (default: the user's)")
    train.add_argument("--storage", choices=("float16", "uint8"), default="float16", help="of the cache")
    train.add_argument("--hashed", action="store_true", help=HASHED_HELP)
    train.add_argument("--skip", action="store_true", help="name scans that cannot be read, and go on")
    train.add_argument("--seed", type=_seed, default=0)
    _add_reader(train)
    train.add_argument("--brain-extracted", choices=("yes", "no"), help="whether skulls are off, where no one tells")
    train.set_defaults(run=cohorts.train)

    described = kinds.add_parser("cohort", help="who is in a cohort, who was left out and why; how to get one")
    described.add_argument("name", help="such as oasis1, adni or bids; a wrong one lists all")
    described.add_argument("folder", type=Path, nargs="?", help="where it lies; without it: how to get it")
    described.add_argument("--target", help="column of the labels (default: the cohort's own)")
    described.add_argument("--check", action="store_true", help="read headers too: 4-D, half-downloaded files")
    described.add_argument("--figure", type=Path, help="draw the flow as PNG (needs the extra 'viz')")
    described.add_argument("--option", action="append", metavar="NAME=VALUE", help="of this cohort's reader")
    described.set_defaults(run=cohorts.cohort)

    judged = kinds.add_parser("evaluate", help="measures with intervals from a table of predictions")
    what = judged.add_mutually_exclusive_group(required=True)
    what.add_argument("--predictions", type=Path, help="CSV: participant_id, target, probability …")
    cohorts_help = "cohorts for --preset to predict --target in, a row each; BIDS folders, or as --reader says"
    what.add_argument("--cohorts", "--bids", dest="cohorts", type=Path, nargs="+", metavar="FOLDER", help=cohorts_help)
    judged.add_argument("--target", help="of --cohorts: column with the preset's labels")
    reader_help = "of --cohorts: what reads them, one of all or one each, such as oasis1 aibl; see `cohort`"
    judged.add_argument("--reader", nargs="+", metavar="NAME", help=reader_help)
    judged.add_argument("--option", action="append", metavar="NAME=VALUE", help="of --reader, such as image=native")
    judged.add_argument("--out", type=Path, help="of --cohorts: folder for a table of predictions a cohort")
    judged.add_argument("--labels", nargs=2, metavar=("OTHER", "POSITIVE"), help="where targets are names")
    cut = judged.add_mutually_exclusive_group()
    cut.add_argument("--threshold", type=float, help="chosen before (default: 0.5, or by --validation)")
    cut.add_argument("--validation", type=Path, help="predictions of other people to choose the threshold on")
    judged.add_argument("--table", type=Path, help="participants.tsv with age, sex, site … of the same people")
    judged.add_argument("--train", type=Path, help="table of the people the model was trained on")
    judged.add_argument("--preset", help="what predicted, to look for people it has learnt from")
    judged.add_argument("--force", action="store_true", help="evaluate on people the model knows, and mark it")
    judged.add_argument("--against", type=Path, nargs="+", default=[], help="predictions of other models")
    judged.add_argument("--figures", type=Path, help="folder for roc.png and reliability.png (needs the extra 'viz')")
    judged.add_argument("--draws", type=int, default=2000, help="of the bootstrap (default: %(default)s)")
    judged.add_argument("--seed", type=_seed, default=0)
    judged.add_argument("--json", action="store_true", help="print JSON")
    judged.set_defaults(run=evaluate.evaluate)

    calibrate = kinds.add_parser("calibrate", help="make a preset's probabilities right by validation people")
    calibrate.add_argument("preset", type=Path, help="its folder; preset.json is written anew")
    calibrate.add_argument("--validation", type=Path, required=True, help="its predictions of people to fit on")
    calibrate.add_argument("--labels", nargs=2, metavar=("OTHER", "POSITIVE"), help="where targets are names")
    calibrate.add_argument("--method", choices=("temperature", "isotonic"), default="temperature")
    calibrate.add_argument("--figure", type=Path, help="PNG of the reliability before and after (needs 'viz')")
    calibrate.set_defaults(run=checks.calibrate)

    leaks = kinds.add_parser("leaks", help="people or scans on two sides, or known to a preset; 1 where there are any")
    for side in ("train", "validation", "test"):
        leaks.add_argument(f"--{side}", type=Path, help="BIDS folder, or table with participant_id and path")
    leaks.add_argument("--preset", help="whose own people to look for, too")
    leaks.add_argument("--ids-only", action="store_true", help="compare names of people and open no scan")
    leaks.add_argument("--json", action="store_true", help="print a JSON list")
    leaks.set_defaults(run=checks.leaks)

    check = kinds.add_parser("check", help="compare scans with what a preset expects of them")
    check.add_argument("paths", nargs="+", metavar="SCAN", help="scans, folders of scans, or BIDS roots")
    check.add_argument("--preset", default="vit3d_ad", help="name, folder or address (default: %(default)s)")
    check.add_argument("--json", action="store_true", help="print a JSON list")
    check.set_defaults(run=scans.check)

    dicom = kinds.add_parser("dicom", help="make a BIDS folder of the T1 series of a DICOM export (needs 'dicom')")
    dicom.add_argument("folder", type=Path, help="with DICOM files, in folders of any depth")
    dicom.add_argument("out", type=Path, help="the BIDS folder")
    dicom.add_argument("--sequences", metavar="REGEX", help="of series' names (default: those of T1 sequences)")
    dicom.add_argument(
        "--participants", choices=("PatientID", "folder"), default="PatientID", help="what names a person"
    )
    dicom.set_defaults(run=cohorts.dicom)

    export = kinds.add_parser("export", help="write a preset for another runtime, and compare it with Keras")
    export.add_argument("preset", help="name, folder or address")
    export.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    export.add_argument("--format", choices=("savedmodel", "onnx", "litert", "openvino"), default="savedmodel")
    export.set_defaults(run=presets.export)
    return parser


def _add_reader(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reader", help="read as this cohort, such as oasis1, adni or derivatives; see `cohort`")
    command.add_argument("--option", action="append", metavar="NAME=VALUE", help="of --reader, such as image=native")


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text} is no seed: give a whole number from 0")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
