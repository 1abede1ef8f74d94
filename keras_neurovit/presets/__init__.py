"""Named models: a preset is a folder of preset.json, model.weights.h5 and golden.npz."""

from keras_neurovit.presets.convert import convert
from keras_neurovit.presets.kerashub import register_backbone
from keras_neurovit.presets.load import build_backbone, from_preset
from keras_neurovit.presets.people import Known, know, known_people, save_people
from keras_neurovit.presets.preset import Preset, Weights
from keras_neurovit.presets.publish import push_to_hub
from keras_neurovit.presets.reference import drift, load_reference, save_reference
from keras_neurovit.presets.report import Fate, LoadReport
from keras_neurovit.presets.store import SHIPPED, list_presets, load_preset, save_calibration, save_to_preset
from keras_neurovit.presets.to_torch import to_torch_state_dict
from keras_neurovit.presets.travel import fetch
from keras_neurovit.presets.verify import Verdict, verify, write_golden
from keras_neurovit.presets.views import mean_over_views, probabilities_of

__all__ = [
    "SHIPPED",
    "Fate",
    "Known",
    "LoadReport",
    "Preset",
    "Verdict",
    "Weights",
    "build_backbone",
    "convert",
    "drift",
    "fetch",
    "from_preset",
    "know",
    "known_people",
    "list_presets",
    "load_preset",
    "load_reference",
    "mean_over_views",
    "probabilities_of",
    "push_to_hub",
    "register_backbone",
    "save_calibration",
    "save_people",
    "save_reference",
    "save_to_preset",
    "to_torch_state_dict",
    "verify",
    "write_golden",
]
