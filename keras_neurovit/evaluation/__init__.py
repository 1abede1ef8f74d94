"""Evaluation: measures with confidence intervals, a baseline to beat, and figures for print."""

from .baselines import scalar_baseline
from .bootstrap import Estimate
from .figures import learning_rate_figure, roc_figure, slices_figure
from .metrics import roc_auc, summary

__all__ = [
    "Estimate",
    "learning_rate_figure",
    "roc_auc",
    "roc_figure",
    "scalar_baseline",
    "slices_figure",
    "summary",
]
