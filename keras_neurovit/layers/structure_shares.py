"""From tokens to what their patches hold."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class StructureShares(keras.layers.Layer):
    """The share of each structure in each cell of each token's patch, between 0 and 1.

    Shape: (batch, token, hidden_dim) → (batch, i × cells, j × cells, k × cells, structure)

    Args:
        num_structures: how many.
        grid: patches (i, j, k).
        cells: along each edge of a patch.
        prior: share that a new head expects everywhere, one number or one a structure: from the mean of the data
            it has less to learn.

    Raises:
        InputError: a prior that is no share, or another number of them than of structures.

    Example:
        >>> StructureShares(3, (2, 1, 3), 2)(np.zeros((1, 6, 16))).shape
        TensorShape([1, 4, 2, 6, 3])
    """

    def __init__(
        self,
        num_structures: int,
        grid: tuple[int, int, int],
        cells: int = 4,
        prior: float | Sequence[float] = 0.01,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_structures, self.cells = num_structures, cells
        self.grid = _checks.triple("grid", grid)
        priors = [prior] * num_structures if isinstance(prior, (int, float)) else list(prior)
        if len(priors) != num_structures:
            raise _checks.InputError("prior does not match the structures", f"{num_structures} numbers", len(priors))
        self.prior = tuple(_checks.between("prior", share, 1e-7, 1 - 1e-7) for share in priors)
        self.scores = keras.layers.Dense(
            num_structures * cells**3,
            dtype=self.dtype_policy,
            name="scores",
        )

    def build(self, input_shape):
        self.scores.build(input_shape)
        scores = np.log(np.asarray(self.prior) / (1.0 - np.asarray(self.prior)))
        self.scores.bias.assign(np.tile(scores, self.cells**3).astype("float32"))

    def call(self, tokens):
        (i, j, k), c = self.grid, self.cells
        shares = ops.sigmoid(self.scores(tokens))
        shares = ops.reshape(shares, (-1, i, j, k, c, c, c, self.num_structures))
        shares = ops.transpose(shares, (0, 1, 4, 2, 5, 3, 6, 7))
        return ops.reshape(shares, (-1, i * c, j * c, k * c, self.num_structures))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *(n * self.cells for n in self.grid), self.num_structures)
