"""Which way of fine-tuning suits a cohort, by people that a trial has not seen.

    python examples/tune.py --bids ../shared/data/ds002748 --target sex --brain-extracted

Writes recipe.json; `train_on_cohort(cohort, recipe["preset"], folder, **recipe["arguments"])` trains as the best trial
did. Killed, the same command goes on; another one needs another --out. A quarter of the people is kept out of the
search: on them the recipe can be judged honestly.
"""

import argparse
from pathlib import Path

import keras_neurovit as nv
from keras_neurovit import tuning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True)
    parser.add_argument("--reader", default="bids", help="such as oasis1 or adni, see keras-neurovit cohort")
    parser.add_argument("--target", default="sex", help="column of participants.tsv with two classes")
    parser.add_argument("--preset", default="vit3d_brain", help="to start from")
    parser.add_argument("--search", choices=tuning.SEARCHES, default="bayesian")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--max-epochs", type=int, default=20)
    parser.add_argument("--brain-extracted", action="store_true", default=None, help="skulls are off")
    parser.add_argument("--out", type=Path, default=Path("tune_output"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="two trials of an epoch")
    options = parser.parse_args()

    cohort = nv.cohorts.load(options.reader, options.bids, options.target)
    known, _, kept = cohort.split(fractions=(0.75, 0.25), seed=options.seed)
    recipe = tuning.tune(
        known,
        options.preset,
        options.out,
        search=options.search,
        trials=2 if options.smoke else options.trials,
        max_epochs=1 if options.smoke else options.max_epochs,
        folds=2 if options.smoke else 3,
        brain_extracted=options.brain_extracted,
        seed=options.seed,
        cache=options.out / "cache",
    )
    print(f"cross-validated AUC {recipe['cross_validated_auc']:.3f}, chosen among trials, with {recipe['arguments']}")
    print(f"{len(set(kept.participants))} people were in no trial: {', '.join(sorted(set(kept.participants)))}")


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
