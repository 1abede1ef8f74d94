"""From tokens to what is known of a brain: the volumes of its structures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.layers.structure_shares import StructureShares, total


@keras.saving.register_keras_serializable("keras_neurovit")
class StructurePooling(keras.layers.Layer):
    """Logarithms of the volumes of structures, standardised.

    A classifier on them starts from what pre-training measured, and can lose no more of it than its training changes.

    Shape: (batch, token, hidden_dim) → (batch, structure); details of each cell may follow, see `StructureShares`

    Args:
        grid: patches (i, j, k).
        cells: along each edge of a patch.
        means: of the logarithm of each structure's volume, in cells.
        deviations: standard deviations of the same.

    Raises:
        InputError: another number of deviations than of means, or one that is not positive.

    Example:
        >>> StructurePooling((2, 1, 3), 2, [0.0, 1.0], [1.0, 1.0])(keras.ops.zeros((4, 6, 16))).shape
        TensorShape([4, 2])
    """

    def __init__(
        self,
        grid: tuple[int, int, int],
        cells: int,
        means: Sequence[float],
        deviations: Sequence[float],
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.grid, self.cells = _checks.triple("grid", grid), cells
        self.means, self.deviations = tuple(map(float, means)), tuple(map(float, deviations))
        if len(self.means) != len(self.deviations) or min(self.deviations) <= 0:
            raise _checks.InputError(
                "deviations do not match means", f"{len(means)} positive numbers", list(deviations)
            )
        # New weights expect the mean volumes: from any other share, standardised logarithms would lie far off.
        share = np.clip(np.exp(self.means) / (math.prod(self.grid) * cells**3), 1e-6, 0.5).tolist()
        self.shares = StructureShares(len(self.means), self.grid, cells, share, dtype=self.dtype_policy, name="shares")

    def build(self, tokens_shape, details_shape=None, finer_shape=None):
        self.shares.build(tokens_shape, details_shape, finer_shape)

    def call(self, tokens, details=None, finer=None):
        shares = self.shares(tokens, details, finer)
        logs = ops.log(total(shares) + 1e-3)  # a thousandth of a cell: no structure has less
        return (logs - ops.cast(self.means, logs.dtype)) / ops.cast(self.deviations, logs.dtype)

    def compute_output_shape(self, tokens_shape, details_shape=None, finer_shape=None):
        return (tokens_shape[0], len(self.means))
