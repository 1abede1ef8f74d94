import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.training import finetune, read_history, warmup_anneal

pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning"),  # CSVLogger leaves its log open on a kill
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SCRIPT = """
import sys, time, numpy as np, keras
from keras_neurovit.training import finetune
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
data = keras.utils.PyDataset
class Slow(data):
    def __len__(self): return 4
    def __getitem__(self, index):
        time.sleep(float(sys.argv[2]))
        random = np.random.default_rng(index)
        return random.normal(size=(3, 5)).astype("float32"), random.integers(0, 2, 3)
finetune(model, Slow(), Slow(), folder=sys.argv[1], epochs=6, peak=1e-2, warmup_epochs=2, floor=1e-4, verbose=0)
np.save(sys.argv[1] + "/weights.npy", model.layers[-1].get_weights()[0])
"""


def small_model():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])


def batches():
    import tensorflow as tf

    random = np.random.default_rng(0)
    return tf.data.Dataset.from_tensor_slices((random.normal(size=(12, 5)).astype("float32"), np.arange(12) % 2)).batch(
        3
    )


def test_history_is_warmup_then_annealing(tmp_path):
    history = finetune(
        small_model(), batches(), folder=tmp_path, epochs=5, peak=1e-2, warmup_epochs=2, floor=1e-4, verbose=0
    )
    assert [row["epoch"] for row in history] == [0, 1, 2, 3, 4]
    expected = warmup_anneal(np.array([3, 7, 11, 15, 19]), peak=1e-2, warmup=8, total=20, floor=1e-4)
    np.testing.assert_allclose([row["learning_rate"] for row in history], expected, rtol=1e-5)


class Told(keras.utils.PyDataset):
    """Batches that write down which epoch they were told, and may be interrupted in one."""

    def __init__(self, dies_in: int | None = None):
        super().__init__()
        self.told, self.dies_in = [], dies_in

    def start_epoch(self, epoch):
        self.told.append(epoch)
        if epoch == self.dies_in:
            raise KeyboardInterrupt

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.ones((3, 5), "float32"), np.array([0, 1, 1])


def test_data_are_told_the_epoch_also_where_a_run_goes_on(tmp_path):
    first, again = Told(dies_in=2), Told()
    with pytest.raises(KeyboardInterrupt):
        finetune(small_model(), first, folder=tmp_path, epochs=4, verbose=0)
    finetune(small_model(), again, folder=tmp_path, epochs=4, verbose=0)
    assert first.told == [0, 1, 2]
    assert again.told == [2, 3]


def test_a_finished_run_is_read_back(tmp_path):
    first, again = small_model(), small_model()
    history = finetune(first, batches(), folder=tmp_path, epochs=2, peak=1e-2, verbose=0)
    again.layers[-1].kernel.assign(np.zeros((5, 2)))
    assert finetune(again, batches(), folder=tmp_path, epochs=2, peak=1e-2, verbose=0) == history
    np.testing.assert_array_equal(first.get_weights()[0], again.get_weights()[0])


