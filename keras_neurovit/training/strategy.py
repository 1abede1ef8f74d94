"""Which weights of a model train, and which are frozen."""

from __future__ import annotations

import re
from math import prod

import keras

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.layers import StructurePooling

STRATEGIES = ("full", "head", "last_n", "lora")
RANK = 8  # of adapters where no other is asked for


def choose_weights(
    model: keras.Model, strategy: str = "full", *, last_n: int | None = None, lora_rank: int | None = None
) -> str:
    """Set which weights of a model train, and tell it in one line.

    Frozen layers of batch normalisation keep their moving averages and use them; dropout and stochastic depth stay.

    Args:
        model: with a layer `backbone`, for example from `from_preset`.
        strategy: "full" trains all weights; "head" those after the backbone, but not what a preset measured before;
            "last_n" these, the last encoder blocks and the normalisation after them; "lora" these and adapters of low
            rank beside every dense layer and projection of the backbone.
        last_n: how many encoder blocks, for "last_n".
        lora_rank: of the adapters, for "lora"; None for 8.

    Returns:
        The line: how many weights train, of how many.

    Raises:
        InputError: an unknown strategy, a number that it has no use for, a backbone without encoder blocks or dense
            layers, fewer blocks than asked for, a model that has adapters already.

    Source: adapters, Hu et al. 2021 (LoRA, arXiv 2106.09685), section 4.1.

    Example:
        >>> from keras_neurovit.models import classifier, vit3d
        >>> backbone = vit3d((8, 12, 20), (4, 4, 4), num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> choose_weights(classifier(backbone, 2), "last_n", last_n=1)
        'classifier: 2,290 of 6,034 weights train (the head and the last 1 of 2 blocks)'
    """
    one_of("strategy", strategy, STRATEGIES)
    _refuse_useless(strategy, last_n, lora_rank)
    if strategy != "lora" and adapted_layers(model):
        mend = "Go on with strategy 'lora', or save it with save_to_preset, which merges them, and start from that."
        raise InputError("the model has adapters, which only strategy 'lora' trains", "lora", strategy, mend)
    backbone = None if strategy == "full" else _backbone(model)
    # On TensorFlow a layer that is given the value it has does nothing, nor do the layers inside: so to and fro.
    model.trainable = False
    model.trainable = True
    # What was compiled before would go on with the weights that trained then, and without adapters.
    model.train_function = model.test_function = model.predict_function = None
    if backbone is None:
        return _line(model, "all")
    backbone.trainable = False
    for layer in model.layers:
        if isinstance(layer, StructurePooling):
            layer.trainable = False
    told = "the head"
    if strategy == "last_n":
        blocks = _blocks(backbone, last_n)
        for layer in [*blocks[-last_n:], backbone.get_layer("norm")]:
            layer.trainable = True
        told += f" and the last {last_n} of {len(blocks)} blocks"
    elif strategy == "lora":
        layers = _adapt(backbone, RANK if lora_rank is None else lora_rank)
        told += f" and adapters of rank {layers[0].lora_rank} beside {len(layers)} layers"
    return _line(model, told)


def adapted_layers(model: keras.Model) -> list[keras.Layer]:
    """The layers of a model that have adapters."""
    return [layer for layer in model._flatten_layers(include_self=False) if getattr(layer, "lora_enabled", False)]


def _adapt(backbone: keras.Model, rank: int) -> list[keras.Layer]:
    """Put adapters beside the dense layers of a frozen backbone, or let those train that are there."""
    kinds = (keras.layers.Dense, keras.layers.EinsumDense)
    layers = [layer for layer in backbone._flatten_layers(include_self=False) if isinstance(layer, kinds)]
    if not layers:
        mend = "Choose strategy 'full' or 'head'."
        raise InputError("this backbone has no dense layers for adapters", mend=mend)
    for layer in layers:
        if not layer.lora_enabled:
            layer.enable_lora(rank)
        elif layer.lora_rank != rank:
            mend = "Ask for that rank, or build the model anew."
            raise InputError("the model has adapters of another rank", rank, layer.lora_rank, mend)
        layer.lora_kernel_a.trainable = layer.lora_kernel_b.trainable = True
    return layers


def _blocks(backbone: keras.Model, last_n: int) -> list[keras.Layer]:
    blocks = {layer.name: layer for layer in backbone.layers if re.fullmatch(r"block_\d+", layer.name)}
    blocks = [blocks[name] for name in sorted(blocks, key=lambda name: int(name.removeprefix("block_")))]
    if not blocks:
        raise InputError("this backbone has no encoder blocks", mend="Choose strategy 'full' or 'head'.")
    if last_n > len(blocks):
        raise InputError("last_n is out of range", f"1 to {len(blocks)} blocks", last_n)
    return blocks


def _backbone(model: keras.Model) -> keras.Model:
    for layer in model.layers:
        if layer.name == "backbone" and isinstance(layer, keras.Model):
            return layer
    mend = "Build it with from_preset or models.classifier, or choose strategy 'full'."
    raise InputError("the model has no layer 'backbone' to freeze", mend=mend)


def _refuse_useless(strategy: str, last_n: int | None, lora_rank: int | None) -> None:
    for name, number, belongs in (("last_n", last_n, "last_n"), ("lora_rank", lora_rank, "lora")):
        if strategy != belongs and number is not None:
            raise InputError(f"{name} belongs to strategy {belongs!r}", "None", number, f"Choose strategy {belongs!r}.")
        needed = strategy == belongs and (number is not None or name == "last_n")
        if needed and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
            raise InputError(f"{name} is unusable", "a whole number from 1", number)


def _line(model: keras.Model, what: str) -> str:
    train, every = (sum(prod(weight.shape) for weight in some) for some in (model.trainable_weights, model.weights))
    return f"{model.name}: {train:,} of {every:,} weights train ({what})"
