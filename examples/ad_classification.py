"""Alzheimer's disease against cognitively normal: every step, from a cohort to figures.

    python examples/ad_classification.py                          # a synthetic cohort, made on the spot
    python examples/ad_classification.py --bids MY_COHORT         # participants.tsv with a column `diagnosis`: CN, AD

Scans must be brain-extracted. Killed and started again with the same command, it goes on after the last epoch.
"""

import argparse
from pathlib import Path

import keras

import keras_neurovit as nv


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, help="a cohort of your own")
    parser.add_argument("--preset", default="vit3d_ad")
    parser.add_argument("--people", type=int, default=60, help="of the synthetic cohort")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("demo_output"))
    parser.add_argument("--smoke", action="store_true", help="few people and one epoch, in a minute")
    options = parser.parse_args()
    if options.smoke:
        options.people, options.epochs = 16, 1
    keras.utils.set_random_seed(1)

    # 1. A cohort, split by person.
    made = options.out / f"cohort_{options.people}"
    folder = options.bids or nv.synthesis.write_demo_cohort(made, options.people, seed=1)
    cohort = nv.read_bids(folder, target="diagnosis", labels=("CN", "AD"))
    train, validation, test = cohort.split(by="participant", fractions=(0.5, 0.15, 0.35), seed=1)
    print(cohort.describe())

    # 2. Batches of volumes as the preset wants them.
    volume, cache = nv.load_preset(options.preset).volume, options.out / "cache"
    batches = nv.make_dataset(train, volume, batch_size=4, shuffle=True, augmentation="light", cache=cache)
    watched = nv.make_dataset(validation, volume, batch_size=4, cache=cache)
    held_out = nv.make_dataset(test, volume, batch_size=4, cache=cache)

    # 3. A model from the preset; warm-up, then annealing.
    model = nv.from_preset(options.preset)  # another task: num_classes=…
    rates = {"epochs": options.epochs, "peak": 5e-5, "warmup_epochs": 0.5}
    learnt_from = {"preset": options.preset, "people": train.participants.tolist()}
    how = {"facts": learnt_from, "jit_compile": options.bids is not None}  # it pays from some hundreds of steps on
    nv.finetune(model, batches, watched, folder=options.out / "run", **rates, **how)

    # 4. Held-out people: AUC with its interval, figures.
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(model.predict(held_out, verbose=0)))
    figures, people = nv.evaluation, test.participants
    for name, estimate in figures.summary(test.targets, probabilities, cohort.labels, participants=people).items():
        print(f"{name:>18}: {estimate}")
    figures.roc_figure(options.out / "roc.png", {options.preset: (test.targets, probabilities[:, 1], people)})
    figures.learning_rate_figure(options.out / "learning_rate.png", options.out / "run" / "history.csv")
    shown = {f"{r.participant} {cohort.labels[r.label]}": r.path for r in test.records[:4]}
    slices = {title: nv.conform(nv.read_scan(path), volume) for title, path in shown.items()}
    figures.slices_figure(options.out / "slices.png", slices, spacing_mm=volume.spacing_mm)
    print(f"figures are in {options.out}")

    # 5. One scan, by the shipped preset.
    scan = cohort.paths[0] if options.bids else nv.synthesis.icbm152_t1()
    for result in nv.predict_scans([scan], options.preset):
        print(result)


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
