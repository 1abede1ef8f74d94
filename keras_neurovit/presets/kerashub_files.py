"""The files by which KerasHub knows a preset's folder."""

from __future__ import annotations

import json
from pathlib import Path

import keras

from keras_neurovit._files import published
from keras_neurovit._version import __version__
from keras_neurovit.presets.preset import Preset

CONFIG, METADATA = "config.json", "metadata.json"
PACKAGE, CLASS = "keras_neurovit", "NeurovitBackbone"


def backbone_config(preset: Preset) -> dict:
    """What KerasHub builds a backbone from; the head stands in it because its weights lie in the same file.

    Example:
        >>> from keras_neurovit.presets import load_preset
        >>> backbone_config(load_preset("vit3d_ad"))["model"]
        'vit3d'
    """
    return {
        "model": preset.model,
        "arguments": dict(preset.arguments),
        "volume": preset.volume.to_dict(),
        "head": dict(preset.head),
        "labels": list(preset.labels),
    }


def write_kerashub_files(preset: Preset, folder: Path) -> None:
    """Write `config.json` and `metadata.json` beside a preset's weights."""
    config = {
        "module": "keras_neurovit.presets.kerashub",
        "class_name": CLASS,
        "config": {"name": "backbone", "trainable": True, **backbone_config(preset)},
        "registered_name": f"{PACKAGE}>{CLASS}",
    }
    metadata = {
        "keras_version": keras.__version__,
        "keras_neurovit_version": __version__,
        "parameter_count": preset.weights.parameters,
    }
    for name, values in ((CONFIG, config), (METADATA, metadata)):
        with published(folder / name) as text:
            text.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
