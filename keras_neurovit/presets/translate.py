"""Another library's tensors in our names and shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isqrt, prod

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.layers.position_embedding import resize_table
from keras_neurovit.presets.dialects import Dialect


def translate(
    dialect: Dialect, named: Mapping[str, np.ndarray], num_heads: int
) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """Our names and shapes of another library's tensors; the names that none of its rules fits; and the unused ones."""
    ours: dict[str, np.ndarray] = {}
    left_over, unused = [], []
    for name, array in named.items():
        if any(re.fullmatch(pattern, name) for pattern in dialect.unused):
            unused.append(name)
            continue
        for pattern, replacement in dialect.rules.items():
            if found := re.fullmatch(pattern, name):
                _shape(found.expand(replacement), np.asarray(array), num_heads, ours)
                break
        else:
            left_over.append(name)
    if "patch_embedding/kernel" not in ours:
        mend = "Is it the whole backbone? Patch embeddings that normalise or overlap are not read."
        raise InputError(f"no patch embedding among {dialect.name}'s weights", mend=mend)
    return ours, left_over, unused


def _shape(name: str, array: np.ndarray, heads: int, ours: dict[str, np.ndarray]) -> None:
    block, _, part = name.partition("/")
    inner = array.shape[-1] if "output" in part else array.shape[0]
    if array.ndim == 2 and part.startswith(("qkv", "attention/")) and inner % heads:
        raise InputError("num_heads does not fit the checkpoint", f"a divisor of {inner}", heads)
    if part == "qkv/kernel":  # (3 · head · dim, hidden)
        for place, kind in enumerate(("query", "key", "value")):
            third = np.split(array, 3)[place]
            ours[f"{block}/attention/{kind}/kernel"] = third.T.reshape(array.shape[1], heads, -1)
    elif part == "qkv/bias":
        for place, kind in enumerate(("query", "key", "value")):
            ours[f"{block}/attention/{kind}/bias"] = np.split(array, 3)[place].reshape(heads, -1)
    elif part in ("attention/query/kernel", "attention/key/kernel", "attention/value/kernel"):
        ours[name] = array.T.reshape(array.shape[1], heads, -1)
    elif part in ("attention/query/bias", "attention/key/bias", "attention/value/bias"):
        ours[name] = array.reshape(heads, -1)
    elif part == "attention/attention_output/kernel":
        ours[name] = array.T.reshape(heads, -1, array.shape[0])
    elif name.endswith("/kernel") and block.startswith("block_"):
        ours[name] = array.T
    else:
        ours[name] = array


def split_prefix(standard: dict[str, np.ndarray]) -> tuple[int, int]:
    """How many prefix tokens there are, and how many of them are registers; both kinds become one weight."""
    found = [standard.pop(name) for name in ("class_token", "register_tokens") if name in standard]
    parts = [tokens.reshape(1, -1, tokens.shape[-1]) for tokens in found]
    if not parts:
        return 0, 0
    standard["prefix_tokens/tokens"] = np.concatenate(parts, axis=1)
    registers = parts[-1].shape[1] if len(parts) == 2 else 0
    return standard["prefix_tokens/tokens"].shape[1], registers


def place_positions(
    standard: dict[str, np.ndarray], prefix_tokens: int, grid: tuple[int, int, int], flat: bool
) -> None:
    """Give the grid its table, and prefix tokens the positions that other libraries add to them.

    Args:
        standard: our names; changed.
        prefix_tokens: class token and registers.
        grid: patches of the volume.
        flat: whether the table is that of a square image, to be repeated in every slice.

    Raises:
        InputError: no table, or one of no grid that can be told.
    """
    table = standard.pop("positions", None)
    if table is None:
        raise InputError("the checkpoint has no table of positions", mend="Fixed or rotary positions are not read.")
    table = table.reshape(-1, table.shape[-1]).astype("float32")
    extras = [extra for extra in sorted({0, 1, prefix_tokens}) if extra <= prefix_tokens]
    sizes = [(extra, len(table) - extra) for extra in extras]
    exact = [extra for extra, places in sizes if places == prod(grid) and not flat]
    even = [
        extra for extra, places in sizes if round(places ** (1 / (2 if flat else 3))) ** (2 if flat else 3) == places
    ]
    if not exact + even:
        mend = "Convert with the volume_shape it was trained with; from_preset(…, volume_shape=…) resizes the preset."
        raise InputError("positions do not fit the volume", f"{prod(grid)} of {grid}", len(table), mend)
    extra = (exact + even)[0]
    if extra:
        tokens = np.array(standard["prefix_tokens/tokens"], "float32")
        tokens[0, :extra] += table[:extra]
        standard["prefix_tokens/tokens"] = tokens
    standard["position_embedding/table"] = _fit(table[extra:], grid, flat)


def _fit(table: np.ndarray, grid: tuple[int, int, int], flat: bool) -> np.ndarray:
    if flat:
        side = isqrt(len(table))
        plane = resize_table(table, (side, side, 1), (*grid[:2], 1)).reshape(*grid[:2], 1, -1)
        return np.repeat(plane, grid[2], axis=2).reshape(prod(grid), -1)
    if len(table) == prod(grid):
        return table
    side = round(len(table) ** (1 / 3))
    return resize_table(table, (side,) * 3, grid)
