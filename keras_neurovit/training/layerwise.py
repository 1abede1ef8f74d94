"""Learning rates that fall from the head down to the patches."""

from __future__ import annotations

import re

import keras

from keras_neurovit import _checks

NOT_DECAYED = ("bias", "gamma", "beta", "table", "tokens")
"""Names of weights that weight decay leaves alone: they are no matrices, and zero is no better place for them."""


def adamw(rate: float, weight_decay: float, clipnorm: float | None = 1.0, **arguments) -> keras.optimizers.AdamW:
    """AdamW whose weight decay spares vectors and tables.

    Example:
        >>> adamw(1e-4, 0.05).weight_decay
        0.05
    """
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, global_clipnorm=clipnorm, **arguments)
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    return optimizer


def layerwise_adamw(
    model: keras.Model, rate: float, layer_decay: float, weight_decay: float = 0.05, **arguments
) -> keras.optimizers.MultiOptimizer:
    """AdamW with its own learning rate for each depth: the head learns at `rate`, and each block at `layer_decay` times
    what the one above it learns at.

    What pre-training taught is most general near the voxels; it is changed least there. `WarmupCosineDecay` keeps the
    ratios. Gradients are clipped depth by depth.

    Args:
        model: with a layer `backbone` whose encoder blocks are named `block_0`, `block_1`, …
        rate: of the head.
        layer_decay: 0 < layer_decay ≤ 1; 0.65 to 0.85 are usual.
        weight_decay: on matrices alone.
        arguments: further ones of `keras.optimizers.AdamW`.

    Raises:
        InputError: a decay out of range, a model without such blocks, or whose blocks are all frozen.

    Source: Clark et al. 2020 (ELECTRA, arXiv 2003.10555), section 3.1 and appendix B; for vision transformers, Bao et
    al. 2021 (BEiT, arXiv 2106.08254), appendix H.

    Example:
        >>> from keras_neurovit.models import classifier, vit3d
        >>> backbone = vit3d((8, 12, 20), (4, 4, 4), num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> optimizer = layerwise_adamw(classifier(backbone, 2), 1e-3, 0.5)
        >>> [round(1e6 * float(part.learning_rate.numpy())) for part in optimizer.optimizers]
        [125, 250, 500, 1000]
    """
    _checks.between("layer_decay", layer_decay, 1e-3, 1.0)
    depths = _depths(model)
    top = max(depths.values()) + 1
    parts = [adamw(rate * layer_decay ** (top - depth), weight_decay, **arguments) for depth in range(top + 1)]
    table = {key: parts[depth] for key, depth in depths.items()}
    optimizer = keras.optimizers.MultiOptimizer(lambda variable: table.get(id(variable), parts[top]))
    optimizer.build(model.trainable_variables)
    return optimizer


def _depths(model: keras.Model) -> dict[int, int]:
    """Depth of each variable of the backbone, by its identity: 0 before the first block, then 1, 2, … by blocks."""
    names = [layer.name for layer in model.layers]
    layers = model.get_layer("backbone").layers if "backbone" in names else []
    blocks = [layer for layer in layers if re.fullmatch(r"block_\d+", layer.name)]
    if not blocks:
        mend = "Take a classifier on a vit3d or minit3d."
        raise _checks.InputError("layer_decay needs encoder blocks", "a backbone with block_0, …", names, mend)
    found, depth = {}, 0
    for layer in layers:
        depth += layer in blocks
        if layer not in blocks and depth == len(blocks):
            break  # what follows the last block learns as fast as the head
        found |= {id(variable): depth for variable in layer.trainable_variables}
    if not found:
        mend = "Leave layer_decay out, or let blocks train: strategy 'full', 'last_n' or 'lora'."
        raise _checks.InputError("layer_decay has no block that trains", "weights before the head", "none", mend)
    return found
