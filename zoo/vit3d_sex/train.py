"""How the preset vit3d_sex came to be.

Command:   python zoo/vit3d_sex/train.py --bids DS002748 --runs runs/vit3d_sex
Hardware:  two CPU cores (AMD EPYC, 2.4 GHz), 24 GB; no GPU

vit3d_brain fine-tuned on the 72 real brains of OpenNeuro ds002748: first a logistic regression on the volumes that it
measures (the head), then everything at a low rate, with augmentation. Its accuracy comes from 5-fold cross-validation
by person, three times; the weights that ship learnt from all 72. Beside it stand the same ViT from random weights, SFCN
from random weights, and brain volume alone. Killed, it goes on after the last finished fold.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from reports import run, write_report
from sex import arguments, report, settle, ship

BESIDE = ["vit3d_scratch", "sfcn_scratch"]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/vit3d_sex"), help="checkpoints and logs")
    parser.add_argument("--brain", default="vit3d_brain", help="name or folder of the preset to start from")
    parser.add_argument("--beside", nargs="*", choices=BESIDE, default=BESIDE, help="what to compare with")
    options = parser.parse_args()
    options.starts = {"vit3d_brain": options.brain}
    settle(options, "vit3d_sex")
    what = "Tiny ViT: sex from a brain-extracted T1, learnt from 72 people after synthetic pre-training."
    ship("vit3d_brain", what, options)
    write_report(options.results, report(["vit3d_brain", *options.beside], options))


if __name__ == "__main__":
    run(main)
