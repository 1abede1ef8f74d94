"""Presets in the formats of other runtimes, each compared with Keras before it is handed over."""

from keras_neurovit.export.exporting import FORMATS, Exported, export_preset

__all__ = ["FORMATS", "Exported", "export_preset"]
