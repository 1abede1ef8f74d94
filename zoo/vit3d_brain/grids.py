"""What a finer grid would give: a short lesson of the same people in about the same time, at 3 mm and at 2 mm.

Command:   python zoo/vit3d_brain/grids.py --label-maps SYNTHSEG_LABELS --bids DS002748 --originals DS002748_RAW
Hardware:  two CPU cores (Intel Xeon with AVX-512), 24 GB; no GPU

At either spacing a brain fits the box, and cells are two voxels wide. A scan at 2 mm has three times the voxels, so
that its brains are seen a third as often. Killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import keras

from keras_neurovit import presets, volumes
from keras_neurovit._files import published

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from brains import Brains, split_label_maps
from evaluate import on_real_people, on_synthetic_people
from measuring import Lesson, learn_to_measure
from reports import run, write_report
from train import CONTRACT, SEED, untrained, write

FINE = volumes.VolumeContract((2.0, 2.0, 2.0), (96, 112, 96), brain_extracted=False)
GRIDS = {"3_mm": (CONTRACT, 6), "2_mm": (FINE, 2)}
"""Contracts, and how often each brain is seen."""
PEOPLE, FRESH, BATCH = 768, 200, 4


def learnt(contract: volumes.VolumeContract, passes: int, options: argparse.Namespace, folder: Path) -> Path:
    """The preset that learnt at one spacing; beside it, what learning took."""
    maps = split_label_maps(options.label_maps)
    sides = (("learn", options.people, SEED, 2), ("test", options.fresh, SEED + 10_000_000, 1))
    for own, (name, people, first, contrasts) in zip(maps, sides, strict=True):
        write(folder / name, people, own, first, contrasts, contract)
    if (folder / "cost.json").exists():
        return folder / "preset"
    keras.utils.set_random_seed(SEED)
    described, began = untrained(folder / "learn", contract), time.process_time()
    lesson = [Lesson(folder / "learn", passes)]
    model = learn_to_measure(described, lesson, folder / "test", folder / "train", batch_size=BATCH, seed=SEED)
    presets.save_to_preset(model, folder / "preset", described)
    scans = passes * 2 * options.people
    cost = {"scans_learnt_from": scans, "core_seconds_a_scan": round((time.process_time() - began) / scans, 3)}
    with published(folder / "cost.json") as temporary:  # of the last start, where a run was killed
        temporary.write_text(json.dumps(cost), encoding="utf-8")
    return folder / "preset"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label-maps", type=Path, required=True, help="folder of SynthSeg's label maps")
    parser.add_argument("--bids", type=Path, required=True, help="folder of OpenNeuro ds002748")
    parser.add_argument("--originals", type=Path, required=True, help="some of the same people as published")
    parser.add_argument("--runs", type=Path, default=Path("runs/grids"), help="brains, checkpoints and logs")
    parser.add_argument("--smoke", action="store_true", help="a handful of people, one pass each")
    options = parser.parse_args()
    options.people, options.fresh = (16, 8) if options.smoke else (PEOPLE, FRESH)
    results = Path(__file__).with_name("grids.json")
    if options.smoke:
        options.runs /= "smoke"
        results = options.runs / "grids.json"
    report = {"learnt_from": f"{options.people} synthetic people with two contrasts each, seed {SEED}", "test": {}}
    for name, (contract, passes) in GRIDS.items():
        folder = options.runs / name
        preset = learnt(contract, 1 if options.smoke else passes, options, folder)
        synthetic, _ = on_synthetic_people(Brains(folder / "test", BATCH), preset)
        real, facts = on_real_people(options.bids, options.originals, preset)
        report["test"] |= {f"{name}_{what}": row for what, row in {**synthetic, **real}.items()}
        told = {"scan_and_original": facts["scan_and_original"]}
        report[name] = told | json.loads((folder / "cost.json").read_text(encoding="utf-8"))
    write_report(results, report)


if __name__ == "__main__":
    run(main)
