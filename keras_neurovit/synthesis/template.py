"""The ICBM152 average brain, and where its ventricles, hippocampi and cortex are."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from scipy import ndimage

from keras_neurovit._checks import InputError

GROWING = ("ventricles", "hippocampus_left", "hippocampus_right", "cortex")
FIELD_STEP = 2  # growth fields are smooth: every second voxel holds them


@dataclass(frozen=True)
class Template:
    """Average anatomy on the templates' 1 mm grid.

    Args:
        maps: t1, grey, white and brain, each (x, y, z) float32 in [0, 1].
        structures: soft masks of ventricles and hippocampi: first voxel of a box in `maps`, and the box's values.
        near_brain: where any of it may be needed: the brain and a rim.
        middle: voxel of the brain's centre.
        fields: (x, y, z, structure × 3) float32 on every `FIELD_STEP`-th voxel: where a voxel must be read from,
            in millimetres, for each structure of `GROWING` to grow outwards by one millimetre.
        ratios: a structure's volume over its first volume, by millimetres grown: (millimetres, ratio).
    """

    maps: dict[str, np.ndarray]
    structures: dict[str, tuple[tuple[int, int, int], np.ndarray]]
    near_brain: np.ndarray
    middle: tuple[float, float, float]
    fields: np.ndarray
    ratios: dict[str, tuple[np.ndarray, np.ndarray]]

    def growth_for(self, structure: str, ratio: float) -> float:
        """Millimetres a structure must grow for its volume to change by `ratio`; negative shrinks."""
        millimetres, ratios = self.ratios[structure]
        order = np.argsort(ratios)
        return float(np.interp(ratio, ratios[order], millimetres[order]))


@functools.lru_cache(maxsize=1)
def load_template() -> Template:
    """The ICBM152 2009a symmetric templates that nilearn's wheel carries, with structures located in them.

    Ventricles are the fluid-filled pieces about the middle of the brain; hippocampi, grey matter inside tilted
    ellipsoids at their place in MNI space (3.7 ml each); cortex, what borders on fluid.

    Raises:
        InputError: nilearn is not installed.

    Source: Fonov et al. 2009, NeuroImage 47 S102 (templates).
    """
    t1, grey, white, brain, ventricles, left, right, _ = read_templates()
    fluid = brain & (grey + white < 0.5)
    step = (slice(None, None, FIELD_STEP),) * 3
    # The temporal horns lie on the hippocampi: were the ventricles' field not weak there, their growth would pull the
    # hippocampi larger and hide the shrinkage that is imposed on them.
    hippocampi = ndimage.binary_dilation((left | right)[step], iterations=2)
    away = np.clip(1 - ndimage.gaussian_filter(hippocampi.astype("float32"), 1.5), 0, 1)
    fields = {
        "ventricles": outward(ventricles, reach=14.0)[step] * away[..., None],
        "hippocampus_left": outward(left, reach=7.0)[step],
        "hippocampus_right": outward(right, reach=7.0)[step],
    }
    # Thinning pulls the cortex away from the fluid around it, but leaves ventricles and hippocampi to their own fields.
    deep = ndimage.binary_dilation((ventricles | left | right)[step], iterations=4)
    sulci = (fluid | ~brain)[step] & ~ndimage.binary_dilation(ventricles[step], iterations=2)
    spared = np.clip(1 - ndimage.gaussian_filter(deep.astype("float32"), 1), 0, 1)
    fields["cortex"] = -outward(sulci, reach=7.0, spacing_mm=FIELD_STEP) * spared[..., None]
    masks = {"ventricles": ventricles, "hippocampus_left": left, "hippocampus_right": right}
    soft = {name: ndimage.gaussian_filter(mask.astype("float32"), 0.6) for name, mask in masks.items()}
    maps = {"t1": t1, "grey": grey, "white": white, "brain": brain.astype("float32")}
    boxes = {name: _box(mask, 3) for name, mask in masks.items()}
    measured = {**soft, "cortex": grey}
    spans = {"ventricles": (-3.0, 8.0), "cortex": (-1.5, 1.5)}
    return Template(
        maps=maps,
        structures={name: (tuple(s.start for s in box), soft[name][box]) for name, box in boxes.items()},
        near_brain=ndimage.distance_transform_edt(~brain[step])[tuple(np.indices(brain.shape) // FIELD_STEP)] < 4,
        middle=ndimage.center_of_mass(brain),
        fields=np.concatenate([fields[name] for name in GROWING], axis=-1),
        ratios={name: _ratios(measured[name][step], fields[name], spans.get(name, (-3.0, 2.5))) for name in GROWING},
    )


def read_templates() -> tuple[np.ndarray, ...]:
    """T1, grey and white matter of the templates in [0, 1]; masks of brain, ventricles and the hippocampi, left and
    right; and the affine.

    Raises:
        InputError: nilearn is not installed.
    """
    t1, grey, white, affine = _read()
    brain = ndimage.binary_fill_holes(ndimage.binary_closing(t1 > 0.05, iterations=2))
    x, y, z = _millimetres(affine, t1.shape)
    ventricles = _ventricles(brain & (grey + white < 0.5) & (t1 > 0), x, y, z)
    left, right = (_hippocampus(side, x, y, z, t1, grey, white) for side in (-1, 1))
    return t1, grey, white, brain, ventricles, left, right, affine


def _millimetres(affine: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    return [
        affine[axis, 3] + np.arange(size).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, size in enumerate(shape)
    ]


def icbm152_t1() -> Path:
    """The file of the ICBM152 average brain: brain-extracted T1, 1 mm, from nilearn's wheel.

    Raises:
        InputError: nilearn is not installed.
    """
    return _file("t1")


def _read() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    images = [nibabel.load(_file(kind)) for kind in ("t1", "gm", "wm")]
    t1, grey, white = (np.asarray(image.dataobj, dtype="float32") / 255 for image in images)
    return t1, grey, white, images[0].affine


def _file(kind: str) -> Path:
    found = importlib.util.find_spec("nilearn")  # finding it takes no time, importing it seconds
    if found is None:
        mend = 'Install it: pip install "keras-neurovit[synthesis]".'
        raise InputError("the ICBM152 templates come with nilearn, which is not installed", mend=mend)
    return Path(found.origin).parent / "datasets" / "data" / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"


def _ventricles(fluid: np.ndarray, x, y, z) -> np.ndarray:
    middle = (np.abs(x) < 40) & (np.abs(x) > 0) & (y > -50) & (y < 42) & (z > -20) & (z < 32)
    pieces, _ = ndimage.label(fluid & middle)
    names = set()
    for side in (-1, 1):
        for seed in ((13, -13, 15), (24, -11, -16)):  # body; temporal horn (MNI millimetres)
            near = np.sqrt((side * x - seed[0]) ** 2 + (y - seed[1]) ** 2 + (z - seed[2]) ** 2)
            names.add(int(pieces.flat[np.argmin(np.where(pieces > 0, near, np.inf))]))
    return np.isin(pieces, sorted(names))


def _hippocampus(side: int, x, y, z, t1, grey, white) -> np.ndarray:
    tilt = np.deg2rad(32)  # the head lies lower than the tail
    back, up = y + 22, z + 14
    along = back * np.cos(tilt) - up * np.sin(tilt)
    across = back * np.sin(tilt) + up * np.cos(tilt)
    outwards = side * x - 26.5 + 0.25 * back  # and nearer the middle than the tail
    inside = (outwards / 8) ** 2 + (along / 20) ** 2 + (across / 6.5) ** 2 < 1
    return inside & (grey > 0.35) & (white < 0.6) & (t1 > 0.45)


def outward(mask: np.ndarray, reach: float, spacing_mm: float = 1.0) -> np.ndarray:
    """The field that grows a mask by one millimetre: read each voxel a millimetre nearer to the mask's inside.

    Shape: (x, y, z) → (x, y, z, 3), float32

    Args:
        mask: of the structure.
        reach: millimetres over which the displacement fades outside.
        spacing_mm: edge of a voxel.
    """
    box = _box(mask, int(np.ceil(2.5 * reach / spacing_mm)))
    inside = mask[box]
    distance = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(inside)
    distance = ndimage.gaussian_filter((distance * spacing_mm).astype("float32"), 1.0 / spacing_mm)
    direction = np.stack(np.gradient(distance, spacing_mm), axis=-1)
    depth = max(float(-distance.min()), 1.0)
    # Full at the surface; fading with the distance outside, and towards the medial axis, where directions clash.
    strength = np.where(distance > 0, np.exp(-((distance / reach) ** 2)), np.clip(1 + distance / depth, 0, 1))
    field = np.zeros((*mask.shape, 3), "float32")
    for axis in range(3):
        field[(*box, axis)] = ndimage.gaussian_filter(-direction[..., axis] * strength, 1.0 / spacing_mm)
    return field


def _box(mask: np.ndarray, margin: int) -> tuple[slice, ...]:
    box = ndimage.find_objects(mask.astype("uint8"))[0]
    return tuple(slice(max(s.start - margin, 0), s.stop + margin) for s in box)


def _ratios(soft: np.ndarray, field: np.ndarray, span: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    box = _box(soft > 0.01, 6)
    soft, moves = soft[box], np.moveaxis(field[box], -1, 0) / FIELD_STEP
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in soft.shape), indexing="ij")).astype("float32")
    millimetres = np.linspace(*span, 9)
    volumes = np.array([ndimage.map_coordinates(soft, grid + mm * moves, order=1).sum() for mm in millimetres])
    return millimetres, volumes / np.interp(0.0, millimetres, volumes)
