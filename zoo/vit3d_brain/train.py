"""How the preset vit3d_brain came to be.

Command:   python zoo/vit3d_brain/train.py --label-maps SYNTHSEG_LABELS --runs runs/vit3d_brain
           --bids DS002748 --originals DS002748_RAW --colin MRICRON_TEMPLATES
           (--evaluate: only measure what ships, on the brains that a run left)
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; KERAS_BACKEND=jax on a GPU runs the same file

A tiny vit3d learns to measure: from synthetic scans of any contrast, the share of every structure in every cell of two
voxels along each edge. A second lesson, of other people, is harder: strong coils shade the scans, and more of them have
skulls. In three more the scans of either are moved, lest the model goes by where in the box something usually lies. Its
teachers are 16 of SynthSeg's 20 label maps; the other four make the people it is tested on. Killed, it goes on where it
was.
"""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path

import keras

from keras_neurovit import presets, synthesis, volumes

sys.path.insert(0, str(Path(__file__).parents[1]))
from brains import HELD_OUT, Brains, split_label_maps, write_brains
from evaluate import furthest, on_real_people, on_synthetic_people, with_and_without_skull, write_errors
from measuring import CELL, MOST_MOVED, Lesson, describe, learn_to_measure
from reports import LOOKED_AT, draw_failures, need_extras, publish, run, write_report

SEED = 2303
FINER = {"patch_size": CELL, "hidden_dim": 16, "num_layers": 1}
STEM = {"patch_size": 2 * CELL, "hidden_dim": 64, "num_layers": 1, "num_levels": 3, "stem": FINER}
T1_SHARE = 0.9  # of the scans; the rest have any contrast
COILS = {"stripped_share": 0.6, "coil": 1.0}  # of the second lesson
CONTRACT = volumes.VolumeContract((3.0, 3.0, 3.0), (64, 80, 64), brain_extracted=False)
CITATION = (
    "Dhinagar et al. 2023, arXiv 2303.08216; label maps: Billot et al. 2023 (SynthSeg), Medical Image Analysis 86."
)


@functools.cache
def factory(label_maps: tuple[Path, ...], contract: volumes.VolumeContract, **scanner: float) -> synthesis.BrainFactory:
    anatomies = synthesis.load_anatomies(label_maps)
    drawn = {"cell": CELL, "t1_share": T1_SHARE, **scanner}
    return synthesis.BrainFactory(synthesis.BrainGenerator(anatomies, contract.shape, contract.spacing_mm[0], **drawn))


def people_to_learn_from(options: argparse.Namespace) -> Path:
    learn = split_label_maps(options.label_maps)[0]
    return write(options.runs / "learn", options.people, learn, SEED, contrasts=2)


def people_under_coils(options: argparse.Namespace) -> Path:
    learn = split_label_maps(options.label_maps)[0]
    return write(options.runs / "coils", options.people, learn, SEED + 5_000_000, contrasts=2, **COILS)


def people_to_test_on(options: argparse.Namespace) -> Path:
    test = split_label_maps(options.label_maps)[1]
    return write(options.runs / "test", options.fresh, test, SEED + 10_000_000, contrasts=1)


def write(
    folder: Path,
    people: int,
    maps: list[Path],
    first: int,
    contrasts: int,
    contract: volumes.VolumeContract = CONTRACT,
    **scanner: float,
) -> Path:
    facts = {
        "label_maps": [file.name for file in maps],
        "first_seed": first,
        "contract": contract.to_dict(),
        "cell": CELL,
        **scanner,
    }

    def make(places):
        return factory(tuple(maps), contract, **scanner)(first + places, contrasts=contrasts)

    return write_brains(folder, people, make, facts, contrasts)


def untrained(learn: Path, contract: volumes.VolumeContract = CONTRACT) -> presets.Preset:
    """The preset before it has weights."""
    tiny = presets.load_preset("vit3d_tiny")
    return describe(
        tiny,
        Brains(learn, 1).truth,
        name="vit3d_brain",
        description="Tiny ViT that measures brain structures, learnt on synthetic scans of any contrast.",
        arguments={**tiny.arguments, "stem": STEM},
        volume=contract,
        views=7,
        augmentation="standard",  # as zoo/sex.py tried it
        citation=CITATION,
    )


def train(options: argparse.Namespace) -> None:
    keras.utils.set_random_seed(SEED)
    learn, coils, test = people_to_learn_from(options), people_under_coils(options), people_to_test_on(options)
    described = untrained(learn)
    lessons = [
        Lesson(learn, options.epochs),
        Lesson(coils, options.epochs, peak=7e-4),
        *(Lesson(brains, 1, peak=5e-4, most_moved=MOST_MOVED) for brains in (coils, learn, coils)),
    ]
    how = {"batch_size": options.batch_size, "seed": SEED}
    model = learn_to_measure(described, lessons, test, options.runs / "train", **how)
    publish(model, options.preset, described, Brains(learn, options.batch_size).volumes[:LOOKED_AT])


def evaluate(options: argparse.Namespace) -> None:
    """Measure what ships, half-precision weights read back."""
    preset = options.preset
    test, structures = on_synthetic_people(Brains(people_to_test_on(options), options.batch_size), preset)
    write_errors(structures, preset)
    report = {
        "learnt_from": f"two times {options.people} synthetic people with two contrasts each, seed {SEED}",
        "tested_on": f"{options.fresh} synthetic people from {len(HELD_OUT)} label maps that were not learnt from",
        "test": test,
        "structures": structures,
    }
    if not options.smoke:
        found, report["real"] = on_real_people(options.bids, options.originals, preset)
        test |= found
        report["colin27_whole_over_extracted"] = with_and_without_skull(options.colin, preset)
        shown = furthest(report["real"], options.bids)
        draw_failures(options.results, shown, CONTRACT)
    write_report(options.results, report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label-maps", type=Path, required=True, help="folder of FreeSurfer-coded label maps")
    parser.add_argument("--runs", type=Path, default=Path("runs/vit3d_brain"), help="brains, checkpoints and logs")
    parser.add_argument("--bids", type=Path, help="folder of OpenNeuro ds002748, to measure real people")
    parser.add_argument("--originals", type=Path, help="some of the same people as published")
    parser.add_argument("--colin", type=Path, help="folder of Colin27's ch2.nii.gz and ch2bet.nii.gz")
    parser.add_argument("--evaluate", action="store_true", help="only measure the preset as it ships")
    parser.add_argument("--smoke", action="store_true", help="a handful of people and steps, nothing published")
    options = parser.parse_args()
    if not options.smoke and not (options.bids and options.originals and options.colin):
        parser.error("what ships is measured on real scans: give --bids, --originals and --colin")
    need_extras()
    options.preset, options.results = presets.SHIPPED / "vit3d_brain", Path(__file__).with_name("results.json")
    options.people, options.fresh, options.epochs, options.batch_size = 5120, 400, 2.5, 4
    if options.smoke:
        options.runs /= "smoke"
        options.people, options.fresh, options.epochs, options.batch_size = 16, 8, 1, 4
        options.preset, options.results = options.runs / "preset", options.runs / "results.json"
    if not options.evaluate:
        train(options)
    evaluate(options)


if __name__ == "__main__":
    run(main)
