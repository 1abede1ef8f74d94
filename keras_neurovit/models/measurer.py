"""A head that measures structures."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from keras_neurovit import _checks
from keras_neurovit.layers import StructureShares
from keras_neurovit.layers.structure_shares import total
from keras_neurovit.models.grid import token_grid, tokens_and_details


def measurer(
    backbone: keras.Model,
    num_structures: int,
    spacing_mm: tuple[float, float, float],
    *,
    cells: int = 4,
    prior: float | Sequence[float] = 0.01,
    with_cells: bool = False,
    name: str = "measurer",
) -> keras.Model:
    """Measure structures: each token tells their shares in the cells of its patch, and shares add up to volumes.

    The head computes in float32 under any dtype policy.

    Shape: (batch, x, y, z, channel) → (batch, structure), mm³; with `with_cells` a dict of it (structures_mm3) and
    cells (batch, i, j, k, structure), shares from 0 to 1.

    Args:
        backbone: from `vit3d`.
        num_structures: how many.
        spacing_mm: edges of a voxel.
        cells: along each edge of a patch.
        prior: see `StructureShares`.
        with_cells: whether the shares are returned too, to be trained.
        name: of the model.

    Raises:
        InputError: a backbone without patches.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> measurer(backbone, 3, (3.0, 3.0, 3.0), cells=2).output_shape
        (None, 3)
    """
    grid = token_grid(backbone)
    patch = tuple(n // tokens for n, tokens in zip(backbone.input_shape[1:4], grid, strict=True))
    _checks.divisible(patch, (cells,) * 3, "patch_size", "cells")
    volumes = keras.Input(backbone.input_shape[1:], name="volume")
    shares = StructureShares(num_structures, grid, cells, prior, dtype="float32", name="head")(
        *tokens_and_details(backbone, volumes)
    )
    cell_mm3 = 1.0
    for voxels, edge in zip(patch, spacing_mm, strict=True):
        cell_mm3 *= voxels / cells * edge
    measured = keras.layers.Rescaling(cell_mm3, dtype="float32", name="structures_mm3")(total(shares))
    return keras.Model(volumes, {"structures_mm3": measured, "cells": shares} if with_cells else measured, name=name)
