"""A backbone that learns from scans without labels, or from synthetic brains without end: a preset.

    python examples/pretrain.py --bids ../shared/data/ds002748  # or --label-maps ../shared/data/synthseg_labels

Go on with `from_preset("pretrain_output/preset", num_classes=2)` or `keras-neurovit train FOLDER --target COLUMN
--preset pretrain_output/preset`. Killed and started again, the same command goes on after the last epoch.
"""

import argparse
import dataclasses
from pathlib import Path

import keras
import numpy as np

import keras_neurovit as nv
from keras_neurovit import data, models, presets, synthesis, training


def from_folder(options, volume):
    cohort = nv.read_bids(options.bids, target=options.column, missing="drop")
    views = 2 if options.method == "contrastive" else 1
    return nv.make_dataset(
        cohort, volume, batch_size=options.batch_size, shuffle=True, augmentation="strong" if views > 1 else "standard",
        views=views, seed=options.seed, cache=options.out / "cache",
    ), cohort.participants, ()  # fmt: skip


def from_generator(options, volume):
    anatomies = synthesis.load_anatomies(options.label_maps)
    generator = synthesis.BrainGenerator(anatomies, volume.shape, volume.spacing_mm[0])
    target = {"masked": "volumes", "contrastive": "person", "supervised": "tasks"}[options.method]
    how = {"batch_size": options.batch_size, "steps": 2 if options.smoke else 100, "seed": options.seed}
    factory = synthesis.BrainFactory(generator)
    stream = synthesis.BrainStream(factory, contrasts=1 + (target == "person"), target=target, **how)
    return data.read_ahead(stream), [], stream.tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, help="folder of scans")
    parser.add_argument("--column", default="sex", help="of participants.tsv; only people who have it are read")
    parser.add_argument("--label-maps", type=Path, help="without --bids: what brains are made of; default: ICBM152's")
    parser.add_argument("--method", choices=("masked", "contrastive", "supervised"), default="masked")
    parser.add_argument("--preset", default="vit3d_tiny", help="architecture, or weights to go on from")
    for name, number in (("--epochs", 50), ("--batch-size", 8), ("--seed", 0)):
        parser.add_argument(name, type=int, default=number)
    parser.add_argument("--out", type=Path, default=Path("pretrain_output"))
    parser.add_argument("--smoke", action="store_true", help="one epoch of a small volume")
    options = parser.parse_args()
    if options.bids and options.method == "supervised":
        parser.error("of real people, several columns teach: examples/pretrain_supervised.py")
    keras.utils.set_random_seed(options.seed)
    start = nv.load_preset(options.preset)
    small = {"volume_shape": (48, 64, 48), "spacing_mm": 4.0} if options.smoke else {}
    backbone, report = nv.from_preset(start, num_classes=0, load_weights=bool(start.weights), with_report=True, **small)
    volume = dataclasses.replace(report.preset.volume, brain_extracted=start.volume.brain_extracted)
    batches, people, tasks = (from_folder if options.bids else from_generator)(options, volume)
    facts = {"preset": start.to_json(), "seed": options.seed, "from": str(options.bids or options.label_maps)}
    facts |= {"people": sorted(set(people)), "batch_size": options.batch_size, "volume": volume.to_dict()}
    how = {"epochs": 1, "jit_compile": False} if options.smoke else {"epochs": options.epochs}
    how |= {"folder": options.out / "run", "facts": facts, "options": {"tasks": tasks} if tasks else None}
    model, history = training.pretrain(backbone, batches, options.method, **how)
    described = dataclasses.replace(report.preset, name=f"{start.name}_{options.method}", labels=(), volume=volume)
    presets.save_to_preset(backbone, options.out / "preset", described)
    met = presets.know(people, options.bids.name if options.bids else "synthetic people alone")
    presets.save_people(options.out / "preset", [*presets.known_people(start), met])
    if options.method == "masked":
        first = next(iter(batches))[0][:1]
        scan, seen, filled = (keras.ops.convert_to_numpy(v)[0] for v in (first, *models.reconstruct(model, first)))
        shown = {"scan": scan, "what it saw": np.nan_to_num(seen, nan=scan.min()), "what it filled in": filled}
        nv.evaluation.figures.slices_figure(options.out / "filled.png", shown, spacing_mm=volume.spacing_mm)
    print(f"loss {history[0]['loss']:.3f} → {history[-1]['loss']:.3f}; the preset is in {options.out / 'preset'}")


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
