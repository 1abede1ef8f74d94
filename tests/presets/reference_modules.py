"""Other libraries' vision transformers, small: what converters are compared with.

What they say is stored in `references.npz`, so that converters are compared with it where these libraries are not
installed. `python -m tests.presets.reference_modules` writes it anew; that takes torch, monai and transformers.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

STORED = Path(__file__).with_name("references.npz")
SHAPE, PATCH = (8, 12, 20), (4, 3, 5)
WIDTH, HEADS, MLP, LAYERS = 24, 3, 40, 2
SIDE, FLAT_PATCH = 16, 4


def fill(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Weights of these names and shapes, all random, so that none can be forgotten; the same for ever."""
    random = np.random.RandomState(0)  # NumPy promises that its numbers never change
    return {name: 0.3 * random.standard_normal(shapes[name]).astype("float32") for name in sorted(shapes)}


def volumes() -> np.ndarray:
    """What three-dimensional modules are shown."""
    return np.random.RandomState(1).standard_normal((2, *SHAPE, 1)).astype("float32")


def images() -> np.ndarray:
    """What two-dimensional modules are shown."""
    return np.random.RandomState(2).standard_normal((2, SIDE, SIDE, 3)).astype("float32")


def deep() -> np.ndarray:
    """Volumes of one patch in depth whose slices are all such an image: an inflated model says of them the same."""
    return np.repeat(images()[:, :, :, None], FLAT_PATCH, axis=3)


@dataclass(frozen=True)
class Reference:
    """A module, and what `convert` has to be told of its weights.

    Args:
        build: makes it.
        tokens: what its backbone says, from the module and a tensor of axes (batch, channel, …).
        options: of `convert`.
        flat: whether it is of two dimensions.
        needs: the library that it is of.
    """

    build: Callable
    tokens: Callable
    options: dict = field(default_factory=dict)
    flat: bool = False
    needs: str = "torch"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the volume to convert it for."""
        return (SIDE, SIDE, FLAT_PATCH) if self.flat else SHAPE


def _monai(kind: str, **options) -> Callable:
    def build():
        from monai.networks import nets

        sizes = {"hidden_size": WIDTH, "mlp_dim": MLP, "num_layers": LAYERS, "num_heads": HEADS}
        return getattr(nets, kind)(1, SHAPE, **{"patch_size": PATCH, **sizes, **options})

    return build


def _autoencoder(module, x):
    x = module.patch_embedding(x)
    for block in module.blocks:
        x = block(x)
    return module.norm(x)


def _masked(module, x):
    import torch

    x = module.patch_embedding(x)
    return module.blocks(torch.cat([module.cls_token.expand(len(x), -1, -1), x], 1))


def _timm(**options) -> Callable:
    def build():
        from tests.presets.torch_modules import Timm

        return Timm(**options)

    return build


def _by_class_name(name: str) -> Callable:
    def build():
        from tests.presets import torch_modules

        return getattr(torch_modules, name)()

    return build


def _hugging_face(kind: str, **options) -> Callable:
    def build():
        import transformers

        sizes = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
        sizes |= {"image_size": SIDE, "patch_size": FLAT_PATCH}
        return getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**sizes, **options))

    return build


def _last(module, x):
    return module(pixel_values=x).last_hidden_state


def _first(module, x):
    out = module(x)
    return out[0] if isinstance(out, tuple) else out


FLAT_OPTIONS = {"patch_size": [FLAT_PATCH] * 3}
REFERENCES = {
    "timm": Reference(_timm(), _first),
    "timm_registers": Reference(_timm(registers=4, scale=True), _first),
    "timm_flat": Reference(_timm(places=16, channels=3, patch=(FLAT_PATCH,) * 2), _first, FLAT_OPTIONS, flat=True),
    "monai_vit": Reference(_monai("ViT"), _first, needs="monai"),
    "monai_vit_bias": Reference(_monai("ViT", qkv_bias=True), _first, needs="monai"),
    "monai_autoencoder": Reference(_monai("ViTAutoEnc", patch_size=(4, 4, 4)), _autoencoder, needs="monai"),
    "monai_masked": Reference(
        _monai("MaskedAutoEncoderViT", decoder_hidden_size=WIDTH, decoder_num_heads=HEADS), _masked, needs="monai"
    ),
    "nit": Reference(_by_class_name("Nit"), _first, {"patch_size": list(PATCH), "ignore": ["mlp_head.1"]}),
    "lucidrains": Reference(
        _by_class_name("Lucidrains"), _first, {"patch_size": list(PATCH), "ignore": ["mlp_head.1"]}
    ),
    "hugging_face_vit": Reference(
        _hugging_face("ViT", intermediate_size=MLP), _last, FLAT_OPTIONS, flat=True, needs="transformers"
    ),
    "hugging_face_dinov2": Reference(
        _hugging_face("Dinov2WithRegisters", mlp_ratio=2), _last, FLAT_OPTIONS, flat=True, needs="transformers"
    ),
}


def evaluate(reference: Reference) -> tuple[dict[str, tuple[int, ...]], np.ndarray]:
    """Names and shapes of a module's weights, and what it says with those that `fill` gives."""
    import torch

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of other libraries, of their own future
        module = reference.build().eval()
        shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
        module.load_state_dict({name: torch.from_numpy(array) for name, array in fill(shapes).items()})
        shown = images().transpose(0, 3, 1, 2) if reference.flat else volumes().transpose(0, 4, 1, 2, 3)
        return shapes, reference.tokens(module, torch.from_numpy(shown.copy())).numpy()


def write() -> None:
    """Write what every module says."""
    arrays = {}
    for name, reference in REFERENCES.items():
        shapes, tokens = evaluate(reference)
        arrays[f"{name}.shapes"], arrays[f"{name}.tokens"] = np.array(json.dumps(shapes)), tokens
    np.savez_compressed(STORED, **arrays)


if __name__ == "__main__":
    write()
