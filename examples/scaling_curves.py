"""How a score grows with the number of people, the size of the model, and what it starts from.

    python examples/scaling_curves.py --bids ../shared/data/ds002748 --target sex --brain-extracted

A quarter of the people is held out; of the others few are always among the more. Killed, the same command goes on.
"""

import argparse
import json
from pathlib import Path

import keras

import keras_neurovit as nv
from keras_neurovit import cohorts, evaluation, training


def one_run(people, test, preset: str, scratch: bool, seed: int, folder: Path, options) -> float:
    """AUC on the held-out people."""
    keras.utils.set_random_seed(seed)
    start = nv.load_preset(preset)
    volume, _ = cohorts.expect(people, start.volume, options.brain_extracted)
    model = nv.from_preset(start, num_classes=2, load_weights=not scratch, verbose=False)
    show = {"batch_size": min(6, len(people)), "cache": options.out / "cache", "verbose": False, "seed": seed}
    if start.measures and not scratch:
        training.probe(model, nv.make_dataset(people, volume, **show).map(lambda x, y: x), people.targets)
    batches = nv.make_dataset(people, volume, shuffle=True, augmentation="light", **show)
    training.finetune(
        model, batches, folder=folder, epochs=max(round(options.steps / len(batches)), 1), verbose=0,
        peak=1e-4 if scratch else 2e-5, facts={"people": sorted(set(people.participants)), "seed": seed},
    )  # fmt: skip
    logits = model.predict(nv.make_dataset(test, volume, **show), verbose=0)
    return evaluation.roc_auc(test.targets, logits[:, 1] - logits[:, 0], participants=test.participants).value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True)
    parser.add_argument("--target", default="sex", help="column of participants.tsv with two classes")
    parser.add_argument("--people", type=int, nargs="+", default=[12, 24, 48])
    parser.add_argument("--presets", nargs="+", default=["vit3d_brain"], help="sizes and weights to start from")
    parser.add_argument("--scratch", nargs="*", default=["vit3d_tiny"], help="sizes to start at random")
    parser.add_argument("--seeds", type=int, default=3, help="splits and weights")
    parser.add_argument("--steps", type=int, default=100, help="of training, for few people as for many")
    parser.add_argument("--brain-extracted", action="store_true", default=None, help="skulls are off")
    parser.add_argument("--out", type=Path, default=Path("scaling_output"))
    parser.add_argument("--smoke", action="store_true", help="one step a run")
    options = parser.parse_args()
    if options.smoke:
        options.people, options.seeds, options.steps = options.people[:1], 1, 1
    cohort = nv.read_bids(options.bids, target=options.target)
    log = options.out / "runs.json"
    rows = json.loads(log.read_text(encoding="utf-8")) if log.exists() else []
    starts = [*((name, False) for name in options.presets), *((name, True) for name in options.scratch)]
    for seed in range(options.seeds):
        learn, _, test = cohort.split(fractions=(0.75, 0.25), seed=seed)
        for size, people in zip(options.people, cohorts.nested(learn, options.people, seed), strict=True):
            for name, scratch in starts:
                key = {"start": name + " from scratch" * scratch, "people": size, "seed": seed, "steps": options.steps}
                if any(key.items() <= row.items() for row in rows):
                    continue
                folder = options.out / "runs" / "_".join(map(str, key.values())).replace(" ", "_")
                rows.append(key | {"auc": one_run(people, test, name, scratch, seed, folder, options)})
                log.with_suffix(".part").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
                log.with_suffix(".part").replace(log)
                print(rows[-1])
    names = dict.fromkeys(row["start"] for row in rows)
    runs = {name: [[row[key] for row in rows if row["start"] == name] for key in ("people", "auc")] for name in names}
    evaluation.scaling_figure(options.out / "scaling.png", runs)
    for name, (people, scores) in runs.items():
        if len(set(people)) >= 3 and options.seeds >= 2:
            need = evaluation.fit_scaling_curve(people, scores).people_for(0.9)
            print(f"{name}: an AUC of 0.9 would take {need} people")


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
