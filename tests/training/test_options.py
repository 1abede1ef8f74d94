"""Each option does what it says, and a killed run goes on with it to the same weights."""

import hashlib

import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.training import LabelLoss, Options, finetune
from keras_neurovit.training.distilling import TeacherLoss

QUIET = {"verbose": 0, "jit_compile": False, "warmup_epochs": 0, "peak": 1e-2}


def small_model(seed=1):
    """A backbone with two blocks, and random draws between them."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((5,))
    tokens = keras.layers.Dropout(0.3, name="drop")(keras.layers.Dense(6, name="block_0")(inputs))
    tokens = keras.layers.Dense(6, activation="tanh", name="block_1")(tokens)
    backbone = keras.Model(inputs, keras.layers.LayerNormalization(name="norm")(tokens), name="backbone")
    volumes = keras.Input((5,))
    return keras.Model(volumes, keras.layers.Dense(2, name="head", dtype="float32")(backbone(volumes)), name="small")


def plain_model(seed=1):
    keras.utils.set_random_seed(seed)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])


class Scans(keras.utils.PyDataset):
    """Batches that follow from the epoch."""

    def __init__(self, count=4, size=3):
        super().__init__()
        self.count, self.size, self.epoch = count, size, 0
        self.labels = np.arange(count * size) % 3 // 2

    def start_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        rows = np.random.default_rng(self.epoch).permutation(len(self.labels))
        rows = rows[index * self.size : (index + 1) * self.size]
        return np.random.default_rng(0).normal(size=(len(self.labels), 5)).astype("float32")[rows], self.labels[rows]


class Kill(keras.callbacks.Callback):
    def __init__(self, epoch, step=None):
        super().__init__()
        self.at, self.step = epoch, step

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if epoch == self.at and self.step is None:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (self.at, self.step):
            raise KeyboardInterrupt


class Weights(keras.callbacks.Callback):
    """The weights after every batch."""

    def __init__(self):
        super().__init__()
        self.after = []

    def on_train_begin(self, logs=None):
        self.begun = self.model.get_weights()

    def on_train_batch_end(self, batch, logs=None):
        self.after.append(self.model.get_weights())


def assert_same(model, other):
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_run_with_options_killed_anywhere_ends_in_the_same_weights(tmp_path):
    def run(folder, *callbacks):
        model = small_model()
        options = Options(layer_decay=0.5, ema=0.8, accumulate=2, label_smoothing=0.1, class_weights="balanced")
        how = {"folder": tmp_path / folder, "epochs": 3, "options": options, "callbacks": callbacks, **QUIET}
        return model, finetune(model, Scans(), Scans(), **how)

    whole, history = run("whole")
    for kill in (Kill(1, 2), Kill(2)):  # in mid-epoch, and between two; the second in a run that went on before
        with pytest.raises(KeyboardInterrupt):
            run("killed", kill)
    again, continued = run("killed")
    assert continued == history
    assert_same(again, whole)
    read_back, _ = run("killed")  # finished: the averages are what is kept
    assert_same(read_back, whole)


def test_a_run_killed_at_every_step_in_turn_ends_in_the_same_weights(tmp_path):
    def run(folder, *callbacks):
        model, how = small_model(), {"epochs": 2, "callbacks": callbacks, **QUIET}
        return model, finetune(model, Scans(), folder=tmp_path / folder, **how)

    whole, history = run("whole")
    for epoch in range(2):
        for step in range(4):
            with pytest.raises(KeyboardInterrupt):
                run("killed", Kill(epoch, step))
    again, continued = run("killed")
    assert continued == history
    assert_same(again, whole)


def test_averaged_weights_are_kept_and_validated(tmp_path):
    model, seen = plain_model(), Weights()
    options = Options(ema=0.7)
    history = finetune(model, Scans(), Scans(), folder=tmp_path, epochs=2, options=options, callbacks=[seen], **QUIET)
    expected = seen.after[0]
    for after in seen.after[1:]:
        expected = [0.7 * mean + 0.3 * now for mean, now in zip(expected, after, strict=True)]
    for kept, mean in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(kept, mean, atol=1e-6)
    assert np.abs(model.get_weights()[0] - seen.after[-1][0]).max() > 1e-4
    assert model.evaluate(Scans(), verbose=0)[0] == pytest.approx(history[-1]["val_loss"], abs=1e-6)


def test_accumulated_batches_are_one_large_batch(tmp_path):
    small, large = plain_model(), plain_model()
    first = finetune(small, Scans(4, 3), folder=tmp_path / "a", epochs=2, options=Options(accumulate=2), **QUIET)
    second = finetune(large, Scans(2, 6), folder=tmp_path / "b", epochs=2, **QUIET)
    assert [row["learning_rate"] for row in first] == [row["learning_rate"] for row in second]
    for one, two in zip(small.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def test_the_head_learns_first_and_then_all(tmp_path):
    seen, before = Weights(), small_model().get_weights()
    options = Options(head_epochs=1)
    model = small_model()
    how = {"folder": tmp_path, "epochs": 1, "options": options, "callbacks": [seen], **QUIET}
    history = finetune(model, Scans(), **how)
    assert len(history) == 1
    assert len(seen.after) == 4  # of the run itself: what a callback draws has no step twice
    frozen, head = before[:-2], before[-2]
    assert all(np.array_equal(one, two) for one, two in zip(seen.begun[:-2], frozen, strict=True))
    assert not np.array_equal(seen.begun[-2], head)
    assert not np.array_equal(model.get_weights()[0], frozen[0])
    again = small_model()
    assert finetune(again, Scans(), **how | {"callbacks": []}) == history
    assert_same(again, model)
    with pytest.raises(InputError, match="another epochs"):  # of the head's own run
        finetune(small_model(), Scans(), **how | {"options": Options(head_epochs=2)})
    with pytest.raises(InputError, match="another ema"):
        finetune(small_model(), Scans(), **how | {"options": Options(ema=0.5, head_epochs=1)})


def test_a_student_learns_from_its_teacher(tmp_path):
    teacher, student = small_model(seed=2), small_model(seed=3)
    before = hashlib.sha256(b"".join(weight.tobytes() for weight in teacher.get_weights())).hexdigest()
    volumes = np.random.default_rng(0).normal(size=(12, 5)).astype("float32")

    def gap():
        """How far apart the log-odds of the two are."""
        return np.abs(np.diff(student.predict(volumes, verbose=0) - teacher.predict(volumes, verbose=0))).mean()

    far = gap()
    options = Options(teacher=teacher, teacher_share=1.0, temperature=1.0, layer_decay=0.9)
    how = {"folder": tmp_path, "epochs": 25, "options": options, **QUIET | {"peak": 5e-2}}
    history = finetune(student, Scans(), **how)
    assert gap() < 0.75 * far
    assert history[-1]["loss"] < history[0]["loss"]
    assert options.facts()["teacher"] == before  # unchanged
    assert teacher.trainable_weights
    read_back = small_model(seed=3)
    assert finetune(read_back, Scans(), **how) == history
    assert_same(read_back, student)
    with pytest.raises(InputError, match="another teacher"):
        finetune(small_model(), Scans(), **how | {"options": Options(teacher=small_model(seed=4), layer_decay=0.9)})
    wide = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match="teacher does not fit"):
        finetune(small_model(), Scans(), **how | {"folder": tmp_path / "b", "options": Options(teacher=wide)})


def test_half_precision_is_asked_for_and_leaves_weights_whole(tmp_path):
    model = small_model()
    finetune(model, Scans(), folder=tmp_path, epochs=1, options=Options(mixed_precision=True), **QUIET)
    assert model.get_layer("backbone").get_layer("block_0").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert model.get_layer("head").compute_dtype == "float32"
    with pytest.raises(InputError, match="no layer 'backbone'"):
        finetune(
            plain_model(), Scans(), folder=tmp_path / "b", epochs=1, options=Options(mixed_precision=True), **QUIET
        )


def test_losses_are_those_of_keras_where_keras_has_them():
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(6, 3)).astype("float32"), random.integers(0, 3, 6)
    rows = np.eye(3, dtype="float32")[labels]
    smooth = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2)
    focal = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=2.0, from_logits=True)
    for ours, theirs in ((LabelLoss(0.2), smooth), (LabelLoss(focal_gamma=2.0), focal)):
        expected = float(theirs(rows, logits))
        assert float(ours(labels, logits)) == pytest.approx(expected, rel=1e-4)
        assert float(ours(labels[:, None], logits)) == pytest.approx(expected, rel=1e-4)
        assert float(ours(rows, logits)) == pytest.approx(expected, rel=1e-4)
    mixed = 0.25 * rows + 0.75 * rows[::-1]
    weights = {0: 1.0, 1: 2.0, 2: 4.0}
    each = LabelLoss(class_weights=weights, reduction="none")(mixed, logits)
    plain = LabelLoss(reduction="none")(mixed, logits)
    np.testing.assert_allclose(each, plain * (mixed @ [1.0, 2.0, 4.0]), rtol=1e-5)
    with pytest.raises(InputError, match="do not fit the model"):
        LabelLoss(class_weights={0: 1, 1: 1})(labels, logits)
    both = TeacherLoss(LabelLoss(0.2), 0.5, 3.0)
    again = keras.losses.deserialize(keras.losses.serialize(both))
    pair = np.concatenate([logits, logits[::-1]], axis=1)
    assert float(again(labels, pair)) == float(both(labels, pair))
