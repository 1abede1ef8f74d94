"""The callback that drives an optimizer's learning rate, update by update."""

from __future__ import annotations

import keras

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.training.schedules import warmup_anneal


class WarmupCosineDecay(keras.callbacks.Callback):
    """Set the learning rate before every batch: linear warm-up to `peak`, then annealing to `floor`.

    The step is read from `optimizer.iterations`, which is saved with the weights: a run continued with
    `keras.callbacks.BackupAndRestore` goes on exactly where it stopped, in whichever order the callbacks are listed.
    An update is one step, so with gradient accumulation, or with a sharpness-aware optimizer, several batches share
    one; with `steps_per_execution` > 1 Keras calls callbacks once a block, and a block has the learning rate of its
    first step. A `MultiOptimizer` keeps the ratios its inner learning rates have when `fit` starts: the largest follows
    `peak`, the others in proportion.
    On TensorFlow, Keras 3.15 counts one update too many in each epoch over data of unknown length: set its cardinality.
    On JAX every call brings the state back from the device loop (milliseconds for hundreds of variables), which
    `compile(steps_per_execution=...)` makes rarer.

    The rate of an epoch's last update is added to its logs as `learning_rate` (replacing what another callback wrote
    there): it always reaches `History`, and `CSVLogger` if that is listed after this callback.

    Args:
        peak: the highest learning rate, > 0.
        warmup: length of the warm-up in `unit`; may be fractional.
        total: when `floor` is reached, in `unit`, the warm-up included.
        floor: the learning rate at the end and afterwards.
        unit: "steps" (optimizer updates) or "epochs" (needs to know the number of batches in one).
        anneal: "cosine", "linear", "polynomial" or "constant".
        power: the exponent of "polynomial".
        start: the learning rate of the first step.

    Attributes:
        history: list of (step, learning rate), one entry for each step at which `fit` last used this callback.

    Raises:
        InputError: an argument is out of range; at the start of training, the optimizer has a schedule of its own, or
            `unit="epochs"` and the number of batches is unknown.

    Source: Loshchilov & Hutter 2017 (SGDR), equation 5, after the warm-up of Goyal et al. 2017, section 2.2.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(1e-3), "mse")  # a plain number: the callback replaces it
        >>> schedule = WarmupCosineDecay(1e-3, warmup=0.5, total=2, unit="epochs")
        >>> data = np.ones((8, 3)), np.ones((8, 1))
        >>> _ = model.fit(*data, batch_size=2, epochs=2, verbose=0, callbacks=[schedule])
        >>> [step for step, rate in schedule.history if rate == 1e-3]
        [2]
    """

    # Eight arguments: the schedule has eight independent facts, and a settings object would only rename them.
    def __init__(
        self,
        peak: float,
        warmup: float,
        total: float,
        floor: float = 0.0,
        *,
        unit: str = "steps",
        anneal: str = "cosine",
        power: float = 1.0,
        start: float = 0.0,
    ):
        super().__init__()
        self.unit = one_of("unit", unit, ("steps", "epochs"))
        self.schedule = {"peak": peak, "floor": floor, "start": start, "anneal": anneal, "power": power}
        self.warmup, self.total = warmup, total
        self.history: list[tuple[int, float]] = []
        self._coming = (0, start)
        self._steps_per_unit = 1.0
        self._ratios: list[float] | None = None
        warmup_anneal(0, warmup=warmup, total=total, **self.schedule)  # a wrong argument fails here, not hours later

    def set_model(self, model):
        super().set_model(model)
        # Read here, not in on_train_begin: BackupAndRestore may load the rates of a later step before our turn comes.
        self._ratios = _ratios(_leaves(self.model.optimizer))

    def on_train_begin(self, logs=None):
        self.history = []
        leaves = _leaves(self.model.optimizer)
        if len(self._ratios) != len(leaves):
            self._ratios = _ratios(leaves)  # a MultiOptimizer over a function knows its parts only once built
        self._steps_per_unit = 1.0 if self.unit == "steps" else self._updates_per_epoch(leaves)
        try:
            self._apply()
        except (TypeError, AttributeError) as error:
            raise InputError(
                "the optimizer has a learning-rate schedule of its own, which no callback can drive",
                expected="a plain number",
                mend="Build it with a number, such as AdamW(learning_rate=1e-3), or leave out WarmupCosineDecay.",
            ) from error

    def on_train_batch_begin(self, batch, logs=None):
        self._coming = self._apply()

    def on_train_batch_end(self, batch, logs=None):
        # Recorded only now: where Keras does not know the length of the data it announces one batch too many.
        if not self.history or self.history[-1] != self._coming:
            self.history.append(self._coming)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None and self.history:
            logs["learning_rate"] = self.history[-1][1]

    def _apply(self) -> tuple[int, float]:
        """Write the rate of the coming step into every optimizer; the step and the rate."""
        # On JAX `self.model` brings the training state back into the variables, so it is asked for every time.
        leaves = _leaves(self.model.optimizer)
        step, scale = self._step(leaves), self._steps_per_unit
        rate = warmup_anneal(step, warmup=self.warmup * scale, total=self.total * scale, **self.schedule)
        for optimizer, ratio in zip(leaves, self._ratios, strict=True):
            optimizer.learning_rate = rate * ratio
        return step, rate

    def _updates_per_epoch(self, leaves) -> float:
        batches = (self.params or {}).get("steps")
        if not batches:
            raise InputError(
                'unit="epochs" needs the number of batches in an epoch, which is unknown',
                mend="Pass steps_per_epoch to fit, set it on the data with dataset.apply(tf.data.experimental.assert_"
                'cardinality(n)), or give warmup and total in steps with unit="steps".',
            )
        return batches / min(_batches_per_update(optimizer) for optimizer in leaves)

    @staticmethod
    def _step(leaves) -> int:
        """Updates made so far; the most of any part, as a part without variables never moves."""
        return max(int(number(optimizer.iterations)) for optimizer in leaves)


def _leaves(optimizer) -> list:
    """The optimizers that own a learning rate: the parts of a MultiOptimizer, the inside of a LossScaleOptimizer."""
    return list(getattr(optimizer, "optimizers", None) or [getattr(optimizer, "inner_optimizer", optimizer)])


def _batches_per_update(optimizer) -> int:
    """Batches that Keras gives for one update: those accumulated, and those of an optimizer that asks for several."""
    return (optimizer.gradient_accumulation_steps or 1) * getattr(optimizer, "steps_per_update", 1)


def _ratios(leaves) -> list[float]:
    if len(leaves) == 1:
        return [1.0]
    rates = [number(optimizer.learning_rate) for optimizer in leaves]
    if not max(rates) > 0:
        raise InputError(
            "every learning rate in the MultiOptimizer is 0, so their ratios are lost",
            mend="Compile the model with newly built optimizers.",
        )
    return [rate / max(rates) for rate in rates]


def number(value) -> float:
    """A scalar variable or tensor of any backend as a Python number."""
    # Not convert_to_numpy: under NumPy 2 Keras 3.15 warns there for a scalar. A sum, since TensorFlow's variables of
    # several devices are no number themselves.
    return float(keras.ops.add(value, 0))
