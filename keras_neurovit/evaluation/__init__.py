"""Evaluation: measures with confidence intervals, a baseline to beat, and figures for print."""

from keras_neurovit.evaluation.baselines import scalar_baseline
from keras_neurovit.evaluation.bootstrap import Estimate
from keras_neurovit.evaluation.calibration import calibration_error, calibration_line, fit_temperature, reliability
from keras_neurovit.evaluation.comparison import compare, corrected_t_test, holm
from keras_neurovit.evaluation.confounds import confound_baseline, matched_auc
from keras_neurovit.evaluation.covariates import with_columns
from keras_neurovit.evaluation.delong import delong_auc, delong_difference
from keras_neurovit.evaluation.figures import learning_rate_figure, roc_figure, slices_figure
from keras_neurovit.evaluation.flow import flow_figure
from keras_neurovit.evaluation.metrics import roc_auc, summary
from keras_neurovit.evaluation.one_label import versus_rest
from keras_neurovit.evaluation.paired import Comparison, compare_all
from keras_neurovit.evaluation.predictions import Predictions, read_predictions
from keras_neurovit.evaluation.recalibration import after, calibrated, fit_calibration
from keras_neurovit.evaluation.reliability_figure import reliability_figure
from keras_neurovit.evaluation.scaling import ScalingCurve, fit_scaling_curve
from keras_neurovit.evaluation.scaling_figure import scaling_figure
from keras_neurovit.evaluation.scorecard import best_threshold, scorecard
from keras_neurovit.evaluation.strata import strata
from keras_neurovit.evaluation.threshold import choose_threshold

__all__ = [
    "Comparison",
    "Estimate",
    "Predictions",
    "ScalingCurve",
    "after",
    "best_threshold",
    "calibrated",
    "calibration_error",
    "calibration_line",
    "choose_threshold",
    "compare",
    "compare_all",
    "confound_baseline",
    "corrected_t_test",
    "delong_auc",
    "delong_difference",
    "fit_calibration",
    "fit_scaling_curve",
    "fit_temperature",
    "flow_figure",
    "holm",
    "learning_rate_figure",
    "matched_auc",
    "read_predictions",
    "reliability",
    "reliability_figure",
    "roc_auc",
    "roc_figure",
    "scalar_baseline",
    "scaling_figure",
    "scorecard",
    "slices_figure",
    "strata",
    "summary",
    "versus_rest",
    "with_columns",
]
