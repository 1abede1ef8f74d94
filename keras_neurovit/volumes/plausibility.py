"""Whether a scan looks like what a preset was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nibabel
import numpy as np
from scipy import ndimage

from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.foreground import Foreground
from keras_neurovit.volumes.scan import Scan

BRAIN_ML = (600.0, 2200.0)  # small infants to the largest adult brains with their fluid
CUT_OFF = 4  # voxels of the new grid a head may stick out by: less is a rim of meninges
THICK_MM = 3.5
APART_MM = 8.0  # two heads in one scan lie further apart than this
SECOND = 0.3  # of the largest piece: ears, noses and noise are smaller
DOUBTFUL = 0.1  # standard deviations; real T1s have +0.9 to +1.2, the same inverted −0.4 to −0.7
STRIP = "strip it first, for example with HD-BET or SynthStrip."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked of a scan.

    Args:
        check: what.
        measured: in the scan.
        expected: by the preset.
        problem: what is wrong, and how to mend it, in a sentence; None where nothing is.

    Example:
        >>> Finding("spacing", "1×1×1 mm", "up to 3.5 mm").passed
        True
    """

    check: str
    measured: str
    expected: str
    problem: str | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


def problems(findings: Sequence[Finding]) -> list[str]:
    """What is wrong, a sentence each; empty where nothing is."""
    return [finding.problem for finding in findings if not finding.passed]


def examine_scan(
    scan: Scan, voxels: np.ndarray, head: Foreground, spacing_mm: Sequence[float], contract: VolumeContract
) -> list[Finding]:
    """Everything about a scan that its intensities need not be normalised for.

    Args:
        scan: as it lies on disk.
        voxels: its voxels along RAS+ axes.
        head: where the head is among them.
        spacing_mm: edge of a voxel along those axes.
        contract: what the preset expects.
    """
    return [
        _orientation(scan),
        _spacing(spacing_mm),
        _volume(head, spacing_mm, contract),
        *_extent(head, spacing_mm, contract),
        _pieces(voxels, head, spacing_mm),
    ]


def _orientation(scan: Scan) -> Finding:
    axes, problem = "".join(nibabel.aff2axcodes(scan.affine)), None
    if not scan.oriented:
        problem = (
            "the file does not say how the head lies in it (neither sform nor qform is set), so left and right may be "
            "exchanged: convert it again from DICOM, or set them."
        )
    return Finding("orientation", axes if scan.oriented else f"{axes}, assumed", "told by the file", problem)


def _spacing(spacing_mm: Sequence[float]) -> Finding:
    problem = None
    if max(spacing_mm) > THICK_MM:
        problem = (
            f"slices are {max(spacing_mm):.1f} mm thick; presets are trained on 1 to 2 mm: take the scan with the "
            "thinnest slices of the session."
        )
    measured = "×".join(f"{edge:.2g}" for edge in spacing_mm)
    return Finding("spacing", f"{measured} mm", f"up to {THICK_MM:g} mm", problem)


def _volume(head: Foreground, spacing_mm: Sequence[float], contract: VolumeContract) -> Finding:
    volume_ml = head.count * float(np.prod(spacing_mm)) / 1000.0
    (least, most), problem = BRAIN_ML, None
    expected = f"{least:.0f} to {most:.0f} ml, brain-extracted" if contract.brain_extracted else f"over {most:.0f} ml"
    if contract.brain_extracted and volume_ml > most:
        problem = (
            f"{volume_ml:.0f} ml are brighter than background, more than a brain (up to {most:.0f} ml): "
            f"the skull seems to be on; this preset expects brain-extracted scans: {STRIP}"
        )
    elif not contract.brain_extracted and least <= volume_ml <= most:
        problem = (
            f"{volume_ml:.0f} ml are brighter than background, as many as in a brain without skull; this preset "
            "expects whole heads: give the scan as it was before its skull was stripped."
        )
    elif volume_ml < least:
        problem = (
            f"only {volume_ml:.0f} ml are brighter than background, less than a brain ({least:.0f} ml or more): "
            "the scan may be cropped, masked too tightly or scaled wrongly."
        )
    return Finding("volume of the head", f"{volume_ml:.0f} ml", expected, problem)


def _extent(head: Foreground, spacing_mm: Sequence[float], contract: VolumeContract) -> list[Finding]:
    found = []
    names = ("left–right", "posterior–anterior", "inferior–superior")
    for name, centre, (first, last), spacing, size, new_spacing in zip(
        names, head.centre, head.extent, spacing_mm, contract.shape, contract.spacing_mm, strict=True
    ):
        reach_mm, box_mm, problem = max(centre - first, last - centre) * spacing, size * new_spacing / 2, None
        if reach_mm > (size / 2 + CUT_OFF) * new_spacing:
            problem = (
                f"the head reaches {reach_mm:.0f} mm from its centre along {name}, the preset's box "
                f"{box_mm:.0f} mm: part of it is cut off; is there neck or skull to remove?"
            )
        found.append(Finding(f"reach, {name}", f"{reach_mm:.0f} mm", f"up to {box_mm:.0f} mm", problem))
    return found


def _pieces(voxels: np.ndarray, head: Foreground, spacing_mm: Sequence[float]) -> Finding:
    every = tuple(slice(None, None, max(1, int(APART_MM / edge))) for edge in spacing_mm)
    labels, number = ndimage.label(voxels[every] > head.threshold)
    sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1] if number else np.zeros(1)
    heads, problem = int((sizes > SECOND * sizes[0]).sum()), None
    if heads > 1:
        problem = (
            f"the scan holds {heads} separate bodies of similar size, no single head: give one head a file, or check "
            "what was concatenated or wrapped around."
        )
    return Finding("heads", str(heads), "1", problem)


def examine_intensities(
    measured: Mapping[str, float], contract: VolumeContract, ranges: Mapping[str, Sequence[float]] | None
) -> list[Finding]:
    """Whether normalised intensities are those of a T1-weighted brain, and those that the preset was trained on.

    Args:
        measured: from `intensities`.
        contract: what the preset expects.
        ranges: the preset's fingerprint, from `fingerprint`; None where it has none.
    """
    contrast, problem, found = measured["contrast"], None, []
    if contrast < -DOUBTFUL:
        problem = (
            f"the inside of the head is darker than its rim, by {-contrast:.1f} standard deviations: this is not "
            "T1-weighted, or its contrast is inverted: give the T1w scan."
        )
    if contract.brain_extracted:  # of a whole head the rim is skin and fat, which are bright in T1 too
        found.append(Finding("contrast, inside to rim", f"{contrast:+.2f}", "positive: T1-weighted", problem))
    for name, (low, high) in (ranges or {}).items():
        value, problem = measured[name], None
        if not low <= value <= high:
            problem = (
                f"intensities are unlike those learnt from: {name} is {value:.2f}, expected {low:.2f} to {high:.2f}: "
                "another contrast, a strong bias field, or another way of preparing; prepare it as the training scans."
            )
        found.append(Finding(f"intensities, {name}", f"{value:+.2f}", f"{low:+.2f} to {high:+.2f}", problem))
    return found
