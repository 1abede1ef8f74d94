"""Cohorts for TensorFlow Datasets: `import keras_neurovit.data.tfds`, then `tfds.load("keras_neurovit/oasis1")`."""

from keras_neurovit._checks import InputError

try:
    import tensorflow_datasets  # noqa: F401 (told here, once, where it is missing)
except ModuleNotFoundError as error:
    raise InputError("TensorFlow Datasets is not installed", mend='Run pip install "keras-neurovit[tfds]".') from error

from keras_neurovit.data.tfds.builder import KerasNeurovit
from keras_neurovit.data.tfds.configs import CONFIGS, CohortConfig
from keras_neurovit.data.tfds.published import published

__all__ = ["CONFIGS", "CohortConfig", "KerasNeurovit", "published"]
