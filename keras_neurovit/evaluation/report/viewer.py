"""Volumes small enough to lie inside a page."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence

import numpy as np


def packed_volume(volume: np.ndarray, values: np.ndarray | None, extent_mm: Sequence[float]) -> dict:
    """A volume, and a map over the same box, as the page's viewer reads them.

    Brightness from the 1st to the 99.9th percentile becomes 0 to 255. Of the map, 128 is nothing and the furthest value
    from 0 is 255 or 1.

    Shape: (x, y, z) or (x, y, z, 1), (i, j, k) or None → JSON's values

    Args:
        volume: axes left→Right, posterior→Anterior, inferior→Superior.
        values: contributions, of any grid over the same box.
        extent_mm: edges of the box.

    Example:
        >>> packed_volume(np.random.default_rng(0).random((4, 5, 6)), None, (8, 10, 12))["shape"]
        [4, 5, 6]
    """
    volume = np.asarray(volume, "float32").reshape(np.shape(volume)[:3])
    low, high = np.percentile(volume, [1, 99.9])
    grey = np.clip((volume - low) / max(float(high - low), 1e-6), 0, 1) * 255
    packed = {"shape": list(volume.shape), "extent_mm": [float(mm) for mm in extent_mm], "grey": _packed(grey)}
    if values is not None:
        values = np.asarray(values, "float32")
        most = float(np.abs(values).max())
        packed |= {"map_shape": list(values.shape), "map": _packed(128 + 127 * values / max(most, 1e-30)), "most": most}
        packed["peak"] = [float(p / n) for p, n in zip(_peak(values), values.shape, strict=True)]
    return packed


def _peak(values: np.ndarray) -> tuple[float, ...]:
    return tuple(index + 0.5 for index in np.unravel_index(np.abs(values).argmax(), values.shape))


def _packed(values: np.ndarray) -> str:
    """Bytes with x fastest, compressed, as text."""
    bytes_ = np.rint(values).astype("uint8").tobytes(order="F")
    return base64.b64encode(gzip.compress(bytes_, 9, mtime=0)).decode("ascii")
