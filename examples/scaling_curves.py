"""How a score grows with the number of people, the size of the model, and what it starts from.

    python examples/scaling_curves.py --bids ../shared/data/ds002748 --target sex --brain-extracted

A quarter of the people is held out; of the others few are always among the more. Killed, the same command goes on;
other runs in --out are kept apart. Writes scaling.json: this command's runs, the law through them, what it foretells.
"""

import argparse
import hashlib
import json
from pathlib import Path

import keras

import keras_neurovit as nv
from keras_neurovit import cohorts, evaluation, training


def one_run(people, test, start, facts: dict, done: Path) -> float:
    """AUC on the held-out people; `facts` are all that it depends on, and `done` is where it will stand."""
    keras.utils.set_random_seed(facts["seed"])
    volume = nv.VolumeContract.from_dict(facts["volume"])
    model = nv.from_preset(start, num_classes=2, load_weights=not facts["scratch"], verbose=False)
    show = {"batch_size": min(6, len(people)), "cache": done.parent / "cache", "verbose": False, "seed": facts["seed"]}
    if start.measures and not facts["scratch"]:
        training.probe(model, nv.make_dataset(people, volume, **show).map(lambda x, y: x), people.targets)
    batches = nv.make_dataset(people, volume, shuffle=True, augmentation="light", **show)
    epochs, peak = max(round(facts["steps"] / len(batches)), 1), 1e-4 if facts["scratch"] else 2e-5
    training.finetune(model, batches, folder=done.with_suffix(""), epochs=epochs, peak=peak, verbose=0, facts=facts)
    logits = model.predict(nv.make_dataset(test, volume, **show), verbose=0)
    return evaluation.roc_auc(test.targets, logits[:, 1] - logits[:, 0], participants=test.participants).value


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bids", type=Path, required=True)
    parser.add_argument("--target", default="sex", help="column of participants.tsv with two classes")
    parser.add_argument("--people", type=int, nargs="+", default=[12, 24, 48])
    parser.add_argument("--presets", nargs="+", default=["vit3d_brain"], help="sizes and weights to start from")
    parser.add_argument("--scratch", nargs="*", default=["vit3d_tiny"], help="sizes to start at random")
    parser.add_argument("--seeds", type=int, default=3, help="splits and weights")
    parser.add_argument("--steps", type=int, default=100, help="of training, for few people as for many")
    parser.add_argument("--score", type=float, default=0.9, help="an AUC: how many people would it take?")
    parser.add_argument("--brain-extracted", action="store_true", default=None, help="skulls are off")
    parser.add_argument("--out", type=Path, default=Path("scaling_output"))
    parser.add_argument("--smoke", action="store_true", help="one step a run")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.people, options.seeds, options.steps = options.people[:1], 1, 1
    enough = options.seeds > 1 and len(set(options.people)) > 2
    cohort, runs = nv.read_bids(options.bids, target=options.target, missing="drop"), {}
    starts = [*((name, False) for name in options.presets), *((name, True) for name in options.scratch)]
    for seed in range(options.seeds):
        learn, _, test = cohort.split(fractions=(0.75, 0.25), seed=seed)
        for size, people in zip(options.people, cohorts.nested(learn, options.people, seed), strict=True):
            for start, scratch in ((nv.load_preset(name), scratch) for name, scratch in starts):
                volume = cohorts.expect(people, start.volume, options.brain_extracted)[0].to_dict()
                facts = {"start": start.to_json(), "scratch": scratch, "volume": volume, "steps": options.steps}
                facts |= {"seed": seed, "sides": [[f"{r.path} {r.label}" for r in c.records] for c in (people, test)]}
                done = options.out / "runs" / f"{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]}.json"
                if not done.exists():
                    done.with_suffix(".part").write_text(json.dumps(one_run(people, test, start, facts, done)))
                    done.with_suffix(".part").replace(done)
                name, row = start.name + " from scratch" * scratch, {"people": size, "seed": seed}
                runs.setdefault(name, []).append(row | {"auc": json.loads(done.read_text())})
                print(name, runs[name][-1])
    scores = {name: [[row[key] for row in rows] for key in ("people", "auc")] for name, rows in runs.items()}
    evaluation.scaling_figure(options.out / "scaling.png", scores)
    laws = {name: evaluation.fit_scaling_curve(*one).to_dict(options.score) for name, one in scores.items() if enough}
    told = {"steps": options.steps, "runs": runs, "laws": laws}
    (options.out / "scaling.json").write_text(json.dumps(told, indent=2))
    print(f"people for an AUC of {options.score}:", {name: law["people_for"] for name, law in laws.items()})


if __name__ == "__main__":
    try:
        main()
    except nv.InputError as error:
        raise SystemExit(str(error)) from None
