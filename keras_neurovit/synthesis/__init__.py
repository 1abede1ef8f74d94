"""Synthetic brains: for now one small, replaceable generator of a demonstration cohort."""

from keras_neurovit.synthesis.demo import write_demo_cohort

__all__ = ["write_demo_cohort"]