@pytest.mark.parametrize(
    ("other", "named"), [({"epochs": 3}, "epochs"), ({"peak": 2e-4}, "peak"), ({"facts": {"people": ["b"]}}, "people")]
)
def test_a_folder_of_another_run_is_refused(tmp_path, other, named):
    settings = {"epochs": 2, "facts": {"people": ["a"]}, "verbose": 0}
    finetune(small_model(), batches(), folder=tmp_path, **settings)
    with pytest.raises(InputError, match=f"another {named}"):
        finetune(small_model(), batches(), folder=tmp_path, **settings | other)


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_a_damaged_state_loses_little(tmp_path, damaged):
    first = small_model()
    history = finetune(first, batches(), folder=tmp_path, epochs=3, peak=1e-2, verbose=0)
    states = sorted((tmp_path / "backup").iterdir(), reverse=True)
    assert [state.name for state in states] == ["epoch-3.weights.h5", "epoch-2.weights.h5"]
    for state in states[:damaged]:
        content = state.read_bytes()
        state.write_bytes(content[: len(content) // 2])
    again = small_model()
    assert finetune(again, batches(), folder=tmp_path, epochs=3, peak=1e-2, verbose=0) == history
    np.testing.assert_array_equal(again.get_weights()[0], first.get_weights()[0])


@pytest.mark.parametrize("place", ["before", "within", "after"])
def test_a_kill_around_the_writing_of_a_state_repeats_no_update(tmp_path, monkeypatch, place):
    """Weights and the epoch they belong to are one file: neither is there without the other."""
    whole = small_model()
    history = finetune(whole, batches(), folder=tmp_path / "whole", epochs=3, peak=1e-2, verbose=0)
    save, replace, written = keras.Model.save_weights, Path.replace, []

    def saving(self, filepath, *arguments, **options):
        written.append(filepath)
        if len(written) == 2 and place == "before":
            raise KeyboardInterrupt
        save(self, filepath, *arguments, **options)

    def replacing(self, target):
        if len(written) == 2 and place == "within":
            raise KeyboardInterrupt
        replace(self, target)
        if len(written) == 2 and place == "after":
            raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "save_weights", saving)
    monkeypatch.setattr(Path, "replace", replacing)
    with pytest.raises(KeyboardInterrupt):
        finetune(small_model(), batches(), folder=tmp_path / "killed", epochs=3, peak=1e-2, verbose=0)
    monkeypatch.undo()
    again = small_model()
    assert finetune(again, batches(), folder=tmp_path / "killed", epochs=3, peak=1e-2, verbose=0) == history
    np.testing.assert_array_equal(again.get_weights()[0], whole.get_weights()[0])


def test_divergence_is_told(tmp_path):
    import tensorflow as tf

    endless = np.full((12, 5), np.inf, "float32")
    data = tf.data.Dataset.from_tensor_slices((endless, np.arange(12) % 2)).batch(3)
    with pytest.raises(InputError, match="diverged"):
        finetune(small_model(), data, folder=tmp_path, epochs=2, verbose=0)


def test_biases_and_norms_do_not_decay(tmp_path):
    model = keras.Sequential([keras.Input((5,)), keras.layers.LayerNormalization(), keras.layers.Dense(2)])
    finetune(model, batches(), folder=tmp_path, epochs=1, verbose=0)
    decayed = [v.name for v in model.trainable_variables if model.optimizer._use_weight_decay(v)]
    assert decayed == ["kernel"]


def test_an_epoch_logged_twice_counts_once(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n0,3\n1,2\n1,1.5\n2,1\n")
    assert [row["loss"] for row in read_history(tmp_path / "history.csv")] == [3, 1.5, 1]


def test_another_run_of_a_model_whose_first_went_on_begins_at_its_beginning(tmp_path):
    for _ in range(2):  # the second finds the first run finished
        model = small_model()
        finetune(model, batches(), folder=tmp_path / "first", epochs=3, verbose=0)
    assert len(finetune(model, batches(), folder=tmp_path / "second", epochs=2, verbose=0)) == 2


def test_unusable_rates(tmp_path):
    with pytest.raises(InputError, match="peak"):
        finetune(small_model(), batches(), folder=tmp_path, epochs=2, peak=0, verbose=0)


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGTERM])
def test_killed_and_started_again_with_the_same_command(tmp_path, signal_sent):
    """The learning-rate curve of a killed run is the uninterrupted run's, to the last digit."""

    def start(folder, pause):
        call = [sys.executable, "-c", SCRIPT, str(folder), str(pause)]
        return subprocess.Popen(call, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}, stderr=subprocess.DEVNULL)

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    uninterrupted = start(whole, 0)
    run = start(killed, 0.25)
    deadline = time.monotonic() + 240
    log = killed / "history.csv"
    while time.monotonic() < deadline and not (log.exists() and len(log.read_text().splitlines()) >= 3):
        time.sleep(0.05)  # until two epochs are logged
    run.send_signal(signal_sent)
    assert run.wait() != 0
    assert uninterrupted.wait() == 0
    interrupted_after = len(read_history(log))
    assert 2 <= interrupted_after < 6
    assert start(killed, 0).wait() == 0
    before, after = read_history(whole / "history.csv"), read_history(log)
    assert [row["epoch"] for row in after] == [0, 1, 2, 3, 4, 5]
    assert [row["learning_rate"] for row in after] == [row["learning_rate"] for row in before]
    np.testing.assert_allclose(np.load(killed / "weights.npy"), np.load(whole / "weights.npy"), atol=1e-6)


class Loud(Told):
    """Noise with labels: its loss does not fall for long."""

    def __getitem__(self, index):
        random = np.random.default_rng((self.told[-1] if self.told else 0, index))
        return random.normal(size=(4, 5)).astype("float32"), random.integers(0, 2, 4)


def test_a_run_that_was_stopped_early_has_finished(tmp_path):
    def run():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
        patient = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True, min_delta=10.0)
        how = {"epochs": 9, "callbacks": [patient], "verbose": 0, "jit_compile": False}
        return finetune(model, Loud(), Loud(), folder=tmp_path, **how), model.get_weights()

    (rows, weights), (again, read_back) = run(), run()
    assert len(rows) == 2
    assert again == rows
    for one, other in zip(weights, read_back, strict=True):
        np.testing.assert_array_equal(one, other)  # the best, which the callback put back


def test_a_log_that_was_cut_in_a_line_goes_on(tmp_path):
    def run(epochs):
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
        return finetune(model, Told(), folder=tmp_path, epochs=epochs, verbose=0, jit_compile=False)

    run(2)
    log = tmp_path / "history.csv"
    log.write_text(log.read_text() + "2,0.3")
    assert [row["epoch"] for row in run(2)] == [0, 1]


def test_a_damaged_folder_and_a_full_disk_are_told(tmp_path, monkeypatch):
    def run(folder):
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
        return finetune(model, Told(), folder=folder, epochs=1, verbose=0, jit_compile=False)

    def full(*arguments, **how):
        raise OSError(28, "No space left on device")

    run(tmp_path / "damaged")
    (tmp_path / "damaged" / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json: is damaged"):
        run(tmp_path / "damaged")
    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\).*goes on"):
        run(tmp_path / "full")
