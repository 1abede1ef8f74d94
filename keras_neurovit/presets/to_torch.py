"""From a backbone to the weights of MONAI's ViT, so that work done here is not locked in."""

from __future__ import annotations

import re
from collections.abc import Mapping

import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.presets.adapt import named_weights


def to_torch_state_dict(backbone: keras.Model) -> dict[str, np.ndarray]:
    """A `vit3d` backbone's weights as MONAI's `ViT` names and shapes them, as arrays.

    Without class token, `ViT(…, qkv_bias=…)` takes them by `load_state_dict({k: torch.from_numpy(v) …})`; MONAI
    normalises with an epsilon of 1e-5.

    Raises:
        InputError: a backbone that MONAI's `ViT` cannot hold: a stem, prefix tokens, LayerScale, or no ViT; names what.

    Example:
        >>> from keras_neurovit import models
        >>> backbone = models.vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> to_torch_state_dict(backbone)["blocks.0.attn.qkv.weight"].shape
        (48, 16)
    """
    weights = {name: keras.ops.convert_to_numpy(weight) for name, (_, weight) in named_weights(backbone)}
    return _to_monai(weights)


def _to_monai(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """MONAI's names and shapes of our tensors."""
    kernel, table = weights.get("patch_embedding/kernel"), weights.get("position_embedding/table")
    strange = [n for n in weights if re.match(r"prefix_tokens|stem|patch_projection|.*_scale/factor", n)]
    if kernel is None or table is None or strange:
        mend = "It takes a plain vit3d with learned positions, without class token or registers."
        raise InputError("MONAI's ViT cannot hold this backbone", received=", ".join(strange) or None, mend=mend)
    theirs = {
        "patch_embedding.position_embeddings": table[None],
        "patch_embedding.patch_embeddings.weight": kernel.transpose(4, 3, 0, 1, 2),
        "patch_embedding.patch_embeddings.bias": weights["patch_embedding/bias"],
        "norm.weight": weights["norm/gamma"],
        "norm.bias": weights["norm/beta"],
    }
    blocks = sorted({int(n.split("/")[0].removeprefix("block_")) for n in weights if n.startswith("block_")})
    for index in blocks:
        here, there = f"block_{index}/", f"blocks.{index}."
        for word, ours in (("weight", "gamma"), ("bias", "beta")):
            theirs[f"{there}norm1.{word}"] = weights[f"{here}attention_norm/{ours}"]
            theirs[f"{there}norm2.{word}"] = weights[f"{here}mlp_norm/{ours}"]
        parts = [weights[f"{here}attention/{kind}/kernel"] for kind in ("query", "key", "value")]
        width = parts[0].shape[0]
        theirs[f"{there}attn.qkv.weight"] = np.concatenate([part.reshape(width, -1).T for part in parts])
        if f"{here}attention/query/bias" in weights:
            biases = [weights[f"{here}attention/{kind}/bias"].ravel() for kind in ("query", "key", "value")]
            theirs[f"{there}attn.qkv.bias"] = np.concatenate(biases)
        output = weights[f"{here}attention/attention_output/kernel"]
        theirs[f"{there}attn.out_proj.weight"] = output.reshape(-1, output.shape[-1]).T
        theirs[f"{there}attn.out_proj.bias"] = weights.get(
            f"{here}attention/attention_output/bias", np.zeros(width, "float32")
        )
        for number, part in (("1", "in"), ("2", "out")):
            theirs[f"{there}mlp.linear{number}.weight"] = weights[f"{here}mlp_{part}/kernel"].T
            theirs[f"{there}mlp.linear{number}.bias"] = weights[f"{here}mlp_{part}/bias"]
    return {name: np.ascontiguousarray(array, "float32") for name, array in theirs.items()}
