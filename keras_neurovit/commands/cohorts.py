"""Commands on cohorts: demo-cohort, cohort, prepare, train, dicom."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from keras_neurovit._checks import InputError


def demo_cohort(options: argparse.Namespace) -> int:
    """Write a cohort of synthetic scans."""
    from keras_neurovit.synthesis import write_demo_cohort

    print(write_demo_cohort(options.folder, options.people, options.seed))
    return 0


def cohort(options: argparse.Namespace) -> int:
    """Describe a cohort, or tell how to get one."""
    from keras_neurovit.cohorts import check_files, load

    if options.folder is None:
        return _introduce(options.name)
    found = load(options.name, options.folder, options.target, **switches(options))
    if options.check:
        found = check_files(found)
    print(found.describe())
    if options.figure:
        from keras_neurovit.evaluation import flow_figure

        print(flow_figure(options.figure, found))
    return 0


def _introduce(name: str) -> int:
    """Print what a cohort is, how to get it, what its labels are made of, and its reader's options."""
    from keras_neurovit.cohorts import instructions, options
    from keras_neurovit.cohorts.registry import NAMED, reader

    told, own = instructions(name), ", ".join(f"{key}={json.dumps(value)}" for key, value in options(name).items())
    lines = [told]
    if name in NAMED:
        found = reader(name)
        lines = [found.title, told, f"Target: {found.target}. Assumed: {'; '.join(found.assumed)}."]
        lines.append(f"Source: {found.source}.")
    print("\n".join([*lines, *([f"Options, as they are if not given: {own}"] if own else [])]))
    return 0


def prepare(options: argparse.Namespace) -> int:
    """Conform scans into a cache."""
    from keras_neurovit.data import conform_all
    from keras_neurovit.presets import load_preset

    preset, ready, left_out = load_preset(options.preset), 0, False
    wished = {"shape": _one_or_three(options.volume_shape), "spacing_mm": _one_or_three(options.spacing_mm)}
    volume = dataclasses.replace(preset.volume, **{name: value for name, value in wished.items() if value})
    for paths, contract in _prepared(options, volume):
        files = conform_all(
            paths,
            contract,
            cache=options.out,
            storage=options.storage,
            hashed=options.hashed,
            workers=options.workers,
            on_error="skip" if options.skip else "raise",
            suspicious="refuse" if options.strict else "warn",
            fingerprint=preset.fingerprint if volume == preset.volume else None,
        )
        ready += sum(file is not None for file in files)
        left_out |= None in files
    print(f"{ready} volumes are ready")
    return 1 if left_out else 0


def _prepared(options: argparse.Namespace, contract) -> list[tuple[list[Path], object]]:
    """Scans, and the contract that `train` will read them by."""
    from keras_neurovit.cohorts import expect, load, scan_paths
    from keras_neurovit.predict import find_scans

    if options.reader:
        found = [load(options.reader, path, options.target, **switches(options)) for path in options.cohort]
        expected = [expect(cohort, contract) for cohort in found]
        for cohort, (_, why) in zip(found, expected, strict=True):
            print(cohort.describe())
            if why:
                print(why, file=sys.stderr)
        return [(cohort.paths, own) for cohort, (own, _) in zip(found, expected, strict=True)]
    _refuse_switches(options, "option", "target")
    paths = []
    for path in map(Path, options.cohort):
        table = path.suffix.lower() in (".csv", ".tsv")
        paths += scan_paths(path, options.path_column) if table else find_scans([path])
    return [(paths, contract)]


def switches(options: argparse.Namespace) -> dict:
    """A reader's options: numbers, true, false, null and objects as in JSON, all else as text."""
    switches = {}
    for text in options.option or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--option {text} is unusable", expected="NAME=VALUE, such as image=native")
        try:
            switches[name] = json.loads(value)
        except ValueError:
            switches[name] = value
    return switches


def _refuse_switches(options: argparse.Namespace, *names: str) -> None:
    for name in names:
        if getattr(options, name):
            raise InputError(
                f"--{name} is of --reader alone", mend="Name the cohort's reader, such as --reader oasis1."
            )


def _train_cohort(options: argparse.Namespace):
    from keras_neurovit.cohorts import load, read_bids, read_csv

    how = {"labels": options.labels, "missing": "drop" if options.drop_missing else "raise"}
    if options.reader:  # such cohorts have people without a label by design; the flow counts them
        how["missing"] = "drop"
        return load(options.reader, options.cohort, options.target, **how, **switches(options))
    _refuse_switches(options, "option")
    if options.cohort.is_dir():
        return read_bids(options.cohort, options.target, **how)
    how |= {"path_column": options.path_column, "participant_column": options.participant_column}
    return read_csv(options.cohort, options.target, **how)


def train(options: argparse.Namespace) -> int:
    """Fine-tune on a cohort and evaluate."""
    from keras_neurovit.experiment import train_on_cohort

    cohort = _train_cohort(options)
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
        volume_shape=_one_or_three(options.volume_shape),
        spacing_mm=_one_or_three(options.spacing_mm),
        patch_size=_one_or_three(options.patch_size),
        strategy=options.strategy,
        last_n=options.last_n,
        lora_rank=options.lora_rank,
        devices=options.devices,
        seed=options.seed,
        cache=options.cache,
        storage=options.storage,
        hashed=options.hashed,
        on_error="skip" if options.skip else "raise",
        brain_extracted={"yes": True, "no": False}.get(options.brain_extracted),
    )
    print("held-out people:")
    for name, estimate in outcome.results.items():
        print(f"  {name}: {estimate}")
    print(f"preset, log and predictions are in {options.out}")
    return 0


def dicom(options: argparse.Namespace) -> int:
    """Convert the T1 series of a DICOM export; 1 where nothing came of it."""
    from keras_neurovit.cohorts import convert_dicom

    how = {"sequences": options.sequences} if options.sequences else {}
    done = convert_dicom(options.folder, options.out, participants=options.participants, **how)
    print(done.describe())
    return 0 if done.scans else 1


def _one_or_three(numbers: list | None):
    return numbers[0] if numbers and len(numbers) == 1 else numbers and tuple(numbers)
