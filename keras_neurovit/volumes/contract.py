"""What a preset expects of a volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from keras_neurovit import _checks

CODE_VERSION = (
    2  # raise it whenever `conform` gives other voxels for the same scan: caches and golden volumes depend on it
)


@dataclass(frozen=True, slots=True)
class VolumeContract:
    """The volume a model reads: axes left→Right, posterior→Anterior, inferior→Superior, then one channel.

    Args:
        spacing_mm: edge of a voxel along (x, y, z), millimetres.
        shape: voxels along (x, y, z).
        brain_extracted: whether skull and scalp have been removed beforehand.

    Raises:
        InputError: a spacing or shape that is not three positive numbers.

    Example:
        >>> VolumeContract().extent_mm
        (192.0, 224.0, 192.0)
    """

    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0)
    shape: tuple[int, int, int] = (96, 112, 96)
    brain_extracted: bool = True

    def __post_init__(self):
        object.__setattr__(self, "spacing_mm", _checks.triple("spacing_mm", self.spacing_mm, float))
        object.__setattr__(self, "shape", _checks.triple("shape", self.shape))

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Edges of the box the volume covers, millimetres."""
        return tuple(n * s for n, s in zip(self.shape, self.spacing_mm, strict=True))

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping) -> VolumeContract:
        """The contract that `to_dict` wrote."""
        unknown = set(values) - set(cls.__slots__)
        if unknown:
            raise _checks.InputError("unknown fields in a volume contract", ", ".join(cls.__slots__), sorted(unknown))
        return cls(**values)
