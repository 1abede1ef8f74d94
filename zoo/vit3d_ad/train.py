"""How the preset vit3d_ad came to be.

Command:   python zoo/vit3d_ad/train.py --label-maps SYNTHSEG_LABELS --runs runs/vit3d_ad --bids DS002748
           (--evaluate: only measure what ships, on the people that a run left)
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; no GPU

vit3d_brain, fine-tuned on synthetic people with and without Alzheimer's disease as imposed: it measures them, and is
told every structure's share in every cell; then a logistic regression on the volumes that it measures becomes the head;
then everything learns the probability of the disease that a person's true volumes give, which says more of a brain than
the diagnosis does: no volumes tell the sick from the healthy for sure. It learns from people made of 16 of SynthSeg's
label maps and is tested on people made of the other four, and on real adults, none of whom has the disease. Killed, it
goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import keras

from keras_neurovit import presets

sys.path.insert(0, str(Path(__file__).parents[1]))
from alzheimer import LABELS, SEED, arguments, report, settle, tell, write_people
from brains import Brains
from measuring import MOST_MOVED, Lesson, learn_to_measure
from reports import LOOKED_AT, publish, run, write_report

LESSON = {"epochs": 1, "peak": 3e-4, "most_moved": MOST_MOVED}
PASSES, PEAK = 3, 2e-4  # of telling the classes
BATCH = 4


def measure(base: presets.Preset, learn: Path, test: Path, options: argparse.Namespace) -> presets.Preset:
    """The base, once it has measured people such as these."""
    described = dataclasses.replace(base, name="vit3d_ad_measure", volume=options.contract)
    how = {"batch_size": BATCH, "seed": SEED, "start": base}
    model = learn_to_measure(described, [Lesson(learn, **LESSON)], test, options.runs / "measure", **how)
    return presets.save_to_preset(model, options.runs / "measured", described)


def train(base: presets.Preset, options: argparse.Namespace) -> None:
    keras.utils.set_random_seed(SEED)
    learn, test = write_people(options)
    measured = measure(base, learn, test, options)
    model = tell(measured, learn, test, options, batch_size=BATCH, passes=PASSES, peak=PEAK)
    described = dataclasses.replace(
        base,
        name="vit3d_ad",
        description="Tiny ViT: imposed Alzheimer-like atrophy against none, from synthetic T1; not for patients.",
        labels=LABELS,
        head=base.class_head,
        volume=options.contract,
    )
    publish(model, options.preset, described, Brains(learn, BATCH).volumes[:LOOKED_AT])


def main() -> None:
    parser = arguments(__doc__, "vit3d_ad")
    parser.add_argument("--brain", default="vit3d_brain", help="name or folder of the preset to start from")
    options = parser.parse_args()
    base = presets.load_preset(options.brain)
    settle(options, "vit3d_ad", base)
    if not options.evaluate:
        train(base, options)
    write_report(options.results, report(options))


if __name__ == "__main__":
    run(main)
