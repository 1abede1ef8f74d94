"""From the field's checkpoints to backbones of presets."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from math import prod

import keras
import numpy as np

from keras_neurovit import _checks, models
from keras_neurovit._checks import InputError
from keras_neurovit.layers.patch_embedding import resize_channels
from keras_neurovit.presets.adapt import named_weights
from keras_neurovit.presets.checkpoint import read_checkpoint
from keras_neurovit.presets.dialects import recognise
from keras_neurovit.presets.translate import place_positions, split_prefix, translate


def convert(
    checkpoint: str | os.PathLike | Mapping[str, np.ndarray],
    volume_shape: tuple[int, int, int],
    *,
    num_heads: int,
    patch_size: int | tuple[int, int, int] | None = None,
    num_channels: int | None = None,
    inflation: str = "mean",
    epsilon: float | None = None,
    ignore: Sequence[str] = (),
    prefix: str = "",
    verbose: bool = True,
) -> tuple[keras.Model, dict]:
    """A `vit3d` backbone with the weights of a checkpoint of another framework.

    The names in it tell whose it is: timm (also DINO and DINOv2), Hugging Face (ViT, DINOv2), MONAI (`ViT`,
    `ViTAutoEnc`, `MaskedAutoEncoderViT`), NiT, or lucidrains. Two-dimensional weights are inflated to three dimensions.

    Args:
        checkpoint: a file (see `read_checkpoint`), or its tensors by name.
        volume_shape: voxels along (x, y, z), in the order of the checkpoint's own axes.
        num_heads: which no weight tells.
        patch_size: needed where it cannot be told from the weights: an embedding that is one matrix, and the depth of
            one that is inflated, where None makes a cube.
        num_channels: None keeps the checkpoint's; else the first kernel is shared out among them.
        inflation: of a two-dimensional kernel: "mean" spreads it over the depth, so that a volume whose slices are
            alike scores as one slice did; "central" puts it into the middle slice, so that this slice alone is seen.
        epsilon: of the layer normalisations; None takes what the library in question has.
        ignore: prefixes of names to leave out knowingly, for example a decoder or a head.
        prefix: of the names that make up the backbone, for example "backbone."; others are left out.
        verbose: whether to say, on standard error, which weights of a decoder or the like were left out.

    Returns:
        The backbone, and the keyword arguments of `vit3d` it was built with, for `Preset.arguments`.

    Raises:
        InputError: names of no known library; tensors that are missing, or left over, all of them named; a volume,
            patch or number of heads that does not fit.

    Source: inflation, Carreira and Zisserman 2017 (arXiv 1705.07750), section 2.1; "central", Zhang et al. 2022 (arXiv
    2205.02833), section 3.

    Example:
        backbone, arguments = convert("brain_vit.pt", (96, 96, 96), num_heads=12)
    """
    _checks.one_of("inflation", inflation, ("mean", "central"))
    named = checkpoint if isinstance(checkpoint, Mapping) else read_checkpoint(checkpoint)
    source = "checkpoint" if isinstance(checkpoint, Mapping) else os.fspath(checkpoint)
    named = {name.removeprefix(prefix): np.asarray(a) for name, a in named.items() if name.startswith(prefix)}
    named = {name: array for name, array in named.items() if not name.startswith(tuple(ignore))}
    volume_shape = _checks.triple("volume_shape", volume_shape)
    dialect = recognise(source, named)
    standard, left_over, unused = translate(dialect, named, num_heads)
    stored = standard["patch_embedding/kernel"]
    kernel = _kernel(stored, patch_size, inflation, dialect.depth_last)
    if num_channels is not None and num_channels != kernel.shape[3]:
        kernel = resize_channels(kernel, num_channels)
    standard["patch_embedding/kernel"] = kernel
    grid = _checks.divisible(volume_shape, kernel.shape[:3])
    blocks = {int(name.split("/")[0].removeprefix("block_")) for name in standard if name.startswith("block_")}
    if not blocks:
        raise InputError(f"{source}: no encoder blocks among the weights", mend="Give the prefix of their names.")
    hidden_dim = kernel.shape[-1]
    if hidden_dim % num_heads:
        raise InputError("num_heads does not fit the checkpoint", f"a divisor of {hidden_dim}", num_heads)
    prefix_tokens, registers = split_prefix(standard)
    arguments = {
        "patch_size": list(kernel.shape[:3]),
        "num_layers": max(blocks) + 1,
        "num_heads": num_heads,
        "hidden_dim": hidden_dim,
        "mlp_dim": int(standard["block_0/mlp_in/bias"].shape[0]),
        "num_channels": int(kernel.shape[3]),
        "class_token": prefix_tokens > registers,
        "num_register_tokens": registers,
        "use_bias": "block_0/attention/query/bias" in standard,
        "layer_scale": 1.0 if "block_0/attention_scale/factor" in standard else None,
        "epsilon": dialect.epsilon if epsilon is None else epsilon,
    }
    place_positions(standard, prefix_tokens, grid, flat=stored.ndim == 4)
    if not arguments["use_bias"]:
        _give_output_bias(standard, arguments)
    backbone = models.vit3d(volume_shape, **arguments)
    _assign(source, backbone, standard, left_over)
    if unused and verbose:
        print(f"{source}: the backbone has no part for {', '.join(sorted(unused))}", file=sys.stderr)
    return backbone, arguments


def _kernel(stored: np.ndarray, patch_size, inflation: str, depth_last: bool) -> np.ndarray:
    """(px, py, pz, channel, hidden) from a convolution's (out, in, …), or a matrix's (out, in) with the patch told."""
    if stored.ndim == 5 and patch_size is not None and stored.shape[2:] != _checks.triple("patch_size", patch_size):
        raise InputError("patch_size is not the checkpoint's", stored.shape[2:], patch_size)
    if stored.ndim == 5:
        return np.ascontiguousarray(stored.transpose(2, 3, 4, 1, 0))
    if stored.ndim == 2:
        if patch_size is None:
            raise InputError("the checkpoint does not tell its patches", mend="Pass patch_size.")
        patch, columns = _checks.triple("patch_size", patch_size), stored.shape[1]
        if columns % prod(patch):
            raise InputError("patch_size is not the checkpoint's", f"a divisor of {columns} voxels", patch)
        if depth_last:
            ordered = stored.T.reshape(patch[1], patch[2], patch[0], -1, stored.shape[0])
            return np.ascontiguousarray(ordered.transpose(2, 0, 1, 3, 4))
        return np.ascontiguousarray(stored.T.reshape(*patch, columns // prod(patch), stored.shape[0]))
    if stored.ndim != 4:
        mend = "Patch embeddings that normalise or overlap are not read."
        raise InputError("the patch embedding is of no known shape", "2, 4 or 5 axes", stored.shape, mend)
    flat = stored.transpose(2, 3, 1, 0)
    depth = flat.shape[0] if patch_size is None else _checks.triple("patch_size", patch_size)[2]
    if patch_size is not None and _checks.triple("patch_size", patch_size)[:2] != flat.shape[:2]:
        mend = "Convert with the checkpoint's patch; from_preset(…, patch_size=…) resizes the preset saved of it."
        raise InputError("patch_size is not the checkpoint's in plane", flat.shape[:2], patch_size, mend)
    solid = np.zeros((*flat.shape[:2], depth, *flat.shape[2:]), flat.dtype)
    if inflation == "central":
        solid[:, :, depth // 2] = flat
    else:
        solid[:] = flat[:, :, None] / depth
    return solid


def _give_output_bias(standard: dict[str, np.ndarray], arguments: dict) -> None:
    """Other libraries leave the bias off the queries alone: zeros there are the same function."""
    if "block_0/attention/attention_output/bias" not in standard:
        return
    arguments["use_bias"] = True
    for index in range(arguments["num_layers"]):
        for part in ("query", "key", "value"):
            kernel = standard[f"block_{index}/attention/{part}/kernel"]
            standard[f"block_{index}/attention/{part}/bias"] = np.zeros(kernel.shape[1:], "float32")


def _assign(source: str, backbone: keras.Model, standard: dict[str, np.ndarray], left_over: list[str]) -> None:
    wanted = {name: weight for name, (_, weight) in named_weights(backbone)}
    missing = sorted(wanted.keys() - standard.keys())
    left_over = sorted([*left_over, *(standard.keys() - wanted.keys())])
    shapes = [
        f"{name} {standard[name].shape} for {tuple(weight.shape)}"
        for name, weight in wanted.items()
        if name in standard and tuple(weight.shape) != standard[name].shape
    ]
    wrong = (("are missing", missing), ("are left over", left_over), ("are of other shapes", shapes))
    told = [f"{len(names)} weights {what}: {', '.join(names)}" for what, names in wrong if names]
    if told:
        mend = "Check which model it is of." if missing or shapes else "Name what to leave out with `ignore`."
        raise InputError(f"{source}: {'; '.join(told)}", mend=mend)
    for name, weight in wanted.items():
        weight.assign(standard[name].astype("float32"))
