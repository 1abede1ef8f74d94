"""Named models: a preset is a folder of preset.json, model.weights.h5 and golden.npz."""

from keras_neurovit.presets.load import build_backbone, from_preset
from keras_neurovit.presets.preset import Preset, Weights
from keras_neurovit.presets.store import SHIPPED, list_presets, load_preset, save_to_preset
from keras_neurovit.presets.verify import Verdict, verify, write_golden

__all__ = [
    "SHIPPED",
    "Preset",
    "Verdict",
    "Weights",
    "build_backbone",
    "from_preset",
    "list_presets",
    "load_preset",
    "save_to_preset",
    "verify",
    "write_golden",
]
