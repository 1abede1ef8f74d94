"""What is refused, and what a message names."""

import json

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, read_bids
from keras_neurovit.training import Options, PresentLoss, finetune
from keras_neurovit.training.batches import FiniteLoss, balanced

QUIET = {"verbose": 0, "jit_compile": False}


class Scans(keras.utils.PyDataset):
    """Three batches whose labels and scans are known; one voxel may be broken in one of them."""

    def __init__(self, broken=None, labels=(0, 1, 1, 0, 1, 1)):
        super().__init__()
        self.broken, self.labels = broken, np.asarray(labels)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        values = np.random.default_rng(index).normal(size=(2, 5)).astype("float32")
        if index == self.broken:
            values[1, 2] = np.nan
        return values, self.labels[2 * index : 2 * index + 2]

    def scans_of(self, epoch, step):
        return [f"sub-{epoch}{step}{row}.nii.gz" for row in range(2)]


def small_model():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])


def test_a_loss_that_is_not_finite_stops_at_once_and_names_its_scans(tmp_path):
    with pytest.raises(InputError, match=r"nan in epoch 0, step 1 .*sub-010\.nii\.gz, sub-011\.nii\.gz"):
        finetune(small_model(), Scans(broken=1), folder=tmp_path, epochs=2, **QUIET)
    assert not (tmp_path / "backup").exists()  # no weights of NaN are ever gone on with


class Steep(keras.layers.Layer):
    """The identity, whose gradient is not finite for a batch that holds a 7; its value is."""

    def call(self, inputs):
        root = keras.ops.sqrt(keras.ops.where(keras.ops.max(inputs) > 6.5, 0.0, 1.0) * self.one)
        return inputs + root - keras.ops.stop_gradient(root)

    def build(self, shape):
        self.one = self.add_weight(shape=(), initializer="ones")


class Seven(Scans):
    """One batch has a finite loss, and gradients that are not."""

    def __getitem__(self, index):
        values, labels = super().__getitem__(index)
        values[0, 0] = 7.0 if index == self.seven else values[0, 0]
        return values, labels


@pytest.mark.parametrize("seven", [0, 2])
def test_a_batch_whose_update_spoils_the_weights_is_named(tmp_path, seven):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,)), Steep(), keras.layers.Dense(2)])
    batches = Seven()
    batches.seven = seven
    with pytest.raises(InputError, match=rf"sub-0{seven}0\.nii\.gz, sub-0{seven}1\.nii\.gz") as told:
        finetune(model, batches, folder=tmp_path, epochs=2, **QUIET)
    assert ("or the update before it went wrong, by step 0" in str(told.value)) == (seven == 0)
    assert ("weights" in str(told.value)) == (seven == 2)  # the epoch's last batch has no next one to tell
    assert not (tmp_path / "backup").exists()


def test_a_loss_of_validation_that_is_not_finite_stops(tmp_path):
    told = r"loss of validation is nan in epoch 0, although all weights are finite, from step 1 .*sub-010\.nii\.gz"
    with pytest.raises(InputError, match=told):
        finetune(small_model(), Scans(), Scans(broken=1), folder=tmp_path, epochs=2, **QUIET)
    assert not (tmp_path / "backup").exists()


def test_accumulated_batches_before_are_named():
    with pytest.raises(InputError, match="or the update before it went wrong, by step 3, 4"):
        FiniteLoss(object(), 2).on_train_batch_end(5, {"loss": float("nan")})


def test_classes_are_not_weighed_twice(tmp_path):
    class Weighed(Scans):
        def __getitem__(self, index):
            return *super().__getitem__(index), np.ones(2, "float32")

    with pytest.raises(InputError, match="weighed twice"):
        finetune(
            small_model(), Weighed(), folder=tmp_path, epochs=1, options=Options(class_weights="balanced"), **QUIET
        )
    finetune(small_model(), Weighed(), folder=tmp_path, epochs=1, **QUIET)


def test_a_folder_knows_its_loss(tmp_path):
    finetune(small_model(), Scans(), folder=tmp_path, epochs=1, **QUIET)
    for other in ("mse", keras.losses.Huber(0.5)):
        with pytest.raises(InputError, match="a run with another loss"):
            finetune(small_model(), Scans(), folder=tmp_path, epochs=1, loss=other, **QUIET)
    facts = json.loads((tmp_path / "run.json").read_text())
    del facts["loss"]
    (tmp_path / "run.json").write_text(json.dumps(facts))  # of a run from before losses were told
    finetune(small_model(), Scans(), folder=tmp_path, epochs=1, **QUIET)


class Shares(Scans):
    """Shares of labels, as mixing gives them."""

    def __getitem__(self, index):
        values, labels = super().__getitem__(index)
        return values, (0.8 * np.eye(2)[labels] + 0.2 * np.eye(2)[labels[::-1]]).astype("float32")


