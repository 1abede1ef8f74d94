"""From tokens to what is known of a brain: the volumes of its structures."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from keras_neurovit import _checks
from keras_neurovit.layers.structure_shares import StructureShares


@keras.saving.register_keras_serializable("keras_neurovit")
class StructurePooling(keras.layers.Layer):
    """Logarithms of the volumes of structures, standardised.

    A classifier on them starts from what pre-training measured, and can lose no more of it than its training changes.

    Shape: (batch, token, hidden_dim) → (batch, structure)

    Args:
        grid: patches (i, j, k).
        cells: along each edge of a patch.
        means: of the logarithm of each structure's volume, in cells.
        deviations: standard deviations of the same.
        num_prefix_tokens: class and register tokens before the patches; left out.

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
        num_prefix_tokens: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.grid, self.cells, self.num_prefix_tokens = _checks.triple("grid", grid), cells, num_prefix_tokens
        self.means, self.deviations = tuple(map(float, means)), tuple(map(float, deviations))
        if len(self.means) != len(self.deviations) or min(self.deviations) <= 0:
            raise _checks.InputError(
                "deviations do not match means", f"{len(means)} positive numbers", list(deviations)
            )
        self.shares = StructureShares(len(self.means), self.grid, cells, dtype=self.dtype_policy, name="shares")

    def build(self, input_shape):
        self.shares.build(input_shape)

    def call(self, tokens):
        shares = self.shares(tokens[:, self.num_prefix_tokens :])
        logs = ops.log(ops.sum(shares, axis=(1, 2, 3)) + 1e-3)  # a thousandth of a cell: no structure has less
        return (logs - ops.cast(self.means, logs.dtype)) / ops.cast(self.deviations, logs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.means))
