"""The structures a brain is made of: names, FreeSurfer's codes, and how bright they are on a T1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SIDES = ("left", "right")


@dataclass(frozen=True, slots=True)
class Tissue:
    """A kind of tissue, alike on both sides of the head.

    Args:
        name: of the structure it belongs to, without its side; several tissues may share one (choroid plexus lies in a
            ventricle and is counted with it).
        codes: FreeSurfer's, left and right, or one for what lies in the middle.
        brightness: on a T1, 0 to 255, where white matter is 160.
        fills: how readily it takes the room that a shrinking neighbour leaves, or gives room to a growing one.
        required: whether a label map without it is refused.
    """

    name: str
    codes: tuple[int, ...]
    brightness: float
    fills: float = 0.05
    required: bool = False


TISSUES = (
    Tissue("white_matter", (2, 41), 160, fills=0.3, required=True),
    Tissue("white_matter", (25, 57), 128, fills=0.3),  # lesions
    Tissue("white_matter", (30, 62), 110, fills=0.3),  # vessels
    Tissue("cortex", (3, 42), 98, required=True),
    Tissue("temporal_cortex", (1030, 2030), 98),
    Tissue("medial_temporal_cortex", (1006, 2006), 98),
    Tissue("lateral_ventricle", (4, 43), 44, fills=0.3, required=True),
    Tissue("lateral_ventricle", (136, 163), 84, fills=0.3),  # choroid plexus
    Tissue("inferior_lateral_ventricle", (5, 44), 48, fills=0.5),
    Tissue("inferior_lateral_ventricle", (137, 164), 84, fills=0.5),  # choroid plexus
    Tissue("hippocampus", (17, 53), 104, required=True),
    Tissue("amygdala", (18, 54), 102),
    Tissue("thalamus", (10, 49), 132),
    Tissue("caudate", (11, 50), 112),
    Tissue("putamen", (12, 51), 118),
    Tissue("pallidum", (13, 52), 144),
    Tissue("accumbens", (26, 58), 106),
    Tissue("ventral_diencephalon", (28, 60), 138),
    Tissue("cerebellar_white_matter", (7, 46), 152),
    Tissue("cerebellar_cortex", (8, 47), 100),
    Tissue("brain_stem", (16,), 144),
    Tissue("brain_stem", (85,), 130),  # optic chiasm
    Tissue("third_ventricle", (14,), 46, fills=0.3),
    Tissue("third_ventricle", (72,), 46, fills=0.3),  # cavum septi pellucidi, FreeSurfer's fifth ventricle
    Tissue("fourth_ventricle", (15,), 46, fills=0.3),
    Tissue("csf", (24,), 42, fills=1.0, required=True),
)
"""What lies inside the skull."""

OUTSIDE = {
    502: 70,
    506: 90,
    507: 110,
    508: 60,
    509: 40,
    511: 170,
    512: 110,
    514: 75,
    515: 50,
    516: 190,
    530: 110,
}
"""Codes of SynthSeg's label maps outside the brain (muscle, skin, bone, marrow, eyes), and a rough brightness."""


def _classes() -> tuple[tuple[int, str, Tissue], ...]:
    rows = []
    for tissue in TISSUES:
        sides = SIDES if len(tissue.codes) == 2 else ("",)
        rows += [
            (c, "_".join(filter(None, (tissue.name, s))), tissue) for c, s in zip(tissue.codes, sides, strict=True)
        ]
    return tuple(rows)


CLASSES = _classes()
"""(code, structure, tissue) of each class; class 0 is air, class i + 1 is row i, then come the classes outside."""
STRUCTURES = tuple(dict.fromkeys(structure for _, structure, _ in CLASSES))
"""Names of all structures inside the skull, in the order of every array of volumes."""
CODES = (0, *(code for code, _, _ in CLASSES), *OUTSIDE)
"""FreeSurfer's code of each class."""
NUM_INSIDE = 1 + len(CLASSES)
"""Classes below this number are air or inside the skull."""
STRUCTURE_OF_CLASS = (0, *(1 + STRUCTURES.index(structure) for _, structure, _ in CLASSES), *(0 for _ in OUTSIDE))
"""Of each class: 0 for none, or one more than the structure's place in `STRUCTURES`."""
FLUID = (
    "csf",
    "third_ventricle",
    "fourth_ventricle",
    *(f"{n}lateral_ventricle_{s}" for n in ("", "inferior_") for s in SIDES),
)
"""Structures that are no brain tissue."""
TISSUE_STRUCTURES = tuple(name for name in STRUCTURES if name not in FLUID)


def mirrored_classes() -> list[int]:
    """The class that each class becomes in a mirror.

    Example:
        >>> CODES[mirrored_classes()[CODES.index(17)]]
        53
    """
    partner = {0: 0} | {code: code for code in OUTSIDE}
    for tissue in TISSUES:
        partner |= dict(zip(tissue.codes, reversed(tissue.codes), strict=True))
    return [CODES.index(partner[code]) for code in CODES]


def mirrored_structures() -> list[int]:
    """The place in `STRUCTURES` that each structure takes in a mirror.

    Example:
        >>> STRUCTURES[mirrored_structures()[STRUCTURES.index("hippocampus_left")]]
        'hippocampus_right'
    """
    swap = {"left": "right", "right": "left"}
    names = [name.rpartition("_") for name in STRUCTURES]
    return [STRUCTURES.index("_".join(filter(None, (stem, swap.get(end, end))))) for stem, _, end in names]


def sums_of_structures(names: Sequence[str] = STRUCTURES) -> list[tuple[str, tuple[str, ...]]]:
    """Names of summed volumes and what they sum: brain, intracranial, and both sides of each structure together.

    Example:
        >>> [name for name, _ in sums_of_structures()][:3]
        ['brain', 'intracranial', 'white_matter']
    """
    sums = [("brain", tuple(name for name in names if name not in FLUID)), ("intracranial", tuple(names))]
    for name in names:
        both = name.removesuffix("_left")
        if both != name:
            plural = f"{both}s" if both.endswith("ventricle") else both
            sums.append((plural, (name, f"{both}_right")))
    return sums
