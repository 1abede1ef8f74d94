"""Reading other frameworks' checkpoints, without ever running what they hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.presets.offline import library

TORCH = (".pt", ".pth", ".ckpt", ".bin")
INNER = ("state_dict", "model_state_dict", "model", "net", "teacher", "student", "encoder")


def read_checkpoint(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The tensors of a PyTorch or safetensors file, by name.

    Where a checkpoint holds more than weights, the dictionary of weights in it is taken (`state_dict`, `model`, `net`,
    …).

    Args:
        path: .pt, .pth, .ckpt or .bin, read with `weights_only=True` so that no pickle is executed (extra "torch"), or
            .safetensors (extra "safetensors").

    Raises:
        InputError: a missing, truncated or other file, one that holds code, one without tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file", mend="Check the path.")
    if path.suffix == ".safetensors":
        read = library("safetensors.numpy", "safetensors", "reading .safetensors").load_file
        try:
            return dict(read(path))
        except Exception as error:  # its own error, of which no release promises the name
            raise InputError(f"{path}: truncated or no safetensors file ({error})") from None
    if path.suffix not in TORCH:
        raise InputError(f"{path}: unknown kind of checkpoint", ", ".join((*TORCH, ".safetensors")), path.suffix)
    torch = library("torch", "torch", f"reading {path.suffix}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # UnpicklingError, RuntimeError, EOFError, BadZipFile …
        mend = "Have its author save model.state_dict() alone, or as .safetensors; it is not executed here."
        what = (
            f"{path}: truncated, or holds more than weights ({str(error).splitlines()[0] if str(error) else error!r})"
        )
        raise InputError(what, mend=mend) from None
    return tensors_of(path, content)


def tensors_of(path: Path | str, content) -> dict[str, np.ndarray]:
    """The dictionary of tensors in what a checkpoint held, as NumPy arrays.

    Raises:
        InputError: no tensors.
    """
    while isinstance(content, Mapping) and not any(hasattr(value, "detach") for value in content.values()):
        inner = next((content[key] for key in INNER if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    tensors = {}
    for name, value in content.items() if isinstance(content, Mapping) else ():
        if hasattr(value, "detach"):
            value = value.detach().cpu()
            tensors[str(name)] = (value.float() if value.is_floating_point() else value).numpy()
    if not tensors:
        raise InputError(f"{path}: holds no weights", "a dictionary of tensors, as model.state_dict() gives")
    return tensors