def test_accuracy_is_of_labels_where_training_has_shares(tmp_path):
    model, watched = small_model(), Scans(labels=(1, 0, 1, 1, 1, 1))
    row = finetune(model, Shares(), watched, folder=tmp_path, epochs=1, **QUIET)[-1]
    volumes, labels = (np.concatenate(parts) for parts in zip(*(watched[index] for index in range(3)), strict=True))
    right = model.predict(volumes, verbose=0).argmax(axis=1) == labels
    assert row["val_accuracy"] == pytest.approx(right.mean())
    assert 0 < right.mean() < 1
    assert set(row) == {"epoch", "accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"}


def test_a_long_batch_is_named_in_part():
    class Many:
        def scans_of(self, epoch, step):
            return [f"{row}.nii" for row in range(20)]

    with pytest.raises(InputError, match=r"7\.nii and 12 more"):
        FiniteLoss(Many()).on_train_batch_end(0, {"loss": float("inf")})
    FiniteLoss(Many()).on_train_batch_end(0, {"loss": 1.0})


def test_one_class_is_nothing_to_learn_from(tmp_path):
    with pytest.raises(InputError, match=r"one class only.*received label \[1\]"):
        finetune(small_model(), Scans(labels=[1] * 6), folder=tmp_path, epochs=1, **QUIET)


def test_labels_that_the_model_does_not_score(tmp_path):
    beyond = Scans(labels=[0, 1, 2, 1, 0, 1])
    for sides in ((beyond,), (Scans(), beyond)):
        with pytest.raises(InputError, match=r"labels 0 to 1, received labels \[0, 1, 2\].*num_classes=3"):
            finetune(small_model(), *sides, folder=tmp_path, epochs=1, **QUIET)
    assert not list(tmp_path.iterdir())

    class Untold(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return beyond[index]

    with pytest.raises(InputError, match="the loss is nan in epoch 0, step 1"):
        finetune(small_model(), Untold(), folder=tmp_path, epochs=1, **QUIET)


def test_people_are_no_batches(head_study, tmp_path):
    people = read_bids(head_study(4, {}), "group")
    with pytest.raises(InputError, match=r"a cohort holds people.*make_dataset.*train_on_cohort"):
        finetune(small_model(), people, folder=tmp_path / "run", epochs=1, **QUIET)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("epochs", [0, 1.5, "3", None])
def test_epochs_are_a_whole_number(tmp_path, epochs):
    with pytest.raises(InputError, match="epochs is unusable"):
        finetune(small_model(), Scans(), folder=tmp_path, epochs=epochs, **QUIET)


@pytest.mark.parametrize(
    "wish",
    [{"class_weights": {"CN": 1, "AD": 2}}, {"clipnorm": "1"}, {"head_peak": None}, {"teacher": "vit3d_ad"}],
    ids=lambda wish: next(iter(wish)),
)
def test_options_of_another_kind(wish):
    with pytest.raises(InputError, match=next(iter(wish))):
        Options(**wish)


def test_balanced_weights_are_those_of_the_labels():
    assert balanced(Scans(), 2) == {0: 1.5, 1: 0.75}
    with pytest.raises(InputError, match="no scans"):
        balanced(Scans(), 3)
    with pytest.raises(InputError, match="do not tell their labels"):
        balanced(object(), 2)


def test_an_unknown_strategy_is_told_before_anything_is_trained(tmp_path):
    with pytest.raises(InputError, match=r"unknown strategy 'al'.*full, head, last_n, lora"):
        finetune(small_model(), Scans(), folder=tmp_path, epochs=1, strategy="al", **QUIET)
    assert not list(tmp_path.iterdir())


def test_targets_that_are_not_known_do_not_teach():
    def gradient(targets):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, kernel_initializer="ones")])
        model.compile(keras.optimizers.SGD(1.0), PresentLoss(), run_eagerly=True)
        model.train_on_batch(np.ones((2, 2), "float32"), targets)
        return model.get_weights()[0]

    known = gradient(np.float32([[1, 5], [3, 5]]))
    partly = gradient(np.float32([[1, np.nan], [3, np.nan]]))
    assert np.isfinite(partly).all()
    np.testing.assert_array_equal(partly[:, 1], 1.0)
    np.testing.assert_allclose(partly[:, 0] - 1.0, 2 * (known[:, 0] - 1.0), atol=1e-6)  # a mean over one, not two
    nobody = PresentLoss(reduction="none")(np.full((1, 2), np.nan, "float32"), np.ones((1, 2), "float32"))
    assert float(nobody[0]) == 0.0


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"ema": 1.0}, "ema"),
        ({"layer_decay": 0.0}, "layer_decay"),
        ({"accumulate": 0}, "accumulate"),
        ({"head_epochs": 0.5}, "head_epochs"),
        ({"class_weights": "even"}, "class_weights"),
        ({"class_weights": {1: 2.0}}, "class_weights"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"temperature": 0.0}, "temperature"),
        ({"clipnorm": 0.0}, "clipnorm"),
    ],
)
def test_unusable_options(asked, told):
    with pytest.raises(InputError, match=told):
        Options(**asked)


def test_options_for_labels_are_refused_beside_another_loss(tmp_path):
    options = Options(label_smoothing=0.1, ema=0.9)
    with pytest.raises(InputError, match="label_smoothing belong to the loss on labels"):
        finetune(small_model(), Scans(), folder=tmp_path, epochs=1, loss="mse", options=options, **QUIET)
