"""Sex from T1 scans, beside what the size of the brain alone tells.

    python examples/sex_classification.py --bids ../shared/data/ds002748

The folder is BIDS with a column `sex` (F, M) in participants.tsv; scans are brain-extracted. Killed and started again
with the same command, it goes on after the last epoch.
"""

import argparse
from pathlib import Path

import numpy as np

import keras_neurovit as nv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True)
    parser.add_argument("--preset", default="vit3d_brain", help="to start from")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("sex_output"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="one epoch, in a minute")
    options = parser.parse_args()

    cohort = nv.read_bids(options.bids, target="sex", labels=("F", "M"))
    print(cohort.describe())
    outcome = nv.train_on_cohort(
        cohort,
        options.preset,
        options.out,
        fractions=(0.6, 0.15, 0.25),
        epochs=1 if options.smoke else options.epochs,
        peak=2e-5,
        brain_extracted=True,
        cache=options.out / "cache",
        seed=options.seed,
    )
    for name, estimate in outcome.results.items():
        print(f"{name:>18}: {estimate}")

    # Men's brains are larger: a model is worth something only beside the size alone, on the same people.
    train, test = outcome.train, outcome.test
    sizes = [np.array([nv.volumes.brain_volume_ml(nv.read_scan(p)) for p in side.paths]) for side in (train, test)]
    baseline = nv.evaluation.scalar_baseline(sizes[0], train.targets, sizes[1], test.targets, test.participants)
    print(f"{'brain volume alone':>18}: {baseline} (AUC)")

    figures, people = nv.evaluation, test.participants
    scores = {"model": outcome.probabilities[:, 1], "brain volume alone": sizes[1]}
    figures.roc_figure(options.out / "roc.png", {name: (test.targets, s, people) for name, s in scores.items()})
    figures.learning_rate_figure(options.out / "learning_rate.png", options.out / "history.csv")
    volume = nv.load_preset(options.preset).volume
    slices = {f"{r.participant} {r.columns['sex']}": nv.conform(nv.read_scan(r.path), volume) for r in test.records[:4]}
    figures.slices_figure(options.out / "slices.png", slices, spacing_mm=volume.spacing_mm)
    print(f"figures are in {options.out}")
    for result in nv.predict_scans(test.paths[:1], options.out / "preset"):
        print(result)


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
