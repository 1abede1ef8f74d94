"""A stream's brains follow from the seed and the epoch, and from nothing else."""

import numpy as np
import pytest

from keras_neurovit import InputError
from keras_neurovit.models import vit3d
from keras_neurovit.synthesis import STRUCTURES, BrainFactory, BrainGenerator, BrainStream
from keras_neurovit.training import pretrain


@pytest.fixture(scope="module")
def factory(anatomies):
    return BrainFactory(BrainGenerator(anatomies, (32, 40, 32), 6.0, oversampling=1))


def test_epochs_differ_and_come_again(factory):
    stream = BrainStream(factory, batch_size=2, steps=3, seed=7)
    first = [stream[index][0] for index in (0, 1)]
    stream.start_epoch(1)
    second = stream[0][0]
    stream.start_epoch(0)
    np.testing.assert_array_equal(stream[0][0], first[0])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], second)
    assert len(stream) == 3


def test_targets(factory):
    how = {"batch_size": 4, "steps": 1, "contrasts": 2}
    volumes, people = BrainStream(factory, target="person", **how)[0]
    assert people.tolist() == [0, 0, 1, 1]
    assert not np.array_equal(volumes[0], volumes[1])
    own = BrainStream(factory, target="volumes", **how)[0]
    np.testing.assert_array_equal(*own)
    truth = BrainStream(factory, **how)[0][1]
    assert truth.shape == (4, len(STRUCTURES))
    np.testing.assert_array_equal(truth[0], truth[1])
    assert not np.array_equal(truth[1], truth[2])


def test_volumes_as_tasks(factory, tmp_path):
    how = {"batch_size": 4, "steps": 2, "contrasts": 2, "seed": 3}
    stream = BrainStream(factory, target="tasks", **how)
    assert [task.column for task in stream.tasks] == [f"log {name}" for name in STRUCTURES]
    told = np.stack([task.mean + task.spread * row for task, row in zip(stream.tasks, stream[0][1].T, strict=True)], 1)
    np.testing.assert_allclose(np.exp(told) - 1, BrainStream(factory, **how)[0][1], rtol=1e-3, atol=0.5)
    assert BrainStream(factory, target="tasks", **how).tasks == stream.tasks
    backbone = vit3d((32, 40, 32), (8, 8, 8), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
    run = {"folder": tmp_path, "epochs": 1, "jit_compile": False, "verbose": 0}
    model, history = pretrain(backbone, stream, "supervised", options={"tasks": stream.tasks}, **run)
    assert model.output_shape == (None, len(STRUCTURES))
    assert 0 < history[0]["loss"] < 20  # in spreads


@pytest.mark.parametrize("wrong", [{"contrasts": 3}, {"batch_size": 0}, {"steps": 0}, {"target": "age"}])
def test_what_cannot_be_is_refused(factory, wrong):
    with pytest.raises(InputError):
        BrainStream(factory, **{"batch_size": 4, **wrong})
