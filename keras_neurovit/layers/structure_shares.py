"""From tokens to what their patches hold."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.layers.neighbour_block import NeighbourBlock3D
from keras_neurovit.layers.patches import volume_of

FINER_WIDTH = 32
"""Channels in which finer cells are told apart."""


@keras.saving.register_keras_serializable("keras_neurovit")
class StructureShares(keras.layers.Layer):
    """The share of each structure in each cell of each token's patch, between 0 and 1.

    Shape: (batch, token, hidden_dim) → (batch, i × cells, j × cells, k × cells, structure); details (batch, cells…,
    channel) may follow the tokens, normalised, where a backbone tells them of each cell; and finer ones, which then say
    what a cell is. A token scales and shifts what is seen in its cells (FiLM), since the share of a tissue is
    (mean − μ₁) / (μ₂ − μ₁): what is seen, times what only the surroundings tell. So do cells with the finer ones within
    them. All hear what their neighbours mean.

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

    def build(self, tokens_shape, details_shape=None, finer_shape=None):
        scores = np.log(np.asarray(self.prior) / (1.0 - np.asarray(self.prior))).astype("float32")
        told = finer_shape or details_shape
        cells = tuple(n * self.cells for n in self.grid)
        if told is not None and tuple(told[1:4]) != cells:
            mend = "Give as many cells as the finest stem cuts a patch into along each edge, or minit3d a block."
            raise _checks.InputError("details are not of these cells", cells, tuple(told[1:4]), mend)
        if details_shape is None:
            self.context = self._dense(self.num_structures * self.cells**3, "context")
            self.context.build(tokens_shape)
            self.context.bias.assign(np.tile(scores, self.cells**3))
            return
        seen, hidden = details_shape[-1], max(details_shape[-1] // 2, 1)
        self.parts = _checks.divisible(details_shape[1:4], self.grid)[0]
        self.context = self._dense(hidden * self.parts**3, "context")
        self.meaning = self._dense(2 * seen, "meaning", keras.initializers.RandomNormal(stddev=0.05))
        self.local, self.scores = self._dense(seen, "local"), self._dense(self.num_structures, "scores")
        self.neighbours = NeighbourBlock3D(dtype=self.dtype_policy, name="neighbours")
        self.context.build(tokens_shape)
        self.meaning.build((None, hidden))
        for part in (self.local, self.neighbours):
            part.build(details_shape)
        if finer_shape is not None:
            self._build_finer(seen, finer_shape)
            seen = FINER_WIDTH
        self.scores.build((None, seen))
        self.scores.bias.assign(scores)

    def _build_finer(self, seen: int, finer_shape):
        width, within = finer_shape[-1], self.cells // self.parts
        self.finer_meaning = self._dense(2 * width * within**3, "finer_meaning")
        self.finer_local, self.widen = self._dense(width, "finer_local"), self._dense(FINER_WIDTH, "widen")
        self.finer_neighbours = NeighbourBlock3D(dtype=self.dtype_policy, name="finer_neighbours")
        self.finer_meaning.build((None, seen))
        for part in (self.finer_local, self.finer_neighbours, self.widen):
            part.build(finer_shape)

    def _dense(self, units: int, name: str, initializer="glorot_uniform"):
        return keras.layers.Dense(units, kernel_initializer=initializer, dtype=self.dtype_policy, name=name)

    def call(self, tokens, details=None, finer=None):
        told = self.context(tokens)
        if details is None:
            return ops.sigmoid(volume_of(told, self.grid, (self.cells,) * 3))
        meant = _scaled(self.local(details), self.meaning(volume_of(told, self.grid, (self.parts,) * 3)))
        meant = self.neighbours(meant)
        if finer is not None:
            within = (self.cells // self.parts,) * 3
            told = volume_of(self.finer_meaning(meant), details.shape[1:4], within)
            meant = self.widen(self.finer_neighbours(_scaled(self.finer_local(finer), told)))
        return ops.sigmoid(self.scores(ops.gelu(meant)))

    def compute_output_shape(self, tokens_shape, details_shape=None, finer_shape=None):
        return (tokens_shape[0], *(n * self.cells for n in self.grid), self.num_structures)


def total(shares):
    """Shares summed over cells, axis by axis: in one go some backends add tens of thousands of numbers one after
    another, and what is small beside their sum is lost.

    Shape: (batch, i, j, k, structure) → (batch, structure)
    """
    for _ in range(3):
        shares = ops.sum(shares, axis=1)
    return shares


def _scaled(seen, meaning):
    scale, shift = ops.split(meaning, 2, axis=-1)
    return seen * (1.0 + scale) + shift
