"""How a model is compiled: what is fastest where it runs."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from pathlib import Path

import keras

from keras_neurovit._checks import InputError
from keras_neurovit._memory import keep_freed_memory

HALF = "mixed_bfloat16"
LARGE = 50_000_000  # parameters; below it, half precision on a CPU gains nothing over a compiler


@dataclass(frozen=True)
class Choice:
    """What was picked.

    Args:
        jit_compile: as `model.compile`.
        dtype: policy of the backbone's layers.
        why: in words.
    """

    jit_compile: bool | str
    dtype: str
    why: str


def compile_defaults(
    model: keras.Model,
    optimizer: str | keras.optimizers.Optimizer = "adamw",
    loss=None,
    *,
    jit_compile: bool | None = None,
    half: bool = True,
    verbose: bool = True,
    **arguments,
) -> Choice:
    """Compile a model as transformers train fastest here, and say how.

    On a CPU XLA makes small float32 models a third faster, which Keras' "auto" leaves off on TensorFlow, and those of
    convolutions four times slower, so that these do without; large ones are faster there in bfloat16 without it, where
    the processor has instructions for that (weights and the head stay float32). On a GPU, and on JAX, Keras' own choice
    stands. With glibc, freed memory is kept for the next step. The optimizer is built at once: else the first step is
    traced twice.

    Args:
        model: of logits, with a layer `backbone` if it is to be set to bfloat16.
        optimizer: name or instance.
        loss: None for cross-entropy on labels.
        jit_compile: True or False overrules the choice; False starts at once, which pays for a few steps.
        half: whether the layers of the backbone may be set to bfloat16; they stay so, in what is predicted and saved.
        verbose: whether to print the choice on standard error.
        arguments: further ones of `model.compile`.

    Example:
        >>> from keras_neurovit.models import classifier, vit3d
        >>> backbone = vit3d((8, 12, 20), (4, 4, 4), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> compile_defaults(classifier(backbone, 2), verbose=False).dtype
        'float32'
    """
    choice = _choose(model, jit_compile, half)
    keep_freed_memory()
    if choice.dtype == HALF:
        halve_backbone(model)
    optimizer = keras.optimizers.get(optimizer)
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=choice.jit_compile, **arguments)
    optimizer.build(model.trainable_variables)
    if verbose:
        print(f"{model.name}: {choice.dtype}, jit_compile={choice.jit_compile}: {choice.why}", file=sys.stderr)
    return choice


def halve_backbone(model: keras.Model) -> None:
    """Let the layers of a model's backbone compute in bfloat16; weights stay float32, and so does the head.

    Raises:
        InputError: a model without a layer `backbone`.
    """
    if not any(layer.name == "backbone" for layer in model.layers):
        mend = "Build it with from_preset or models.classifier, or do without mixed precision."
        raise InputError("the model has no layer 'backbone' to compute in bfloat16", mend=mend)
    for layer in model.get_layer("backbone")._flatten_layers(include_self=False):
        layer.dtype_policy = HALF


def replicas(model: keras.Model) -> int:
    """Devices of TensorFlow that each have their own weights; 1 on other backends."""
    # Asked of the model, since TensorFlow is for the room data/ alone.
    return getattr(getattr(model, "distribute_strategy", None), "num_replicas_in_sync", 1)


def _choose(model: keras.Model, jit_compile: bool | None, half: bool) -> Choice:
    dtype = model.dtype_policy.name
    if jit_compile is not None:
        return Choice(jit_compile, dtype, "as asked for")
    if keras.backend.backend() == "torch":
        return Choice(False, dtype, "PyTorch runs without a compiler here")
    if keras.backend.backend() == "jax" or _has_accelerator():
        return Choice("auto", dtype, "Keras' own choice on JAX and on accelerators")
    if replicas(model) > 1:
        return Choice(False, dtype, "several CPU devices: XLA on one cannot reach the weights of another")
    half = half and dtype == "float32" and any(layer.name == "backbone" for layer in model.layers)
    if half and model.count_params() >= LARGE and "bf16" in processor("flags"):
        return Choice(False, HALF, f"{model.count_params() / 1e6:.0f} M parameters, a CPU with bfloat16")
    if any(isinstance(layer, keras.layers.Conv3D) for layer in model._flatten_layers()):
        return Choice(False, dtype, "convolutions, for which XLA has no fast kernels on a CPU")
    return Choice(True, dtype, f"{model.count_params() / 1e6:.1f} M parameters, a CPU")


def _has_accelerator() -> bool:
    return any(not device.startswith("cpu") for device in keras.distribution.list_devices())


@functools.cache
def processor(entry: str) -> str:
    """A line of what Linux tells of the processor, such as its "flags" or "model name"; elsewhere nothing."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return next((line for line in lines if line.startswith(entry)), "")
