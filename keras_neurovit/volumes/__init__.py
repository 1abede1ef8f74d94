"""Files to arrays: reading scans and conforming them to a preset's volume contract (NumPy and nibabel only)."""

from keras_neurovit.volumes.conform import conform, conform_and_check, examine
from keras_neurovit.volumes.contract import VolumeContract
from keras_neurovit.volumes.facts import head_facts
from keras_neurovit.volumes.fingerprint import fingerprint, intensities, learn_fingerprint
from keras_neurovit.volumes.foreground import brain_volume_ml, find_foreground
from keras_neurovit.volumes.placement import conformed_affine, onto_scan, onto_volume
from keras_neurovit.volumes.plausibility import Finding, problems
from keras_neurovit.volumes.scan import Scan, is_scan, read_scan

__all__ = [
    "Finding",
    "Scan",
    "VolumeContract",
    "brain_volume_ml",
    "conform",
    "conform_and_check",
    "conformed_affine",
    "examine",
    "find_foreground",
    "fingerprint",
    "head_facts",
    "intensities",
    "is_scan",
    "learn_fingerprint",
    "onto_scan",
    "onto_volume",
    "problems",
    "read_scan",
]
