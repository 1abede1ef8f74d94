"""How other libraries name and shape a vision transformer's weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError


@dataclass(frozen=True)
class Dialect:
    """A library's names.

    Args:
        name: of the library.
        mark: a pattern that names of this library alone match.
        epsilon: of its layer normalisations.
        rules: pattern of a name → ours, with \\1 for the block's number.
        unused: patterns of names that take no part in what the backbone computes.
        depth_last: whether an embedding that is one matrix orders a patch's voxels (y, z, x).
    """

    name: str
    mark: str
    epsilon: float
    rules: Mapping[str, str]
    unused: tuple[str, ...] = ()
    depth_last: bool = False


_NORMS = {"weight": "gamma", "bias": "beta"}
_DENSE = {"weight": "kernel", "bias": "bias"}


def _rules(parts: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str]:
    """A rule for the weight and one for the bias of each part."""
    return {rf"{theirs}\.{word}": f"{ours}/{our}" for theirs, ours in parts.items() for word, our in words.items()}


TIMM = Dialect(
    "timm",
    r"blocks\.\d+\.mlp\.fc1\.weight",
    1e-6,
    {
        r"patch_embed\.proj\.weight": "patch_embedding/kernel",
        r"patch_embed\.proj\.bias": "patch_embedding/bias",
        r"cls_token": "class_token",
        r"(?:reg_token|register_tokens)": "register_tokens",
        r"pos_embed": "positions",
        r"blocks\.(\d+)\.ls1\.gamma": r"block_\1/attention_scale/factor",
        r"blocks\.(\d+)\.ls2\.gamma": r"block_\1/mlp_scale/factor",
        **_rules({r"blocks\.(\d+)\.attn\.qkv": r"block_\1/qkv"}, _DENSE),
        **_rules({r"blocks\.(\d+)\.attn\.proj": r"block_\1/attention/attention_output"}, _DENSE),
        **_rules(
            {r"blocks\.(\d+)\.mlp\.fc1": r"block_\1/mlp_in", r"blocks\.(\d+)\.mlp\.fc2": r"block_\1/mlp_out"}, _DENSE
        ),
        **_rules(
            {r"blocks\.(\d+)\.norm1": r"block_\1/attention_norm", r"blocks\.(\d+)\.norm2": r"block_\1/mlp_norm"}, _NORMS
        ),
        **_rules({"norm": "norm"}, _NORMS),
    },
    (r"mask_token",),
)
_HF_BLOCK = r"(?:\w+\.)?(?:encoder\.layer|layers)\.(\d+)"  # in files, and in the memory of transformers 5
_HF_RULES = {
    r"(?:\w+\.)?embeddings\.patch_embeddings\.projection\.weight": "patch_embedding/kernel",
    r"(?:\w+\.)?embeddings\.patch_embeddings\.projection\.bias": "patch_embedding/bias",
    r"(?:\w+\.)?embeddings\.cls_token": "class_token",
    r"(?:\w+\.)?embeddings\.register_tokens": "register_tokens",
    r"(?:\w+\.)?embeddings\.position_embeddings": "positions",
    rf"{_HF_BLOCK}\.layer_scale1\.lambda1": r"block_\1/attention_scale/factor",
    rf"{_HF_BLOCK}\.layer_scale2\.lambda1": r"block_\1/mlp_scale/factor",
    **_rules(
        {
            rf"{_HF_BLOCK}\.{theirs}": rf"block_\1/{ours}"
            for theirs, ours in (
                (r"attention\.(?:attention\.query|q_proj)", "attention/query"),
                (r"attention\.(?:attention\.key|k_proj)", "attention/key"),
                (r"attention\.(?:attention\.value|v_proj)", "attention/value"),
                (r"attention\.(?:output\.dense|o_proj)", "attention/attention_output"),
                (r"(?:intermediate\.dense|mlp\.fc1)", "mlp_in"),
                (r"(?:output\.dense|mlp\.fc2)", "mlp_out"),
            )
        },
        _DENSE,
    ),
    **_rules({rf"{_HF_BLOCK}\.(?:layernorm_before|norm1)": r"block_\1/attention_norm"}, _NORMS),
    **_rules({rf"{_HF_BLOCK}\.(?:layernorm_after|norm2)": r"block_\1/mlp_norm"}, _NORMS),
    **_rules({r"(?:\w+\.)?layernorm": "norm"}, _NORMS),
}
_HF_UNUSED = (r"(?:\w+\.)?embeddings\.mask_token", r"(?:\w+\.)?pooler\..*")
HUGGING_FACE_VIT = Dialect(
    "Hugging Face's ViT", rf"{_HF_BLOCK}\.layernorm_before\.weight", 1e-12, _HF_RULES, _HF_UNUSED
)
HUGGING_FACE_DINO = Dialect("Hugging Face's DINOv2", rf"{_HF_BLOCK}\.norm1\.weight", 1e-6, _HF_RULES, _HF_UNUSED)
MONAI = Dialect(
    "MONAI",
    r"blocks\.\d+\.mlp\.linear1\.weight",
    1e-5,
    {
        r"patch_embedding\.patch_embeddings(?:\.1)?\.weight": "patch_embedding/kernel",
        r"patch_embedding\.patch_embeddings(?:\.1)?\.bias": "patch_embedding/bias",
        r"patch_embedding\.position_embeddings": "positions",
        r"(?:cls_token|cls_embedding)": "class_token",
        **_rules({r"blocks\.(\d+)\.attn\.qkv": r"block_\1/qkv"}, _DENSE),
        **_rules({r"blocks\.(\d+)\.attn\.out_proj": r"block_\1/attention/attention_output"}, _DENSE),
        **_rules({r"blocks\.(\d+)\.mlp\.linear1": r"block_\1/mlp_in"}, _DENSE),
        **_rules({r"blocks\.(\d+)\.mlp\.linear2": r"block_\1/mlp_out"}, _DENSE),
        **_rules({r"blocks\.(\d+)\.norm1": r"block_\1/attention_norm"}, _NORMS),
        **_rules({r"blocks\.(\d+)\.norm2": r"block_\1/mlp_norm"}, _NORMS),
        **_rules({r"(?:norm|blocks\.\d+)": "norm"}, _NORMS),  # the masked autoencoder's norm is its last block
    },
    (
        r"blocks\.\d+\.(?:norm_cross_attn|cross_attn)\..*",
        r"conv3d_transpose(?:_1)?\..*",
        r"(?:decoder_\w+|mask_tokens?|decoder\w*)(?:\..*)?",
    ),
)
_LUCID_BLOCK = r"transformer\.layers\.(\d+)"
_LUCID_RULES = {
    r"cls_token": "class_token",
    r"pos_embedding": "positions",
    rf"{_LUCID_BLOCK}\.0\.(?:fn\.)*to_qkv\.weight": r"block_\1/qkv/kernel",
    **_rules({rf"{_LUCID_BLOCK}\.0\.(?:fn\.)*to_out\.0": r"block_\1/attention/attention_output"}, _DENSE),
    **_rules({rf"{_LUCID_BLOCK}\.1\.(?:(?:fn\.)+net\.0|net\.1)": r"block_\1/mlp_in"}, _DENSE),
    **_rules({rf"{_LUCID_BLOCK}\.1\.(?:(?:fn\.)+net\.3|net\.4)": r"block_\1/mlp_out"}, _DENSE),
    **_rules({rf"{_LUCID_BLOCK}\.0\.(?:fn\.)?norm": r"block_\1/attention_norm"}, _NORMS),
    **_rules({rf"{_LUCID_BLOCK}\.1\.(?:(?:fn\.)?norm|net\.0)": r"block_\1/mlp_norm"}, _NORMS),
    **_rules({r"(?:mlp_head\.0|transformer\.norm)": "norm"}, _NORMS),
}
NIT = Dialect(
    "NiT",
    r"patch_to_embedding\.weight",
    1e-5,
    {**_rules({"patch_to_embedding": "patch_embedding"}, _DENSE), **_LUCID_RULES},
    (r"distill(?:_token|\..*)",),
)
LUCIDRAINS = Dialect(
    "lucidrains",
    rf"{_LUCID_BLOCK}\.0\.(?:fn\.)?to_qkv\.weight",
    1e-5,
    {**_rules({r"to_patch_embedding\.1": "patch_embedding"}, _DENSE), **_LUCID_RULES},
    depth_last=True,
)
DIALECTS = (TIMM, HUGGING_FACE_VIT, HUGGING_FACE_DINO, MONAI, NIT, LUCIDRAINS)


def recognise(source: str, named: Mapping[str, np.ndarray]) -> Dialect:
    """The library that names are of.

    Raises:
        InputError: of none; shows some of them.
    """
    for dialect in DIALECTS:
        if any(re.fullmatch(dialect.mark, name) for name in named):
            return dialect
    expected = "names of " + ", ".join(dialect.name for dialect in DIALECTS)
    mend = "Give the prefix of the backbone's names, with its full stop."
    raise InputError(f"{source}: weights of no known library", expected, ", ".join(sorted(named)[:5]), mend)
