"""A few numbers of a conformed volume that tell whether a cohort looks like another."""

from __future__ import annotations

import numpy as np

from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.foreground import find_foreground


def head_facts(volume: np.ndarray, contract: VolumeContract) -> dict[str, float]:
    """How large the head is, and how its intensities spread once they are normalised.

    Shape: (x, y, z, 1), as `conform` gives it

    Args:
        volume: conformed.
        contract: what to.

    Returns:
        head_ml: volume of what is brighter than background; of a brain-extracted scan the brain's, fluid excepted.
        dark, middle, bright: 5th, 50th and 95th percentile of the head, in its standard deviations.

    Raises:
        InputError: a volume that is all alike.

    Example:
        >>> volume = np.zeros((24, 28, 24, 1), "float32"); volume[4:20, 4:24, 4:20] = 1
        >>> head_facts(volume, VolumeContract((4, 4, 4), (24, 28, 24)))["head_ml"]
        327.68
    """
    voxels = volume[..., 0].astype("float32")
    head = find_foreground(voxels)
    inside = voxels[voxels > head.threshold]
    dark, middle, bright = (float(number) for number in np.percentile(inside, [5, 50, 95]))
    head_ml = head.count * float(np.prod(contract.spacing_mm)) / 1000
    return {"head_ml": head_ml, "dark": dark, "middle": middle, "bright": bright}
