"""A search scores by people that its models have not seen, writes a recipe, and goes on where it was killed."""

import dataclasses
import inspect
import json

import numpy as np
import pytest

from keras_neurovit import InputError, from_preset, read_bids, train_on_cohort, training, tuning

pytest.importorskip("keras_tuner")
# keras-tuner asks for the current thread by old names.
pytestmark = [pytest.mark.filterwarnings(f"ignore:{name}:DeprecationWarning") for name in ("currentThread", "getName")]


@pytest.fixture
def everybody(head_study):
    return read_bids(head_study(12), "group")


@pytest.fixture
def cohort(everybody):
    return everybody.subset(range(8))


@pytest.mark.parametrize("search", tuning.SEARCHES)
def test_a_search_goes_on_and_leaves_a_recipe(search, cohort, small_preset, tmp_path, monkeypatch):
    learnt, real = [], training.finetune

    def finetune(model, batches, *, folder, epochs, facts, **how):
        if len(learnt) == 3:
            learnt.append("killed")
            raise KeyboardInterrupt
        learnt.append((facts["fold"], set(facts["people"])))
        return real(model, batches, folder=folder, epochs=1, facts=facts, **how)

    monkeypatch.setattr(training, "finetune", finetune)
    how = {"search": search, "trials": 2, "max_epochs": 2, "folds": 2, "brain_extracted": True}
    how |= {"batch_size": 2, "cache": tmp_path / "cache", "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        tuning.tune(cohort, small_preset.folder, tmp_path / "search", **how)
    recipe = tuning.tune(cohort, small_preset.folder, tmp_path / "search", **how)
    assert 0 <= recipe["cross_validated_auc"] <= 1
    assert json.loads((tmp_path / "search" / "recipe.json").read_text()) == recipe
    names = {"peak", "warmup_epochs", "weight_decay", "augmentation", "strategy", "epochs"}
    names |= {"batch_size", "brain_extracted", "seed"}
    assert set(recipe["arguments"]) == names <= set(inspect.signature(train_on_cohort).parameters)
    assert recipe["preset"] == str(small_preset.folder)
    learnt.remove("killed")
    first, other = (people for _, people in learnt[:2])
    assert not first & other
    assert first | other == {f"sub-{person}" for person in range(8)}
    done = len(learnt)
    assert tuning.tune(cohort, small_preset.folder, tmp_path / "search", **how) == recipe
    assert len(learnt) == done  # nothing was learnt again


def stand_in(monkeypatch, learn):
    """Training that only does what is asked of it."""
    calls = []

    def finetune(model, batches, *_, folder, facts, **how):
        folder.mkdir(parents=True)
        calls.append((model, batches, how))
        learn(model, len(calls))

    monkeypatch.setattr(training, "finetune", finetune)
    return calls


def alike(model, call):
    """A model that says the same of everybody."""
    head = model.get_layer("head")
    head.set_weights([0.0 * weight for weight in head.get_weights()])


@pytest.fixture
def search(cohort, small_preset, tmp_path):
    how = {"trials": 2, "max_epochs": 2, "folds": 2, "brain_extracted": True, "batch_size": 2, "verbose": 0}
    how |= {"cache": tmp_path / "cache"}
    return lambda people=cohort, preset=small_preset.folder, **other: tuning.tune(
        people, preset, tmp_path / "search", **how | other
    )


def test_ties_are_no_order(search, monkeypatch):
    stand_in(monkeypatch, alike)
    assert search()["cross_validated_auc"] == 0.5


def test_a_folder_holds_one_search(search, cohort, monkeypatch, tmp_path):
    calls = stand_in(monkeypatch, alike)
    recipe, done = search(), len(calls)
    others = {"folds": 3, "trials": 3, "seed": 1, "batch_size": 3, "brain_extracted": False, "max_epochs": 3}
    for name, value in others.items():
        with pytest.raises(InputError, match=f"holds a search with another .*{name}"):
            search(**{name: value})
    with pytest.raises(InputError, match="another people"):
        search(cohort.subset(range(6)))
    swapped = [dataclasses.replace(record, label=1 - record.label) for record in cohort.records]
    with pytest.raises(InputError, match="another people"):
        search(dataclasses.replace(cohort, records=tuple(swapped)))
    with pytest.raises(InputError, match=r"another preset, .*weights"):
        search(preset="vit3d_ad")
    assert len(calls) == done
    assert search() == recipe
    (tmp_path / "search" / "search.json").unlink()
    with pytest.raises(InputError, match="does not tell of whom"):
        search()


def test_a_trial_that_diverges_fails_alone(search, monkeypatch):
    def learn(model, call):
        if call == 1:
            raise training.Diverged("training diverged")
        if call == 2:
            model.get_layer("head").bias.assign([float("nan"), 0.0])

    calls = stand_in(monkeypatch, learn)
    assert 0 <= search(trials=3)["cross_validated_auc"] <= 1
    assert len(calls) == 1 + 1 + 2  # two trials ended in their first fold


def test_no_trial_that_came_to_its_end_is_told(search, monkeypatch):
    def learn(model, call):
        raise training.Diverged(f"training diverged in call {call}")

    stand_in(monkeypatch, learn)
    with pytest.raises(InputError, match=r"none of 4 trials came to its end; the last: .*diverged in call 4"):
        search(trials=4)


def test_what_is_wrong_with_all_trials_stops_the_search_at_once(search, monkeypatch):
    def learn(model, call):
        raise InputError("sub-1_T1w.nii.gz: cannot be read")

    calls = stand_in(monkeypatch, learn)
    with pytest.raises(InputError, match=r"sub-1_T1w\.nii\.gz: cannot be read"):
        search()
    assert len(calls) == 1


def test_a_trial_is_what_train_on_cohort_makes_of_its_recipe(search, everybody, small_preset, monkeypatch, tmp_path):
    """The same head, the same weights of classes, the same arguments: a recipe is what was tuned."""
    heads = []
    kept = from_preset(small_preset, verbose=False).get_layer("head").get_weights()

    def learn(model, call):
        heads.append(model.get_layer("head").get_weights())

    calls = stand_in(monkeypatch, learn)
    recipe = search(trials=1)
    how = {"fractions": (0.4, 0.3, 0.3), "cache": tmp_path / "cache", "verbose": 0}
    again = stand_in(monkeypatch, learn)
    train_on_cohort(everybody, recipe["preset"], tmp_path / "run", **how, **recipe["arguments"])
    assert len(heads) == 3
    for head in heads:  # the preset's labels are the cohort's, whose head is kept
        for weight, expected in zip(head, kept, strict=True):
            np.testing.assert_array_equal(weight, expected)
    assert [len(batches.element_spec) for _, batches, _ in calls + again] == [3, 3, 3]  # classes count the same
    names = ("peak", "warmup_epochs", "weight_decay", "strategy", "epochs")
    assert {name: calls[0][2][name] for name in names} == {name: again[0][2][name] for name in names}


def test_what_cannot_be_is_refused(cohort, small_preset, tmp_path):
    with pytest.raises(InputError, match="bayesian, hyperband"):
        tuning.tune(cohort, small_preset.folder, tmp_path, search="random")
    with pytest.raises(InputError, match="too few people of class"):
        tuning.tune(cohort, small_preset.folder, tmp_path, folds=5, brain_extracted=True)
