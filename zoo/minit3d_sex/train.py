"""How the preset minit3d_sex came to be.

Command:   python zoo/minit3d_sex/train.py --bids DS002748 --measure runs/minit3d_ad/measure/preset
Hardware:  two CPU cores (Intel Xeon with AVX-512), 24 GB; no GPU

The MINiT that learnt to measure for minit3d_ad, fine-tuned as vit3d_sex was on the 72 real brains of OpenNeuro
ds002748. Its accuracy comes from 5-fold cross-validation by person, three times; the weights that ship learnt from all
72. Beside it stand the ViT fine-tuned likewise, the ViT from random weights, whose scores are kept, and brain volume
alone. Killed, it goes on after the last finished fold.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from reports import run, write_report
from sex import KINDS, arguments, report, settle, ship

BESIDE = ["vit3d_brain", "vit3d_scratch"]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/minit3d_sex"), help="checkpoints and logs")
    parser.add_argument("--measure", type=Path, required=True, help="folder of the preset to start from")
    parser.add_argument("--beside", nargs="*", choices=sorted(KINDS), default=BESIDE, help="what to compare with")
    options = parser.parse_args()
    options.starts = {"minit3d_measure": options.measure}
    settle(options, "minit3d_sex")
    what = "Tiny MINiT: sex from a brain-extracted T1, learnt from 72 people after synthetic pre-training."
    ship("minit3d_measure", what, options)
    write_report(options.results, report(["minit3d_measure", *options.beside], options))


if __name__ == "__main__":
    run(main)
