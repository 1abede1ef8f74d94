"""Many brains outside a model: the generator, compiled stage by stage."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.randomness import normal, uniform
from keras_neurovit.synthesis.generator import BrainGenerator
from keras_neurovit.synthesis.structures import STRUCTURES, mirrored_structures
from keras_neurovit.synthesis.variation import brain_against_fluid, common_shares, to_common, vary_freely

MOST = 1.4
"""Largest logarithm of a change of volume that free variation asks for."""
SAMPLES, CORRECTIONS = 4, 3
SMALL_MM3 = 300.0  # below it a few samples more or less are no error of the deformation


class BrainFactory:
    """A `BrainGenerator` compiled in stages, for making many brains outside a model.

    Compilers for CPUs compute what one stage hands to the next many times over unless it is cut here: in one piece the
    same work takes several times as long.

    Args:
        generator: what to compile.

    Example:
        >>> from keras_neurovit.synthesis import load_anatomies
        >>> generator = BrainGenerator(load_anatomies(verbose=False), (32, 40, 32), 6.0, oversampling=1)
        >>> brains = BrainFactory(generator)(np.arange(2))
        >>> brains["volumes"].shape
        (2, 32, 40, 32, 1)
    """

    def __init__(self, generator: BrainGenerator):
        self.generator = generator
        self._to_common = None
        self._deform = _Stage(generator, lambda x: generator.deform(x))
        self._classes = _Stage(generator, lambda x: generator.classes_at(x["places"], x["anatomies"], x["mirrored"]))
        self._measure = _Stage(generator, lambda x: generator.measure(x["classes"]))
        self._scan = _Stage(generator, lambda x: generator.scan(x["classes"], x["seeds"], x["stripped"]))

    def __call__(
        self, seeds, anatomies=None, log_ratios=None, scales=None, contrasts: int = 1
    ) -> dict[str, np.ndarray]:
        """Brains from seeds.

        Shape: (batch,) → dict as `BrainGenerator`'s; volumes (batch × contrasts, x, y, z, 1), a person's together;
        anatomies (batch,), place of each person's label map

        Args:
            seeds: whole numbers from 0, one a person.
            anatomies: place of each person's label map; None draws it.
            log_ratios: (batch, structure) logarithms of the changes of volume; None draws them freely about the average
                of all label maps, with a brain that fills 80 % of the skull: see `draw`.
            scales: (batch,) linear size of the head against the label map's; None draws it.
            contrasts: scans of each person.
        """
        classes, inputs, stripped = self._make_classes(seeds, anatomies, log_ratios, scales)
        brains = self._measure({"classes": classes})
        scans = []
        for index in range(contrasts):
            others = inputs["seeds"] + np.int32(index * 0x01000193 & 0x7FFFFFFF)
            scans.append(self._scan({"classes": classes, "seeds": others, "stripped": stripped}))
        volumes = np.stack(scans, axis=1)
        return {"volumes": volumes.reshape(-1, *volumes.shape[2:]), **brains, "anatomies": inputs["anatomies"]}

    def measure(self, seeds, anatomies=None, log_ratios=None, scales=None) -> dict[str, np.ndarray]:
        """The truth about the brains that the same arguments make, without their scans."""
        return self._measure({"classes": self._make_classes(seeds, anatomies, log_ratios, scales)[0]})

    def draw(self, seeds, anatomies) -> np.ndarray:
        """Changes that make of everybody's label map a person who varies freely about the average of all.

        Shape: (batch,), (batch,) → (batch, structure), logarithms of ratios
        """
        if self._to_common is None:
            self._to_common = self._average_out(len(seeds))
        own = of_the_person(self._to_common[anatomies], self._mirrored(seeds))
        free = ops.convert_to_numpy(vary_freely(seeds) + brain_against_fluid(seeds))
        return np.clip(own + free, -MOST, MOST).astype("float32")

    def _mirrored(self, seeds) -> np.ndarray:
        return ops.convert_to_numpy(self.generator.mirrored(seeds))

    def _average_out(self, batch: int) -> np.ndarray:
        """What each label map must be asked for to become the average of all; growing structures press on each other,
        so that the miss is measured and asked for in turn.

        Shape: → (anatomy, structure)
        """
        volumes = self.generator.anatomies_mm3
        common, count = common_shares(volumes), len(volumes)
        asked = np.clip(to_common(volumes, common), -MOST, MOST)
        seeds = np.flatnonzero(~self._mirrored(np.arange(64, dtype="int32")))[:SAMPLES].astype("int32")
        rows = np.arange(count * SAMPLES)
        rows = np.resize(rows, -(-len(rows) // batch) * batch).reshape(-1, batch)  # one size of batch, one compilation
        for _ in range(CORRECTIONS):
            found = np.zeros((count * SAMPLES, len(STRUCTURES)))
            for some in rows:
                which = some // SAMPLES
                found[some] = self.measure(seeds[some % SAMPLES], which, asked[which], np.ones(batch))["structures_mm3"]
            found = found.reshape(count, SAMPLES, -1).mean(axis=1)
            miss = np.where(found > SMALL_MM3, to_common(np.maximum(found, 1.0), common), 0.0)
            asked = np.clip(asked + np.clip(miss, -0.5, 0.5), -MOST, MOST)
        return asked

    def _make_classes(self, seeds, anatomies, log_ratios, scales):
        seeds, most = np.asarray(seeds, "int32"), len(self.generator.anatomies_mm3)
        if anatomies is None:
            anatomies = ops.convert_to_numpy(uniform(seeds, (), stream=910)) * most
        anatomies = np.asarray(anatomies).astype("int32")
        if len(anatomies) != len(seeds) or np.min(anatomies) < 0 or np.max(anatomies) >= most:
            expected = f"for each of {len(seeds)} seeds one of 0 to {most - 1}"
            raise _checks.InputError("anatomies are places of label maps", expected, anatomies.tolist())
        if log_ratios is None:
            log_ratios = self.draw(seeds, anatomies)
        if scales is None:
            scales = np.exp(0.05 * ops.convert_to_numpy(normal(seeds, (), stream=911)))
        if np.shape(log_ratios) != (len(seeds), len(STRUCTURES)) or len(scales) != len(seeds):
            expected = f"a row of {len(STRUCTURES)} for each of {len(seeds)} seeds"
            raise _checks.InputError("log_ratios or scales do not match the seeds", expected, np.shape(log_ratios))
        inputs = {"seeds": seeds, "anatomies": anatomies}
        inputs |= {"log_ratios": np.asarray(log_ratios, "float32"), "scales": np.asarray(scales, "float32")}
        places, mirrored, stripped = self._deform(inputs)
        classes = self._classes({"places": places, "anatomies": anatomies, "mirrored": mirrored})
        return classes, inputs, stripped


def of_the_person(rows: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Rows of structures as they lie in a label map, as they lie in a person who may be its mirror image.

    Shape: (batch, structure), (batch,) → (batch, structure)
    """
    return np.where(mirrored[:, None], rows[:, mirrored_structures()], rows)


class _Stage:
    """A function of a dict of arrays, compiled by whatever backend there is."""

    def __init__(self, generator: BrainGenerator, function):
        self._layer = _Call(generator, function)
        self._model = None

    def __call__(self, inputs: dict[str, np.ndarray]):
        if self._model is None:
            symbols = {k: keras.Input(v.shape[1:], dtype=str(v.dtype), name=k) for k, v in inputs.items()}
            self._model = keras.Model(symbols, self._layer(symbols))
            self._model.compile(jit_compile=keras.backend.backend() != "torch")
        return self._model.predict_on_batch(inputs)


class _Call(keras.layers.Layer):
    def __init__(self, generator, function):
        super().__init__(trainable=False, dtype="float32")
        self.generator = generator  # so that its constants are the model's, not part of the compiled program
        self._function = function
        self.built = True

    def call(self, inputs):
        return self._function(inputs)
