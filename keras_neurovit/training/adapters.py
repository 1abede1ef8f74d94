"""Adapters of low rank, kept apart from the weights they adapt."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import h5py
import keras
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._files import published
from keras_neurovit.presets import Preset
from keras_neurovit.presets.adapt import named_weights
from keras_neurovit.training.strategy import adapted_layers, choose_weights

KIND = "keras_neurovit adapters"


def save_adapters(model: keras.Model, file: str | os.PathLike, preset: Preset | None = None) -> Path:
    """Write what was trained with strategy "lora", adapters and head, without the frozen weights.

    The file is small, and names the frozen weights that it belongs to by a checksum of their values. To write a whole
    preset instead, with the adapters merged into its weights, `save_to_preset` takes such a model as any other.

    Args:
        model: with adapters, for example from `finetune(…, strategy="lora")`.
        file: to write, for example `adapters.h5`.
        preset: what the model was built from, whose name and labels are told in the file.

    Returns:
        The file.

    Raises:
        InputError: a model without adapters.

    Example:
        >>> from keras_neurovit.models import classifier, vit3d
        >>> backbone = vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> model = classifier(backbone, 2)
        >>> _ = choose_weights(model, "lora", lora_rank=2)
        >>> file = save_adapters(model, "adapters.h5")
        >>> load_adapters(model, file)
    """
    layers, file = adapted_layers(model), Path(file)
    if not layers:
        raise InputError("the model has no adapters to save", mend='Train it with finetune(…, strategy="lora").')
    facts = {"kind": KIND, "rank": layers[0].lora_rank, "frozen_sha256": frozen_sha256(model)}
    if preset is not None:
        facts |= {"preset": preset.name, "labels": list(preset.labels)}
        facts |= {"weights_sha256": preset.weights.sha256} if preset.weights else {}
    write_trained(model, file, facts)
    return file


def load_adapters(model: keras.Model, file: str | os.PathLike) -> None:
    """Give a model the adapters and the head of a file.

    Args:
        model: with the weights that the adapters were trained beside, built in the same way: for example by
            `from_preset(name, num_classes=2)`.
        file: from `save_adapters`.

    Raises:
        InputError: a file that is none of adapters or damaged, adapters of other weights; the model is then unchanged
            but for new adapters, which do nothing.
    """
    file = Path(file)
    facts, values = read_trained(file)
    choose_weights(model, "lora", lora_rank=int(facts["rank"]))
    found = frozen_sha256(model)
    if found != facts["frozen_sha256"]:
        name = f", preset {facts['preset']!r}" if facts.get("preset") else ""
        mend = "Build the model from the preset that they were trained on, with the same arguments."
        what = f"{file}: these adapters belong to other weights"
        raise InputError(what, f"SHA-256 {facts['frozen_sha256']}{name}", found, mend)
    assign_trained(model, file, values)


def frozen_sha256(model: keras.Model) -> str:
    """SHA-256 of the names and values of the weights that do not train."""
    digest = hashlib.sha256()
    for name, (_, weight) in sorted(named_weights(model)):
        if not weight.trainable:
            values = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
            digest.update(f"{name}{values.dtype}{values.shape}".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def write_trained(model: keras.Model, file: Path, facts: dict) -> None:
    """Write the weights of a model that train, by name, and some facts."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with published(file) as temporary, h5py.File(temporary, "w") as stored:
        stored.attrs["facts"] = json.dumps(facts)
        for name, (_, weight) in named_weights(model):
            if weight.trainable:
                stored.create_dataset(name, data=keras.ops.convert_to_numpy(weight))


def read_trained(file: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The facts and the weights that `write_trained` wrote.

    Raises:
        InputError: no such file, or one that is damaged or holds something else.
    """
    if not file.is_file():
        raise InputError(f"{file}: no such file of adapters", mend="Check the path.")
    values = {}

    def read(name: str, item) -> None:
        if isinstance(item, h5py.Dataset):
            values[name] = np.asarray(item)

    try:
        with h5py.File(file, "r") as stored:
            facts = json.loads(stored.attrs["facts"])
            stored.visititems(read)
        if facts["kind"] != KIND or not values:
            raise KeyError("kind")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        mend = "Give a file of save_adapters, or copy it again."
        raise InputError(f"{file}: holds no adapters, or is damaged", mend=mend) from None
    return facts, values


def assign_trained(model: keras.Model, file: Path, values: dict[str, np.ndarray]) -> None:
    """Give the weights of a model that train the values of a file.

    Raises:
        InputError: other weights than the model's, in name or shape.
    """
    weights = {name: weight for name, (_, weight) in named_weights(model) if weight.trainable}
    here, there = ({name: tuple(some[name].shape) for name in some} for some in (weights, values))
    if here != there:
        differ = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        mend = "Build the model with as many classes as it had."
        raise InputError(f"{file}: holds other weights than train here: {', '.join(differ[:3])}", mend=mend)
    for name, weight in weights.items():
        weight.assign(values[name])
