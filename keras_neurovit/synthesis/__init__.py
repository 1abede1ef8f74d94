"""Synthetic brains: for now one small, replaceable generator of a demonstration cohort."""

from keras_neurovit.synthesis.demo import write_demo_cohort
from keras_neurovit.synthesis.template import icbm152_t1

__all__ = ["icbm152_t1", "write_demo_cohort"]
