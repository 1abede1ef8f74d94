"""tf.data: cohorts to batches (the only room that imports TensorFlow)."""

from keras_neurovit.data.ahead import read_ahead
from keras_neurovit.data.cache import conform_all, default_cache
from keras_neurovit.data.distribute import distributed
from keras_neurovit.data.pipeline import make_dataset
from keras_neurovit.data.tensorboard import tensorboard

__all__ = ["conform_all", "default_cache", "distributed", "make_dataset", "read_ahead", "tensorboard"]
