"""Callbacks of services that keep track of runs, by their own packages."""

from __future__ import annotations

import importlib

import keras

from keras_neurovit._checks import InputError, one_of

SERVICES = {
    "mlflow": ("mlflow.keras", "MlflowCallback"),
    "wandb": ("wandb.integration.keras", "WandbMetricsLogger"),
}


def tracker(service: str, **arguments) -> keras.callbacks.Callback:
    """The callback by which MLflow, or Weights & Biases, draws a run's losses, metrics and learning rate.

    Their runs begin and end as their own manuals say: `with mlflow.start_run(): …`, `wandb.init(project=…)`.

    Args:
        service: "mlflow" or "wandb".
        arguments: of the package's own callback, `mlflow.keras.MlflowCallback` or
            `wandb.integration.keras.WandbMetricsLogger`.

    Raises:
        InputError: an unknown service, or its package is not installed.

    Example:
        >>> tracker("visdom")
        Traceback (most recent call last):
        ...
        keras_neurovit._checks.InputError: unknown service 'visdom' (expected one of mlflow, wandb).
    """
    module, name = SERVICES[one_of("service", service, SERVICES)]
    try:
        return getattr(importlib.import_module(module), name)(**arguments)
    except ModuleNotFoundError as error:
        mend = f'Run: pip install "keras-neurovit[{service}]".'
        raise InputError(f"{service} is not installed ({error})", mend=mend) from None
