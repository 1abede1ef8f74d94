"""A search scores by people that its models have not seen, writes a recipe, and goes on where it was killed."""

import inspect
import json

import pytest

from keras_neurovit import InputError, read_bids, train_on_cohort, training, tuning

pytest.importorskip("keras_tuner")
# keras-tuner asks for the current thread by old names.
pytestmark = [pytest.mark.filterwarnings(f"ignore:{name}:DeprecationWarning") for name in ("currentThread", "getName")]


@pytest.fixture
def cohort(head_study):
    return read_bids(head_study(8), "group")


@pytest.mark.parametrize("search", tuning.SEARCHES)
def test_a_search_goes_on_and_leaves_a_recipe(search, cohort, small_preset, tmp_path, monkeypatch):
    learnt, real = [], training.finetune

    def finetune(model, batches, *, folder, epochs, facts, **how):
        if len(learnt) == 3:
            learnt.append("killed")
            raise KeyboardInterrupt
        learnt.append((facts["fold"], set(facts["people"])))
        return real(model, batches, folder=folder, epochs=1, facts=facts, jit_compile=False, **how)

    def space(hp, max_epochs, space=tuning.space):
        hp.Fixed("augmentation", "light")  # others do not fit so small a volume
        space(hp, max_epochs)

    monkeypatch.setattr(tuning, "space", space)
    monkeypatch.setattr(training, "finetune", finetune)
    how = {"search": search, "trials": 2, "max_epochs": 2, "folds": 2, "brain_extracted": True}
    how |= {"batch_size": 2, "cache": tmp_path / "cache", "verbose": 0}
    with pytest.raises(KeyboardInterrupt):
        tuning.tune(cohort, small_preset.folder, tmp_path / "search", **how)
    recipe = tuning.tune(cohort, small_preset.folder, tmp_path / "search", **how)
    assert 0 <= recipe["cross_validated_auc"] <= 1
    assert json.loads((tmp_path / "search" / "recipe.json").read_text()) == recipe
    names = {"peak", "warmup_epochs", "weight_decay", "augmentation", "strategy", "epochs"}
    assert set(recipe["arguments"]) == names <= set(inspect.signature(train_on_cohort).parameters)
    learnt.remove("killed")
    first, other = (people for _, people in learnt[:2])
    assert not first & other
    assert first | other == {f"sub-{person}" for person in range(8)}
    done = len(learnt)
    assert tuning.tune(cohort, small_preset.folder, tmp_path / "search", **how) == recipe
    assert len(learnt) == done  # nothing was learnt again


def test_what_cannot_be_is_refused(cohort, small_preset, tmp_path):
    with pytest.raises(InputError, match="bayesian, hyperband"):
        tuning.tune(cohort, small_preset.folder, tmp_path, search="random")
    with pytest.raises(InputError, match="too few people of class"):
        tuning.tune(cohort, small_preset.folder, tmp_path, folds=5, brain_extracted=True)
