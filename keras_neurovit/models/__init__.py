"""Functions that assemble layers into plain functional Keras models."""

from keras_neurovit.models.classifier import classifier
from keras_neurovit.models.masked_autoencoder import masked_autoencoder, reconstruct
from keras_neurovit.models.measurer import measurer
from keras_neurovit.models.minit3d import minit3d
from keras_neurovit.models.projector import projector
from keras_neurovit.models.sfcn import sfcn
from keras_neurovit.models.vit3d import vit3d

__all__ = [
    "classifier",
    "masked_autoencoder",
    "measurer",
    "minit3d",
    "projector",
    "reconstruct",
    "sfcn",
    "vit3d",
]
