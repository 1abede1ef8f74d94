"""Vision transformers for 3-D brain MRI in Keras 3.

`from_preset(name)` gives a model, `read_scan` and `conform` a volume for it; the rooms below hold the rest. Nothing is
imported before it is asked for, so that the command line answers at once.
"""

from __future__ import annotations

import importlib

from keras_neurovit._checks import InputError
from keras_neurovit._version import __version__

_HOMES = {
    "from_preset": "presets",
    "list_presets": "presets",
    "load_preset": "presets",
    "save_to_preset": "presets",
    "verify": "presets",
    "read_scan": "volumes",
    "conform": "volumes",
    "VolumeContract": "volumes",
    "read_bids": "cohorts",
    "read_csv": "cohorts",
    "make_dataset": "data",
    "WarmupCosineDecay": "training",
    "finetune": "training",
    "predict_scans": "predict",
    "measure_scans": "measure",
    "train_on_cohort": "experiment",
    "show_scan": "show",
    "check_scans": "check",
    "export_preset": "export",
}
_ROOMS = (
    "augmentation",
    "cohorts",
    "data",
    "evaluation",
    "export",
    "layers",
    "models",
    "preparation",
    "presets",
    "synthesis",
    "training",
    "volumes",
)

__all__ = ["InputError", "__version__", *_HOMES, *_ROOMS]  # noqa: PLE0604 (ruff does not look into the tables)


def __getattr__(name: str):
    if name in _HOMES:
        value = getattr(importlib.import_module(f"keras_neurovit.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return importlib.import_module(f"keras_neurovit.{name}")
    raise AttributeError(f"module 'keras_neurovit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
