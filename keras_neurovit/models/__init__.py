"""Functions that assemble layers into plain functional Keras models."""

from keras_neurovit.models.classifier import classifier
from keras_neurovit.models.vit3d import vit3d

__all__ = ["classifier", "vit3d"]
