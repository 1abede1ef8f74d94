"""From tokens to what their patches hold."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.layers.neighbour_block import NeighbourBlock3D


@keras.saving.register_keras_serializable("keras_neurovit")
class StructureShares(keras.layers.Layer):
    """The share of each structure in each cell of each token's patch, between 0 and 1.

    Shape: (batch, token, hidden_dim) → (batch, i × cells, j × cells, k × cells, structure); or (batch, token,
    hidden_dim), (batch, i × cells, j × cells, k × cells, channel) → the same, where a backbone tells details of each
    cell, normalised. A token then scales and shifts what is seen there (FiLM), since the share of a tissue is
    (mean − μ₁) / (μ₂ − μ₁): what is seen, times what only the surroundings tell. Cells hear what their neighbours mean.

    Args:
        num_structures: how many.
        grid: patches (i, j, k).
        cells: along each edge of a patch.
        prior: share that a new head expects everywhere, one number or one a structure: from the mean of the data
            it has less to learn.

    Raises:
        InputError: a prior that is no share, or another number of them than of structures; details of other cells.

    Source: scaling and shifting by a context, Perez et al. 2018 (arXiv 1709.07871).

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

    def build(self, tokens_shape, details_shape=None):
        cells = tuple(n * self.cells for n in self.grid)
        if details_shape is not None and tuple(details_shape[1:4]) != cells:
            mend = "Give as many cells as the backbone's stem cuts a patch into along each edge."
            raise _checks.InputError("details are not of these cells", cells, tuple(details_shape[1:4]), mend)
        scores = np.log(np.asarray(self.prior) / (1.0 - np.asarray(self.prior))).astype("float32")
        seen = None if details_shape is None else details_shape[-1]
        self.context = self._dense((max(seen // 2, 1) if seen else self.num_structures) * self.cells**3, "context")
        self.context.build(tokens_shape)
        if seen is None:
            self.context.bias.assign(np.tile(scores, self.cells**3))
            return
        self.meaning = self._dense(2 * seen, "meaning", keras.initializers.RandomNormal(stddev=0.05))
        self.local, self.scores = self._dense(seen, "local"), self._dense(self.num_structures, "scores")
        self.neighbours = NeighbourBlock3D(dtype=self.dtype_policy, name="neighbours")
        self.meaning.build((None, max(seen // 2, 1)))
        for part in (self.local, self.neighbours, self.scores):
            part.build(details_shape)
        self.scores.bias.assign(scores)

    def _dense(self, units: int, name: str, initializer="glorot_uniform"):
        return keras.layers.Dense(units, kernel_initializer=initializer, dtype=self.dtype_policy, name=name)

    def call(self, tokens, details=None):
        told = self._to_cells(self.context(tokens))
        if details is not None:
            scale, shift = ops.split(self.meaning(told), 2, axis=-1)
            meant = self.neighbours(self.local(details) * (1.0 + scale) + shift)
            told = self.scores(ops.gelu(meant))
        return ops.sigmoid(told)

    def _to_cells(self, told):
        (i, j, k), c = self.grid, self.cells
        width = told.shape[-1] // c**3
        # Six axes, the batch along with the first: LiteRT transposes no more.
        told = ops.transpose(ops.reshape(told, (-1, j, k, c, c, c * width)), (0, 3, 1, 4, 2, 5))
        return ops.reshape(told, (-1, i * c, j * c, k * c, width))

    def compute_output_shape(self, tokens_shape, details_shape=None):
        return (tokens_shape[0], *(n * self.cells for n in self.grid), self.num_structures)
