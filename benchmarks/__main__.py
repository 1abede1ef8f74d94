"""`python -m benchmarks data --out data.json`: ratios against peers, measured alternately in one run."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

NAMES = ("data", "augment", "model", "pretraining", "startup", "synthesis", "cohorts", "evaluation")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--label-maps", type=Path, help="for synthesis; default: the ICBM152 templates")
    parser.add_argument("--scan", type=Path, help="for data; default: the ICBM152 brain with noise, 1 mm")
    parser.add_argument("--batch", type=int, default=2, help="for model and pretraining: images a step")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, taken in turns")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    if min(options.rounds, options.batch) < 1:
        parser.error("--rounds and --batch are 1 or more")
    if options.scan and not options.scan.is_file():
        parser.error(f"{options.scan}: no such file")
    try:
        figures = importlib.import_module(f"benchmarks.{options.name}").run(options)
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed: pip install 'keras-neurovit[bench,synthesis]'")
    from keras_neurovit.training.compiling import processor  # after them, which choose how Keras starts

    figures["machine"] = {
        "cores": os.cpu_count(),
        "processor": processor("model name").partition(": ")[2] or platform.processor(),
        "python": platform.python_version(),
    }
    for name, value in figures.items():
        print(f"{name}: {value}")
    if options.out:
        options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
