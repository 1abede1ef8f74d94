"""Explanations: maps of what a model's score rests on, in the scan's own space."""

from keras_neurovit.evaluation.explanations.attention import attention_rollout, gradient_attention
from keras_neurovit.evaluation.explanations.explain import METHODS, Explanation, explain_scan, explain_volume
from keras_neurovit.evaluation.explanations.gradients import input_gradients
from keras_neurovit.evaluation.explanations.integrated import integrated_gradients
from keras_neurovit.evaluation.explanations.occlusion import occlude_regions, occlusion
from keras_neurovit.evaluation.explanations.regions import Region, region_table, write_regions
from keras_neurovit.evaluation.explanations.scores import score_of

__all__ = [
    "METHODS",
    "Explanation",
    "Region",
    "attention_rollout",
    "explain_scan",
    "explain_volume",
    "gradient_attention",
    "input_gradients",
    "integrated_gradients",
    "occlude_regions",
    "occlusion",
    "region_table",
    "score_of",
    "write_regions",
]
