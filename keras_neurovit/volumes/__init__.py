"""Files to arrays: reading scans and conforming them to a preset's volume contract (NumPy and nibabel only)."""

from keras_neurovit.volumes.conform import conform, conform_and_check
from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.foreground import brain_volume_ml, find_foreground
from keras_neurovit.volumes.scan import Scan, is_scan, read_scan

__all__ = [
    "Scan",
    "VolumeContract",
    "brain_volume_ml",
    "conform",
    "conform_and_check",
    "find_foreground",
    "is_scan",
    "read_scan",
]
