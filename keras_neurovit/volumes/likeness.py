"""Whether two scans are one: a perceptual hash that survives what people do to copies."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from keras_neurovit.volumes.conform import conform
from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.scan import Scan

COARSE = VolumeContract((8.0, 8.0, 8.0), (24, 28, 24))  # one for all presets, so that hashes can be compared
INSIDE = (slice(6, 18), slice(7, 21), slice(6, 18))  # its middle, where every brain is
BLURS = (0.8, 1.6)  # voxels; between them lie gyri and ventricles, beyond them what all heads share
ALIKE = 0.03  # share of bits; of 36 people the nearest two differ in 0.07, copies of one scan in 0.01 (see the tests)


def scan_hash(scan: Scan) -> bytes:
    """2,016 bits of a scan, 252 bytes: where it is brighter than its surroundings, 8 mm apart.

    They hardly change when a scan is stored otherwise, rescaled, resampled, cropped, made noisy or unevenly bright;
    they do when it is turned by several degrees, or its contrast is bent.

    Source: difference of Gaussians, Marr & Hildreth 1980 (Proc. R. Soc. B 207:187); hashes of signs, Charikar 2002
    (STOC, p. 380).

    Example:
        >>> voxels = np.zeros((40, 50, 40), "float32"); voxels[10:30, 10:40, 10:30] = 100
        >>> len(scan_hash(Scan(voxels, np.diag([4.0, 4.0, 4.0, 1.0]))))
        252
    """
    volume = conform(scan, COARSE)[..., 0]
    narrow, wide = (ndimage.gaussian_filter(volume, blur) for blur in BLURS)
    return np.packbits((narrow - wide)[INSIDE] > 0).tobytes()


def bits_of(hashes: list[bytes], mirrored: bool = False) -> np.ndarray:
    """Hashes as rows of −1 and 1, of the scans or of their mirror images.  Shape: (scan,) → (scan, bit), float32"""
    shape = tuple(part.stop - part.start for part in INSIDE)
    bits = np.unpackbits(np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1), axis=1)
    bits = bits.reshape(-1, *shape)[:, :: -1 if mirrored else 1]
    return bits.reshape(len(hashes), -1).astype(np.float32) * 2 - 1


def unlikeness(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The share of bits that differ.  Shape: (one, bit), (other, bit), as `bits_of` gives → (one, other)

    Example:
        >>> unlikeness(np.array([[1.0, -1.0]]), np.array([[1.0, 1.0], [1.0, -1.0]])).tolist()
        [[0.5, 0.0]]
    """
    return (1 - ones @ others.T / ones.shape[1]) / 2
