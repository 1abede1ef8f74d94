"""Synthetic brains: label maps deformed, coloured and measured; and cohorts of people."""

from keras_neurovit.synthesis.anatomy import Anatomies, load_anatomies
from keras_neurovit.synthesis.cohort import make_people, write_cohort
from keras_neurovit.synthesis.demo import write_demo_cohort
from keras_neurovit.synthesis.factory import BrainFactory
from keras_neurovit.synthesis.generator import BrainGenerator
from keras_neurovit.synthesis.icbm152 import icbm152_t1
from keras_neurovit.synthesis.label_map import LabelMap, find_label_maps, read_label_map
from keras_neurovit.synthesis.population import Person, draw_population
from keras_neurovit.synthesis.stream import BrainStream
from keras_neurovit.synthesis.structures import STRUCTURES, mirrored_structures, sums_of_structures
from keras_neurovit.synthesis.variation import vary_freely

__all__ = [
    "STRUCTURES",
    "Anatomies",
    "BrainFactory",
    "BrainGenerator",
    "BrainStream",
    "LabelMap",
    "Person",
    "draw_population",
    "find_label_maps",
    "icbm152_t1",
    "load_anatomies",
    "make_people",
    "mirrored_structures",
    "read_label_map",
    "sums_of_structures",
    "vary_freely",
    "write_cohort",
    "write_demo_cohort",
]
