"""Random changes of volumes, in keras.ops: layers of a model on any backend, or steps of a data pipeline."""

from keras_neurovit.augmentation.functions import affine, flip, gamma
from keras_neurovit.augmentation.layers import (
    RandomAffine3D,
    RandomFlip3D,
    RandomGamma3D,
    RandomNoise3D,
    RandomTransform3D,
)
from keras_neurovit.augmentation.policies import augment, policy

__all__ = [
    "RandomAffine3D",
    "RandomFlip3D",
    "RandomGamma3D",
    "RandomNoise3D",
    "RandomTransform3D",
    "affine",
    "augment",
    "flip",
    "gamma",
    "policy",
]
