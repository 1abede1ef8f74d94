"""Random changes of volumes, in keras.ops: layers of a model on any backend, or steps of a data pipeline.

Beside each random layer stands the function that it chooses the numbers for.
"""

from keras_neurovit.augmentation.artefacts import (
    RandomAnisotropy3D,
    RandomBlur3D,
    RandomGhosting3D,
    blur,
    ghosting,
    thick_slices,
)
from keras_neurovit.augmentation.base import RandomTransform3D
from keras_neurovit.augmentation.intensity import (
    RandomBiasField3D,
    RandomGamma3D,
    RandomNoise3D,
    bias_field,
    gamma,
    noise,
)
from keras_neurovit.augmentation.mixing import CutMix3D, MixUp3D, RandomCutout3D, cutout, mix, paste
from keras_neurovit.augmentation.policies import augment, policy
from keras_neurovit.augmentation.spatial import (
    RandomAffine3D,
    RandomElastic3D,
    RandomFlip3D,
    affine,
    elastic,
    flip,
)

__all__ = [
    "CutMix3D",
    "MixUp3D",
    "RandomAffine3D",
    "RandomAnisotropy3D",
    "RandomBiasField3D",
    "RandomBlur3D",
    "RandomCutout3D",
    "RandomElastic3D",
    "RandomFlip3D",
    "RandomGamma3D",
    "RandomGhosting3D",
    "RandomNoise3D",
    "RandomTransform3D",
    "affine",
    "augment",
    "bias_field",
    "blur",
    "cutout",
    "elastic",
    "flip",
    "gamma",
    "ghosting",
    "mix",
    "noise",
    "paste",
    "policy",
    "thick_slices",
]
