"""Many brains outside a model: the generator, compiled stage by stage."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.augmentation.randomness import normal, uniform
from keras_neurovit.synthesis.generator import BrainGenerator
from keras_neurovit.synthesis.structures import STRUCTURES
from keras_neurovit.synthesis.variation import vary_freely


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
            log_ratios: (batch, structure) logarithms of the changes of volume; None draws them freely.
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

    def _make_classes(self, seeds, anatomies, log_ratios, scales):
        seeds = np.asarray(seeds, "int32")
        if anatomies is None:
            draw = ops.convert_to_numpy(uniform(seeds, (), stream=910))
            anatomies = (draw * self.generator.num_anatomies).astype("int32")
        if log_ratios is None:
            log_ratios = ops.convert_to_numpy(vary_freely(seeds))
        if scales is None:
            scales = np.exp(0.05 * ops.convert_to_numpy(normal(seeds, (), stream=911)))
        if np.min(anatomies) < 0 or np.max(anatomies) >= self.generator.num_anatomies:
            expected = f"0 to {self.generator.num_anatomies - 1}"
            raise _checks.InputError("anatomies are places of label maps", expected, list(anatomies))
        if np.shape(log_ratios) != (len(seeds), len(STRUCTURES)) or {len(scales), len(anatomies)} != {len(seeds)}:
            expected = f"a row of {len(STRUCTURES)} for each of {len(seeds)} seeds"
            raise _checks.InputError(
                "log_ratios, scales or anatomies do not match the seeds", expected, np.shape(log_ratios)
            )
        inputs = {"seeds": seeds, "anatomies": np.asarray(anatomies, "int32")}
        inputs |= {"log_ratios": np.asarray(log_ratios, "float32"), "scales": np.asarray(scales, "float32")}
        places, mirrored, stripped = self._deform(inputs)
        classes = self._classes({"places": places, "anatomies": inputs["anatomies"], "mirrored": mirrored})
        return classes, inputs, stripped


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
