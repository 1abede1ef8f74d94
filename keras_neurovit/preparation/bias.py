"""Bias correction by ITK."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.volumes import Scan, find_foreground

COARSE_MM = 4.0  # a bias field is smooth: fitted on voxels this large, it is the same and takes a fiftieth of the time


def need_simpleitk() -> None:
    """Tell how to install SimpleITK where it is missing.

    Raises:
        InputError: it is not installed.
    """
    if importlib.util.find_spec("SimpleITK") is None:
        mend = 'Install it: pip install "keras-neurovit[n4]"'
        raise InputError("bias correction needs SimpleITK, which is not installed", mend=mend)


def correct_bias(scan: Scan) -> Scan:
    """The scan divided by the smooth field that N4 finds in its head; the affine stays as it is.

    Args:
        scan: with or without skull.

    Raises:
        InputError: SimpleITK is not installed, a scan without a head, or one in which N4 fails.

    Source: Tustison et al. 2010 (IEEE Transactions on Medical Imaging 29, p. 1310), as ITK has it.
    """
    need_simpleitk()
    import SimpleITK

    mask = scan.voxels > max(find_foreground(scan.voxels).threshold, 0.0)  # N4 takes logarithms
    if not mask.any():
        mend = "Shift its intensities so that the head is above zero."
        raise InputError(f"{scan.path}: has no positive voxels whose bias could be corrected", mend=mend)
    image, head = _image(scan.voxels, scan), _image(mask.astype("uint8"), scan)
    shrink = [max(1, int(COARSE_MM / edge)) for edge in scan.spacing_mm]
    shrink = [min(factor, max(1, size // 4)) for factor, size in zip(shrink, scan.voxels.shape, strict=True)]
    n4 = SimpleITK.N4BiasFieldCorrectionImageFilter()
    try:
        n4.Execute(SimpleITK.Shrink(image, shrink), SimpleITK.Shrink(head, shrink))
        log_field = SimpleITK.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image)).T
    except RuntimeError as error:
        reason = [line for line in str(error).splitlines() if line.strip()][-1].strip()
        raise InputError(f"{scan.path}: N4 failed ({reason})", mend="Give the scan without --bias-correct.") from None
    corrected = scan.voxels / np.exp(log_field).astype("float32")
    if not np.isfinite(corrected).all():
        raise InputError(f"{scan.path}: N4 found a field without bounds", mend="Give the scan without --bias-correct.")
    return dataclasses.replace(scan, voxels=corrected)


def _image(voxels: np.ndarray, scan: Scan):
    """An ITK image of voxels, x fastest; only spacing matters to N4."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetSpacing(scan.spacing_mm)
    return image
