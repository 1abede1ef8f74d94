"""The field's tools for what a scan needs before it is conformed: skull stripping and bias correction."""

from keras_neurovit.preparation.bias import correct_bias
from keras_neurovit.preparation.chain import BIAS_CORRECTIONS, preparation
from keras_neurovit.preparation.strip import TOOLS, strip_skull

__all__ = ["BIAS_CORRECTIONS", "TOOLS", "correct_bias", "preparation", "strip_skull"]
