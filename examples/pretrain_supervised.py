"""A backbone that learns several things known of people at once, each from those of whom it is known: a preset.

    python examples/pretrain_supervised.py --bids ../shared/data/ds002748 --targets sex=classes age=number

Go on with `from_preset("supervised_output/preset", num_classes=2)` or `keras-neurovit train FOLDER --target COLUMN
--preset supervised_output/preset`, on other people. Killed and started again, the same command goes on.
"""

import argparse
import dataclasses
from pathlib import Path

import keras

import keras_neurovit as nv
from keras_neurovit import cohorts, presets, training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True, help="folder of scans")
    parser.add_argument(
        "--targets", nargs="+", required=True, help="COLUMN=classes or COLUMN=number; all have the first"
    )
    parser.add_argument("--preset", default="vit3d_tiny", help="architecture, or weights to go on from")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("supervised_output"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="one epoch of a small volume")
    options = parser.parse_args()

    keras.utils.set_random_seed(options.seed)
    start = nv.load_preset(options.preset)
    small = {"volume_shape": (48, 64, 48), "spacing_mm": 4.0} if options.smoke else {}
    backbone, report = nv.from_preset(start, num_classes=0, load_weights=bool(start.weights), with_report=True, **small)
    columns = {column: kind for column, _, kind in (target.partition("=") for target in options.targets)}
    cohort = nv.read_bids(options.bids, target=next(iter(columns)), missing="drop")
    volume, why = cohorts.expect(cohort, report.preset.volume)
    print(why or f"expecting heads as {start.name} does")
    rows, tasks = cohorts.tasks_of(cohort, columns)
    how = {"batch_size": options.batch_size, "augmentation": "standard", "cache": options.out / "cache"}
    batches = nv.make_dataset(cohort, volume, targets=rows, shuffle=True, seed=options.seed, **how)
    length = {"epochs": 1, "jit_compile": False} if options.smoke else {"epochs": options.epochs}
    facts = {"preset": start.to_json(), "seed": options.seed, "people": sorted(set(cohort.participants))}
    facts |= {"batch_size": options.batch_size, "volume": volume.to_dict()}
    _, history = training.pretrain(
        backbone, batches, "supervised", folder=options.out / "run", options={"tasks": tasks}, facts=facts, **length
    )
    print(f"loss {history[0]['loss']:.3f} → {history[-1]['loss']:.3f}")
    described = dataclasses.replace(report.preset, name=f"{start.name}_supervised", labels=(), volume=volume)
    presets.save_to_preset(backbone, options.out / "preset", described)
    learnt_from = presets.know(cohort.participants, Path(cohort.source).name)
    presets.save_people(options.out / "preset", [*presets.known_people(start), learnt_from])
    print(f"the preset is in {options.out / 'preset'}")


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
