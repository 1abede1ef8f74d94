"""Whether the network may be asked, and libraries that need not be there."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from keras_neurovit._checks import InputError

SWITCHES = ("KERAS_NEUROVIT_OFFLINE", "HF_HUB_OFFLINE")


def offline() -> bool:
    """Whether $KERAS_NEUROVIT_OFFLINE or $HF_HUB_OFFLINE says so."""
    return any(os.environ.get(switch, "").lower() in ("1", "true", "yes", "on") for switch in SWITCHES)


def library(name: str, extra: str, purpose: str) -> ModuleType:
    """An optional library.

    Raises:
        InputError: it is not installed; says how to install it.

    Example:
        >>> library("json", "hub", "reading").__name__
        'json'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name.split(".")[0]:
            raise
        mend = f'Install it: pip install "keras-neurovit[{extra}]".'
        raise InputError(f"{purpose} needs {name.split('.')[0]}, which is not installed", mend=mend) from None
