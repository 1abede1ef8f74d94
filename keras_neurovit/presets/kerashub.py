"""Presets' backbones for KerasHub, where it is installed."""

from __future__ import annotations

import functools
import importlib.util
import os
import warnings
from pathlib import Path

import h5py
import keras

from keras_neurovit._checks import InputError
from keras_neurovit.presets.adapt import named_weights
from keras_neurovit.presets.kerashub_files import CLASS, PACKAGE, backbone_config
from keras_neurovit.presets.load import build_backbone, build_model
from keras_neurovit.presets.preset import Preset
from keras_neurovit.volumes import VolumeContract


@functools.cache
def register_backbone() -> type:
    """Make KerasHub know this package's backbones: a class `NeurovitBackbone`, registered with Keras.

    After it, `keras_hub.models.Backbone.from_preset(folder)` loads the backbone of any folder that `save_to_preset`
    wrote, or of its copy on a hub.

    Raises:
        InputError: KerasHub is not installed.

    Example:
        register_backbone()
        keras_hub.models.Backbone.from_preset("my_preset")
    """
    if importlib.util.find_spec("keras_hub") is None:
        mend = "Install it: pip install keras-hub. For the backbone alone, from_preset(folder, num_classes=0) does."
        raise InputError("KerasHub is not installed", mend=mend)
    import keras_hub

    class NeurovitBackbone(keras_hub.models.Backbone):
        def __init__(self, model, arguments, volume, head=None, labels=(), dtype=None, **kwargs):
            contract = VolumeContract.from_dict(volume)
            described = Preset("backbone", "", model, arguments, contract, head=head or {}, labels=labels)
            backbone = build_backbone(described)
            super().__init__(backbone.input, backbone.output, dtype=dtype, **kwargs)
            self.described = described

        def get_config(self):
            return {**super().get_config(), **backbone_config(self.described)}

        def load_weights(self, filepath, *args, **kwargs):
            if not _holds_whole_model(filepath):
                return super().load_weights(filepath, *args, **kwargs)
            load_from_whole(self, self.described, Path(filepath))

    NeurovitBackbone.__name__ = NeurovitBackbone.__qualname__ = CLASS
    return keras.saving.register_keras_serializable(PACKAGE)(NeurovitBackbone)


def load_from_whole(backbone: keras.Model, preset: Preset, file: Path) -> None:
    """Give a backbone its weights from a file that holds a whole model's.

    Raises:
        InputError: weights of another model.
    """
    stored = build_model(preset, build_backbone(preset), None if preset.labels else 1, None, None)
    skipped = [] if preset.labels else [stored.get_layer("head")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns when a layer finds no weights
            stored.load_weights(file, objects_to_skip=skipped)
    except (ValueError, KeyError, UserWarning):
        mend = "Copy or download the preset again."
        raise InputError(f"{file}: does not hold the weights that config.json describes", mend=mend) from None
    values = {name: weight for name, (_, weight) in named_weights(stored)}
    for name, (_, weight) in named_weights(backbone):
        weight.assign(values[f"backbone/{name}"])


def _holds_whole_model(file: str | os.PathLike) -> bool:
    """Whether a file is of `save_to_preset`, rather than of a backbone alone, as KerasHub saves it."""
    if not str(file).endswith(".h5"):
        return True
    with h5py.File(file, "r") as stored:
        return "layers/functional" in stored  # the backbone, by its class: it has no such layer itself
