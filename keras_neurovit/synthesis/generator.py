"""Brains without end: label maps deformed, coloured and measured, inside one compiled step."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.randomness import between, normal, uniform
from keras_neurovit.augmentation.spatial import rotation_matrices
from keras_neurovit.synthesis import contrast, deformation
from keras_neurovit.synthesis.anatomy import BOX, Anatomies
from keras_neurovit.synthesis.counting import shares_in_cells
from keras_neurovit.synthesis.structures import (
    CODES,
    NUM_INSIDE,
    STRUCTURES,
    mirrored_classes,
    mirrored_structures,
)

MOST = (2**31 - 1) // int(np.prod(BOX))  # anatomies that whole numbers of 32 bits can count the voxels of
NODE_MM = 4.5  # between the places whose deformation is computed; those between follow linearly


def gains(maps: np.ndarray) -> np.ndarray:
    """How much more must be asked of structures that are thin beside the boxes of 4 mm, for what they get to be right.

    The share of boxes in a structure is blurred twice on the way to a sample: once as it is held, once as the flow is
    read between its places. Measured on 16 label maps, the change that results is near the square of the mean share of
    a structure in its own boxes.

    Shape: (person, structure, i, j, k) → (person, structure)
    """
    maps = maps.astype("float32")
    mean = (maps**2).sum(axis=(2, 3, 4)) / np.maximum(maps.sum(axis=(2, 3, 4)), 1e-6)
    return np.clip(1 / np.maximum(mean, 1e-3) ** 2, 1.0, 5.0)


class BrainGenerator(keras.layers.Layer):
    """Scans of synthetic people, and the truth about each.

    A person's anatomy is a label map, mirrored or not, under a random affine map and a random smooth one-to-one
    deformation in which each structure grows or shrinks by what was asked. Tissue is coloured like a T1 or at random,
    averaged over each voxel (partial volume), shaded, stripped of its skull loosely, tightly or not at all, blurred to
    some scanner's resolution and made noisy. All of it follows from a seed, on every backend.

    Shape: dict of seeds (batch,), anatomies (batch,), log_ratios (batch, structure), scales (batch,) → dict of
    volumes (batch, x, y, z, 1), structures_mm3 (batch, structure), and where asked for cells (batch, i, j, k,
    structure) and labels (batch, x, y, z).

    Args:
        anatomies: from `load_anatomies`.
        shape: voxels along (x, y, z).
        spacing_mm: their edge, alike along the three axes.
        oversampling: samples along each edge of a voxel, for partial volume.
        cell: edge, in voxels, of the cells in which each structure's share is told; None for none.
        labels: whether to return each voxel's FreeSurfer code.
        t1_share: share of scans coloured like a T1; the rest have any contrast.
        stripped_share: share without skull.
        coil: strength of the strongest shading from one side of the head to the other, 0 for none: see
            `contrast.shade_from_afar`.
        wobble: strength of the random deformation; 0 for none.
        mirror: whether half of the people are mirrored.
        tilt_degrees: standard deviation of the head's angles.
        normalised: whether images are normalised as `conform` does; else white matter is about 160.

    Raises:
        InputError: a shape that the cells do not divide.

    Source: synthesis from label maps: Billot et al. 2023 (SynthSeg), Medical Image Analysis 86, section 3.
    """

    def __init__(
        self,
        anatomies: Anatomies,
        shape: tuple[int, int, int] = (96, 112, 96),
        spacing_mm: float = 2.0,
        *,
        oversampling: int = 2,
        cell: int | None = None,
        labels: bool = False,
        t1_share: float = 0.8,
        stripped_share: float = 0.75,
        coil: float = 0.0,
        wobble: float = 1.0,
        mirror: bool = True,
        tilt_degrees: float = 7.0,
        normalised: bool = True,
        **kwargs,
    ):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.shape, self.spacing_mm = _checks.triple("shape", shape), _checks.between("spacing_mm", spacing_mm, 0.2, 20)
        if len(anatomies) > MOST:
            mend = "Make one generator for each part of them."
            raise _checks.InputError("too many anatomies for one generator", f"{MOST} or fewer", len(anatomies), mend)
        if oversampling < 1 or (cell is not None and cell < 1):
            raise _checks.InputError("oversampling or cell is unusable", "1 or more", (oversampling, cell))
        self.oversampling, self.cell, self.labels = oversampling, cell, labels
        if cell is not None:
            _checks.divisible(self.shape, (cell,) * 3)
        self.t1_share = _checks.between("t1_share", t1_share, 0.0, 1.0)
        self.stripped_share = _checks.between("stripped_share", stripped_share, 0.0, 1.0)
        self.coil = _checks.between("coil", coil, 0.0, 2.0)
        self.wobble = _checks.between("wobble", wobble, 0.0, 1.5)
        self.mirror, self.tilt_degrees, self.normalised = mirror, tilt_degrees, normalised
        self.anatomies_mm3 = anatomies.volumes_mm3
        self._classes = self._constant(anatomies.classes.reshape(-1), "uint8")
        self._maps = self._constant(anatomies.maps.reshape(len(anatomies), -1), "float16")
        self._fills = self._constant(anatomies.fills, "float16")
        self._gains = self._constant(gains(anatomies.maps), "float32")
        self._centres = self._constant(anatomies.centres_mm, "float32")

    def _constant(self, values: np.ndarray, dtype: str):
        variable = self.add_weight(shape=values.shape, dtype=dtype, trainable=False, initializer="zeros")
        variable.assign(values.astype(dtype))
        return variable

    def call(self, inputs):
        places, mirrored, stripped = self.deform(inputs)
        classes = self.classes_at(places, inputs["anatomies"], mirrored)
        return {"volumes": self.scan(classes, inputs["seeds"], stripped), **self.measure(classes)}

    def scan(self, classes, seeds, stripped):
        """Images of tissue. Shape: (batch, samples…), (batch,), (batch,) → (batch, x, y, z, 1)"""
        batch, parts = ops.shape(seeds)[0], [part for n in self.shape for part in (n, self.oversampling)]
        classes = ops.cast(classes, "int32")
        brightness = contrast.draw_brightness(seeds, self.t1_share, stream=20)
        # A product by one: compilers compute nothing across a product again, as they otherwise would for each voxel.
        brightness = ops.matmul(brightness, np.eye(len(CODES), dtype="float32"))
        rows = ops.reshape(ops.arange(batch, dtype="int32") * len(CODES), (-1, 1, 1, 1))
        tissue = ops.take(ops.reshape(brightness, (-1,)), rows + classes)
        tissue = ops.mean(ops.reshape(tissue, (-1, *parts)), axis=(2, 4, 6))
        is_brain = ops.logical_and(classes > 0, classes < NUM_INSIDE - 1)
        brain = ops.mean(ops.reshape(ops.cast(is_brain, "float32"), (-1, *parts)), axis=(2, 4, 6))
        images = contrast.scan(tissue, brain, stripped, self.spacing_mm, seeds, stream=30, coil=self.coil)
        return ops.expand_dims(contrast.normalise(images) if self.normalised else images, -1)

    def measure(self, classes):
        """The truth about samples. Shape: (batch, samples…) → dict"""
        classes = ops.cast(classes, "int32")
        cell = self.cell or self._counting_cell()
        cells = shares_in_cells(classes, cell * self.oversampling)
        cell_mm3 = (cell * self.spacing_mm) ** 3
        truth = {"structures_mm3": cell_mm3 * ops.sum(cells, axis=(1, 2, 3))}
        if self.cell:
            truth["cells"] = cells
        if self.labels:
            middle = slice(self.oversampling // 2, None, self.oversampling)
            truth["labels"] = ops.take(np.asarray(CODES, "int32"), classes[:, middle, middle, middle])
        return truth

    def mirrored(self, seeds):
        """Who is made of a label map's mirror image. Shape: (batch,) → (batch,)"""
        return uniform(seeds, (), stream=5) < (0.5 if self.mirror else 0.0)

    def deform(self, inputs):
        """Where, in mm from the middle of the anatomy's box, each node of the scan is read from; who is mirrored,
        and who is stripped of the skull.

        Shape: dict → (batch, node, 3), (batch,), (batch,)
        """
        seeds, anatomies, log_ratios, scales = (inputs[k] for k in ("seeds", "anatomies", "log_ratios", "scales"))
        mirrored = self.mirrored(seeds)
        # What is asked is asked of the person; the label map's other side becomes it in a mirror.
        swapped = ops.take(log_ratios, np.asarray(mirrored_structures()), axis=1)
        log_ratios = ops.where(ops.reshape(mirrored, (-1, 1)), swapped, log_ratios)
        maps = ops.cast(ops.take(self._maps, anatomies, axis=0), "float32")
        maps = ops.reshape(maps, (-1, len(STRUCTURES), *deformation.SHAPE))
        divergence = ops.einsum("bs,bsijk->bijk", log_ratios * ops.take(self._gains, anatomies, axis=0), maps)
        fills = ops.cast(ops.take(self._fills, anatomies, axis=0), "float32")
        velocity = -deformation.growth_velocity(divergence, fills)  # to read from, one goes the other way
        if self.wobble:
            strength = self.wobble * between(seeds, 0.2, 1.0, (), stream=11)
            velocity = velocity + deformation.wobble_velocity(seeds, strength, stream=12)
        tilt = rotation_matrices(float(np.deg2rad(self.tilt_degrees)) * normal(seeds, (3,), stream=1))
        shape = 0.03 * normal(seeds, (3,), stream=3)  # heads are long or broad, at the size asked for
        stretch = ops.exp(shape - ops.mean(shape, axis=1, keepdims=True)) * ops.expand_dims(scales, 1)
        sign = ops.where(ops.reshape(mirrored, (-1, 1)), np.float32([[-1, 1, 1]]), np.float32([[1, 1, 1]]))
        # A conformed scan is centred on what is seen of the head.
        whose = ops.take(self._centres, anatomies, axis=0)
        stripped = uniform(seeds, (), stream=10) < self.stripped_share
        bare = ops.reshape(stripped, (-1, 1))
        centre = ops.where(bare, whose[:, 0], whose[:, 1]) * sign
        centre = centre + ops.where(bare, 3.0, np.float32([[4.0, 6.0, 14.0]])) * normal(seeds, (3,), stream=6)
        nodes = np.stack(np.meshgrid(*self._nodes(), indexing="ij"), axis=-1).astype("float32")
        turned = ops.matmul(np.reshape(nodes, (1, -1, 3)), tilt) / ops.expand_dims(stretch, 1)
        places = (turned + ops.expand_dims(centre, 1)) * ops.expand_dims(sign, 1)
        return deformation.flow(places, velocity), mirrored, stripped

    def _step(self) -> int:
        return max(round(NODE_MM * self.oversampling / self.spacing_mm), 1)

    def _nodes(self) -> list[np.ndarray]:
        step, sample_mm = self._step(), self.spacing_mm / self.oversampling
        counts = [(n * self.oversampling - 1) // step + 2 for n in self.shape]
        return [
            (np.arange(count) * step + 0.5) * sample_mm - n * self.spacing_mm / 2
            for count, n in zip(counts, self.shape, strict=True)
        ]

    def classes_at(self, places, anatomies, mirrored):
        """Class of each sample. Shape: (batch, node, 3), (batch,), (batch,) → (batch, samples…), uint8"""
        index = ops.reshape(anatomies * int(np.prod(BOX)), (-1, 1, 1, 1))
        outside = False
        for axis, (n, stride) in enumerate(zip(BOX, (BOX[1] * BOX[2], BOX[2], 1), strict=True)):
            place = ops.reshape(places[..., axis], (-1, *(len(nodes) for nodes in self._nodes())))
            place = self._between_nodes(place)
            place = ops.cast(ops.floor(place + np.float32(n / 2)), "int32")
            outside = ops.logical_or(outside, ops.logical_or(place < 0, place >= n))
            index = index + ops.clip(place, 0, n - 1) * stride
        table = np.stack([np.arange(len(CODES)), mirrored_classes()]).astype("int32").ravel()
        side = ops.reshape(ops.cast(mirrored, "int32") * len(CODES), (-1, 1, 1, 1))
        classes = ops.take(table, side + ops.cast(ops.take(self._classes, index), "int32"))
        return ops.cast(ops.where(outside, 0, classes), "uint8")

    def _between_nodes(self, values):
        """Linear interpolation from nodes to samples. Shape: (batch, nodes…) → (batch, samples…)"""
        step, (across, along, up) = self._step(), (n * self.oversampling for n in self.shape)
        _, i, j, k = values.shape
        values = ops.matmul(_between(step, i, across), ops.reshape(values, (-1, i, j * k)))
        values = ops.matmul(_between(step, j, along), ops.reshape(values, (-1, across, j, k)))
        # The last axis without a product, which would not be computed together with what follows.
        low, high = ops.expand_dims(values[..., :-1], -1), ops.expand_dims(values[..., 1:], -1)
        values = low + (high - low) * (np.arange(step, dtype="float32") / step)
        return ops.reshape(values, (-1, across, along, (k - 1) * step))[..., :up]

    def _counting_cell(self) -> int:
        return next(n for n in (16, 8, 4, 2, 1) if all(size % n == 0 for size in self.shape))


def _between(step: int, nodes: int, samples: int) -> np.ndarray:
    """Linear interpolation from nodes to samples as a matrix. Shape: → (samples, nodes)"""
    place = np.arange(samples)[:, None] / step
    return np.clip(1 - np.abs(place - np.arange(nodes)), 0, None).astype("float32")
