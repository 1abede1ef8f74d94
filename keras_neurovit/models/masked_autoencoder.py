"""A vision transformer that learns by filling in what is hidden from it."""

from __future__ import annotations

import keras
from keras import ops

from keras_neurovit._checks import InputError
from keras_neurovit.layers import (
    PatchEmbedding3D,
    PositionEmbedding3D,
    PutBack,
    RandomPatchMask,
    SeenTokens,
    TransformerEncoderBlock,
    patch_statistics,
    patches_of,
    volume_of,
)


def masked_autoencoder(
    backbone: keras.Model,
    *,
    mask_ratio: float = 0.75,
    foreground_only: bool = True,
    decoder_dim: int = 96,
    decoder_layers: int = 2,
    decoder_heads: int = 3,
    seed: int | None = None,
    name: str = "masked_autoencoder",
) -> keras.Model:
    """Hide most patches, encode the others with a backbone, and tell the hidden ones with a light decoder.

    The backbone sees nothing of what is hidden, so that a step costs a fraction of one on whole volumes. It is trained
    in place: its own layers are in the model. Train with `training.MaskedPatchLoss` and the volumes as targets:

        model.fit(batches.map(lambda volumes, *_: (volumes, volumes)))

    Shape: (batch, x, y, z, channel) → (batch, token, voxel × channel + 1), the voxels told of every patch, and last
    whether it was hidden and counts

    Args:
        backbone: from `vit3d`, without a stem, which would see across patches.
        mask_ratio: of the foreground, see `RandomPatchMask`.
        foreground_only: see `RandomPatchMask`.
        decoder_dim: length of a decoder's token.
        decoder_layers: its blocks.
        decoder_heads: their attention heads.
        seed: of what is hidden.
        name: of the model.

    Raises:
        InputError: a backbone of another make.

    Source: He et al. 2021 (arXiv 2111.06377).

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> masked_autoencoder(backbone, decoder_dim=12, decoder_heads=2).output_shape
        (None, 64, 31)
    """
    embedding, position, after = _parts(backbone)
    volumes = keras.Input(backbone.input_shape[1:], name="volume")
    patches = patches_of(volumes, embedding.patch_size)
    seen, counts = RandomPatchMask(mask_ratio, foreground_only, seed, name="mask")(patches)
    taken = SeenTokens(name="seen")
    # What is seen, as a volume of one row of patches: to embed the others would cost more than to encode these.
    row = volume_of(taken(patches, seen), (seen.shape[1], 1, 1), embedding.patch_size)
    nowhere = ops.repeat(ops.zeros_like(patches[..., :1]), embedding.hidden_dim, axis=-1)
    tokens = embedding(row) + taken(position(nowhere), seen)
    for layer in after:
        tokens = layer(tokens)
    tokens = tokens[:, tokens.shape[1] - seen.shape[1] :]  # without class and register tokens
    tokens = keras.layers.Dense(decoder_dim, name="to_decoder")(tokens)
    tokens = PutBack(patches.shape[1], name="put_back")(tokens, seen)
    tokens = PositionEmbedding3D(position.grid, "sine", name="decoder_position")(tokens)
    for index in range(decoder_layers):
        block = TransformerEncoderBlock(decoder_heads, 4 * decoder_dim, name=f"decoder_{index}")
        tokens = block(tokens)
    tokens = keras.layers.LayerNormalization(epsilon=1e-6, name="decoder_norm")(tokens)
    told = keras.layers.Dense(patches.shape[-1], dtype="float32", name="voxels")(tokens)
    counts = ops.cast(ops.expand_dims(counts, -1), "float32")
    return keras.Model(volumes, ops.concatenate([told, counts], axis=-1), name=name)


def _parts(backbone: keras.Model) -> tuple[PatchEmbedding3D, PositionEmbedding3D, list[keras.layers.Layer]]:
    """A backbone's embedding, its positions, and what follows."""
    layers = [layer for layer in backbone.layers if not isinstance(layer, keras.layers.InputLayer)]
    if [type(layer) for layer in layers[:2]] != [PatchEmbedding3D, PositionEmbedding3D]:
        names = ", ".join(layer.name for layer in layers[:4])
        raise InputError(
            "this backbone cannot be masked", "patch embedding, positions, encoder blocks, as of vit3d", names,
            "Take a vit3d without a stem.",
        )  # fmt: skip
    return layers[0], layers[1], layers[2:]


def reconstruct(model: keras.Model, volumes, *, normalised: bool = True):
    """What a masked autoencoder makes of volumes: what it saw of each, and what it filled in.

    Shape: (batch, x, y, z, channel) → (batch, x, y, z, channel) twice; hidden voxels are NaN in the first

    Args:
        model: from `masked_autoencoder`.
        volumes: conformed.
        normalised: whether it was trained to tell each patch normalised (see `training.MaskedPatchLoss`); a patch's own
            mean and spread are then put back.

    Example:
        >>> from keras_neurovit.models import vit3d
        >>> backbone = vit3d((8, 12, 20), (2, 3, 5), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> model = masked_autoencoder(backbone, decoder_dim=12, decoder_heads=2)
        >>> seen, filled = reconstruct(model, ops.ones((2, 8, 12, 20, 1)))
        >>> filled.shape
        TensorShape([2, 8, 12, 20, 1])
    """
    position = next(layer for layer in model.layers if isinstance(layer, PositionEmbedding3D))
    grid = position.grid
    size = tuple(n // g for n, g in zip(model.input_shape[1:4], grid, strict=True))
    volumes = ops.convert_to_tensor(volumes, "float32")
    told, patches = model(volumes, training=False), patches_of(volumes, size)
    voxels, hidden = told[..., :-1], told[..., -1:] > 0
    if normalised:
        mean, spread = patch_statistics(patches)
        voxels = voxels * spread + mean
    seen = ops.where(hidden, float("nan"), patches)
    return volume_of(seen, grid, size), volume_of(ops.where(hidden, voxels, patches), grid, size)
