"""Evaluation: measures with confidence intervals, a baseline to beat, and figures for print."""

from keras_neurovit.evaluation.baselines import scalar_baseline
from keras_neurovit.evaluation.bootstrap import Estimate
from keras_neurovit.evaluation.figures import learning_rate_figure, roc_figure, slices_figure
from keras_neurovit.evaluation.metrics import roc_auc, summary

__all__ = [
    "Estimate",
    "learning_rate_figure",
    "roc_auc",
    "roc_figure",
    "scalar_baseline",
    "slices_figure",
    "summary",
]
