"""What is done to each scan before it is conformed."""

from __future__ import annotations

from collections.abc import Callable

from keras_neurovit._checks import one_of
from keras_neurovit.preparation.bias import correct_bias, need_simpleitk
from keras_neurovit.preparation.strip import find_tool, strip_skull
from keras_neurovit.volumes import Scan

BIAS_CORRECTIONS = ("n4",)


def preparation(strip: str | None = None, bias_correct: str | None = None) -> Callable[[Scan], Scan]:
    """From scan to scan: the skull first, so that the field is fitted to the brain.

    Args:
        strip: see `strip_skull`; None for a scan as it is.
        bias_correct: "n4", see `correct_bias`; None for none.

    Raises:
        InputError: an unknown tool, or one that is not installed: told here, before any scan is read.

    Example:
        >>> import numpy as np
        >>> scan = Scan(np.zeros((2, 3, 4), "float32"), np.eye(4))
        >>> preparation()(scan) is scan
        True
    """
    if strip is not None:
        find_tool(strip)
    if bias_correct is not None:
        one_of("bias correction", bias_correct, BIAS_CORRECTIONS)
        need_simpleitk()

    def prepare(scan: Scan) -> Scan:
        scan = scan if strip is None else strip_skull(scan, strip)
        return scan if bias_correct is None else correct_bias(scan)

    return prepare
