"""Measures in words."""

# What a name in the results stands for.
WORDS = {
    "auc": "area under the ROC curve",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
    "brier": "Brier score",
    "calibration_error": "expected calibration error",
    "calibration_slope": "calibration slope (1 is right)",
    "calibration_intercept": "calibration intercept (0 is right)",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "r2": "R²",
}
