"""How the preset minit3d_ad came to be.

Command:   python zoo/minit3d_ad/train.py --label-maps SYNTHSEG_LABELS --brains runs/vit3d_brain --bids DS002748
           (--evaluate: only measure what ships, on the people that a run left)
Hardware:  two CPU cores (Intel Xeon with AVX-512), 24 GB; no GPU

A tiny MINiT learns to measure, on the brains that vit3d_brain learnt from: each patch of a block tells what it holds.
Then it learns to tell synthetic people with Alzheimer's disease as imposed from those without: the very people of
vit3d_ad, by the same head and in the same way, which is a logistic regression on what is measured, and then everything
towards the probability that true volumes give. (That regression alone reaches an AUC of 0.80. The published head, a
vote of blocks, reached 0.76 after half an hour, from a MINiT that measured worse.) Killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

import keras

import keras_neurovit
from keras_neurovit import presets

sys.path.insert(0, str(Path(__file__).parents[1]))
from alzheimer import LABELS, SEED, arguments, report, settle, tell, write_people
from brains import Brains
from measuring import MOST_MOVED, Lesson, describe, learn_to_measure
from reports import LOOKED_AT, publish, run, write_report

BASE = "minit3d_tiny"
CITATION = "Singla et al. 2022, arXiv 2208.09567; label maps: Billot et al. 2023 (SynthSeg), Medical Image Analysis 86."
MERGED = 2  # cells along an edge: its patches tell of four voxels
MEASURING, PASSES, BATCH = 2, 3, 4
"""How often each scan is seen, of measuring and of telling the diseased, and how many make a step."""
PEAK = 2e-4  # of telling the diseased


def measure(options: argparse.Namespace) -> presets.Preset:
    """A MINiT that measures; minit3d_sex starts from it too."""
    folder = options.runs / "measure"
    learn, test = options.brains / "learn", options.brains / "test"
    if not (learn / "truth.npy").exists():
        mend = "Run zoo/vit3d_brain/train.py first, which makes them, and give its --runs."
        raise keras_neurovit.InputError(f"{learn}: holds no brains to learn from", mend=mend)
    described = describe(
        presets.load_preset(BASE),
        Brains(learn, BATCH).truth,
        name="minit3d_measure",
        description="Tiny MINiT that measures brain structures, learnt on synthetic scans of any contrast.",
        citation=CITATION,
        views=7,
        merged=MERGED,
    )
    lessons = [Lesson(learn, 1 if options.smoke else MEASURING, most_moved=MOST_MOVED)]
    how = {"batch_size": BATCH, "seed": SEED}
    model = learn_to_measure(described, lessons, test, folder, merged=MERGED, **how)
    return presets.save_to_preset(model, folder / "preset", described)


def train(options: argparse.Namespace) -> None:
    keras.utils.set_random_seed(SEED)
    measured = measure(options)
    learn, test = write_people(options)
    passes = 1 if options.smoke else PASSES
    model = tell(measured, learn, test, options, batch_size=BATCH, passes=passes, peak=PEAK)
    described = dataclasses.replace(
        measured,
        name="minit3d_ad",
        description="Tiny MINiT: imposed Alzheimer-like atrophy against none, from synthetic T1; not for patients.",
        labels=LABELS,
        head=measured.class_head,
        volume=options.contract,
    )
    publish(model, options.preset, described, Brains(learn, BATCH).volumes[:LOOKED_AT])


def main() -> None:
    parser = arguments(__doc__, "minit3d_ad")
    parser.add_argument("--brains", type=Path, default=Path("runs/vit3d_brain"), help="where vit3d_brain ran")
    options = parser.parse_args()
    settle(options, "minit3d_ad", presets.load_preset(BASE))
    if options.smoke:
        options.brains /= "smoke"
    if not options.evaluate:
        train(options)
    write_report(options.results, report(options))


if __name__ == "__main__":
    run(main)
