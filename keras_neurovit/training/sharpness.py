"""Learning where the loss is flat around."""

from __future__ import annotations

import sys

import keras
from keras import ops

from keras_neurovit.training.layerwise import NOT_DECAYED


@keras.saving.register_keras_serializable("keras_neurovit")
class SharpnessAwareAdamW(keras.optimizers.AdamW):
    """AdamW by the gradients found a small step uphill, where the loss of the neighbourhood is about its highest.

    Each batch is seen twice in a row, as `twice` gives them: the first time weights climb by `rho` along the gradient,
    the second time they go back and learn from the gradient found above. Two steps of Keras are one update, so that no
    backend needs a training step of its own; between the two, weights are the climbed ones.

    Args:
        learning_rate: see `keras.optimizers.AdamW`.
        rho: how far weights climb, in the norm of all of them together; above 0.
        arguments: further ones of `keras.optimizers.AdamW`.

    Source: Foret et al. 2021 (SAM, arXiv 2010.01412), algorithm 1; for vision transformers, Chen et al. 2022 (arXiv
    2106.01548).

    Example:
        >>> weight = keras.Variable([3.0, 4.0])
        >>> optimizer = SharpnessAwareAdamW(0.1, rho=0.5, weight_decay=0.0)
        >>> optimizer.build([weight])
        >>> optimizer.apply([ops.convert_to_tensor([6.0, 8.0])])
        >>> [round(float(value), 3) for value in ops.convert_to_numpy(weight)]
        [3.3, 4.4]
        >>> optimizer.apply([ops.convert_to_tensor([6.6, 8.8])])
        >>> [round(float(value), 3) for value in ops.convert_to_numpy(weight)]
        [2.9, 3.9]
    """

    steps_per_update = 2  # by which `WarmupCosineDecay` knows how many updates an epoch of batches has

    def __init__(self, learning_rate=1e-3, rho: float = 0.05, **arguments):
        super().__init__(learning_rate, **arguments)
        self.rho = rho

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.climbed = self.add_optimizer_variables(self._trainable_variables, "climbed")

    @property
    def iterations(self):
        """Updates so far, by which AdamW corrects its averages; two steps each."""
        return self._iterations // 2

    def _backend_apply_gradients(self, grads, trainable_variables):
        back = ops.equal(self._iterations % 2, 1)
        places = [self._get_variable_index(variable) for variable in trainable_variables]
        climbed = [self.climbed[place] for place in places]
        norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(grad, "float32"))) for grad in grads))
        up = [self.rho * grad / ops.cast(norm + 1e-12, grad.dtype) for grad in grads]
        for variable, step in zip(trainable_variables, climbed, strict=True):
            variable.assign(ops.where(back, variable.value - step.value, variable.value))
        # Both ways are gone and one is kept: not every backend can go one of two that change variables.
        mine = {id(variable) for variable in (self._iterations, *self.climbed)}
        states = [variable for variable in self.variables if id(variable) not in mine]
        before = [ops.copy(variable.value) for variable in (*trainable_variables, *states)]
        super()._backend_apply_gradients(grads, trainable_variables)
        kept = before[: len(trainable_variables)]
        for variable, step, way, old in zip(trainable_variables, climbed, up, kept, strict=True):
            variable.assign(ops.where(back, variable.value, old + way))
            step.assign(ops.where(back, ops.zeros_like(way), way))
        for variable, old in zip(states, before[len(kept) :], strict=True):
            variable.assign(ops.where(back, variable.value, old))

    def get_config(self):
        return {**super().get_config(), "rho": self.rho}


def sharpness_aware_adamw(
    rate: float, rho: float, weight_decay: float, clipnorm: float | None = 1.0, **arguments
) -> SharpnessAwareAdamW:
    """The same, whose weight decay spares vectors and tables; see `layerwise.adamw`."""
    optimizer = SharpnessAwareAdamW(rate, rho, weight_decay=weight_decay, global_clipnorm=clipnorm, **arguments)
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer


def twice(batches):
    """Each batch twice in a row; they tell of themselves what they told before.

    Args:
        batches: a dataset of TensorFlow or a `keras.utils.PyDataset`.
    """
    if hasattr(batches, "flat_map"):
        double = batches.flat_map(lambda *batch: type(batches).from_tensors(batch).repeat(2))
        if count := max(int(batches.cardinality()), 0):
            # Whose dataset this is has been imported; this room does not import it.
            experimental = sys.modules["tensorflow"].data.experimental
            double = double.apply(experimental.assert_cardinality(2 * count))
    else:
        double = _Twice(batches)
    for name in ("start_epoch", "labels"):
        if hasattr(batches, name):
            setattr(double, name, getattr(batches, name))
    if hasattr(batches, "scans_of"):
        double.scans_of = lambda epoch, step: batches.scans_of(epoch, step // 2)
    return double


class _Twice(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return 2 * len(self.batches)

    def __getitem__(self, index):
        return self.batches[index // 2]

    def on_epoch_end(self):
        self.batches.on_epoch_end()
