"""From a scan on disk to a map of what a model's score rests on, in the scan's own space."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import nibabel
import numpy as np
from scipy import ndimage

from keras_neurovit._checks import InputError, one_of
from keras_neurovit._files import published
from keras_neurovit.evaluation.explanations.attention import attention_rollout, gradient_attention
from keras_neurovit.evaluation.explanations.integrated import integrated_gradients
from keras_neurovit.evaluation.explanations.occlusion import occlude_regions, occlusion
from keras_neurovit.evaluation.explanations.regions import Region, region_table
from keras_neurovit.evaluation.explanations.scores import score_of
from keras_neurovit.presets import Preset, from_preset, load_preset
from keras_neurovit.volumes import Scan, conform, onto_scan, onto_volume, read_scan

METHODS = ("integrated_gradients", "occlusion", "gradient_attention", "attention_rollout")
"""Ways to explain; the first two work for every model and tell for and against."""
BOX_MM, GRAIN_MM = 32.0, 4.0  # of occlusion: a lobule; of gradients: single voxels are noise to a reader


@dataclass(frozen=True)
class Explanation:
    """Why a model gives a scan its score.

    Args:
        label: whose score is explained.
        score: the logarithm of the label's odds, or the volume in mm³.
        method: one of `METHODS`.
        values: the map on the conformed volume's voxels.
        regions: of the label map, where one was given.
        path: the NIfTI file, or None where none was asked for.
    """

    label: str
    score: float
    method: str
    values: np.ndarray
    regions: tuple[Region, ...] = ()
    path: Path | None = None


def explain_scan(
    scan: str | os.PathLike | Scan,
    preset: str | os.PathLike | Preset = "vit3d_ad",
    path: str | os.PathLike | None = None,
    *,
    method: str = "integrated_gradients",
    label: str | None = None,
    label_map: str | os.PathLike | None = None,
    model: keras.Model | None = None,
) -> Explanation:
    """Explain a score, and write the map as NIfTI in the scan's own space.

    Values of "occlusion" and "integrated_gradients" are contributions to the score: above 0 for it, below against.
    Those of the attention methods are from 0, and tell where, not which way. No map shows that the model is right. Each
    is of one view, the scan where it lies, whatever number of views the preset's predictions are the mean of.

    Args:
        scan: the file, or what `read_scan` gave.
        preset: name, folder or description of a preset with labels.
        path: where to write, ending in .nii or .nii.gz; None writes nothing.
        method: one of `METHODS`.
        label: whose score; None for the last one, the ill one where there are two.
        label_map: of regions, such as FreeSurfer's aseg, in the scan's space on any voxels.
        model: the preset's, where it is loaded already.

    Raises:
        InputError: a scan, label map or preset that cannot be read; a method that does not fit the model; a path that
            is no NIfTI.

    Example:
        explain_scan("sub-01_T1w.nii.gz", "vit3d_ad", "map.nii.gz", label_map="aseg.mgz").regions[0].name
    """
    one_of("method", method, METHODS)
    if path is not None and not str(path).endswith((".nii", ".nii.gz")):
        mend = "Only NIfTI keeps the scan's space."
        raise InputError(f"{path}: is no NIfTI", "a name ending in .nii or .nii.gz", Path(path).suffix, mend)
    described = preset if isinstance(preset, Preset) else load_preset(preset)
    label, score = score_of(described, label)
    scan = scan if isinstance(scan, Scan) else read_scan(scan)
    labels = None if label_map is None else onto_volume(read_scan(label_map), scan, described.volume)
    volume = conform(scan, described.volume)
    model = from_preset(described, verbose=False) if model is None else model
    values = explain_volume(model, volume, score, method, described.volume.spacing_mm)
    regions = ()
    if labels is not None:
        falls = occlude_regions(model, volume, labels, score) if method == "occlusion" else None
        regions = tuple(region_table(values, labels, described.volume.spacing_mm, falls))
    whole = float(keras.ops.convert_to_numpy(score(model(volume[None], training=False)))[0, 0])
    if path is not None:
        path = _write_map(Path(path), onto_scan(values, scan, described.volume), scan)
    return Explanation(label, whole, method, values, regions, path)


def explain_volume(
    model: keras.Model, volume: np.ndarray, score: Callable, method: str, spacing_mm: tuple[float, float, float]
) -> np.ndarray:
    """A map of a conformed volume by one of `METHODS`.

    Shape: (x, y, z, 1) → (x, y, z), float32
    """
    if method == "occlusion":
        box = tuple(
            max(1, min(round(BOX_MM / mm), size)) for mm, size in zip(spacing_mm, volume.shape[:3], strict=True)
        )
        return occlusion(model, volume, score, box=box, stride=tuple(max(1, 3 * edge // 4) for edge in box))
    if method == "integrated_gradients":
        values = integrated_gradients(model, volume, score)
        return ndimage.gaussian_filter(values, [GRAIN_MM / mm for mm in spacing_mm])
    patches = (
        attention_rollout(model, volume) if method == "attention_rollout" else gradient_attention(model, volume, score)
    )
    voxels = [size // count for size, count in zip(volume.shape[:3], patches.shape, strict=True)]
    return np.kron(patches, np.ones(voxels)).astype("float32")


def _write_map(path: Path, values: np.ndarray, scan: Scan) -> Path:
    image = nibabel.Nifti1Image(values, scan.affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"keras-neurovit explanation; no medical device"
    path.parent.mkdir(parents=True, exist_ok=True)
    with published(path) as temporary:
        nibabel.save(image, temporary)
    return path
