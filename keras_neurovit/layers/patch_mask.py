"""Which patches a masked autoencoder sees, and the tokens put where the others were."""

from __future__ import annotations

import keras
from keras import ops

from keras_neurovit import _checks

STANDS_OUT = 0.05
"""Of the way from the darkest patch to the brightest: above it a patch holds something, whatever noise was added."""


@keras.saving.register_keras_serializable("keras_neurovit")
class RandomPatchMask(keras.layers.Layer):
    """Draw which patches are seen: the same share of the foreground and of the air, always as many in all.

    Of the foreground `mask_ratio` is hidden, and only that counts: air says nothing, and to be asked for it teaches
    nothing. As many patches must be seen of every volume, so that the places the foreground leaves go to air, which
    costs time and teaches nothing either; were they given to the foreground, most of it would be seen.

    Foreground is what is brighter on average than the darkest patch by a twentieth of the range of averages, which
    noise hardly moves. That is meant for conformed volumes, whose background is the lowest level; in others, dark
    patches may be taken for air. A volume whose patches are all alike has no foreground: nothing of it counts.

    Shape: (batch, token, voxel) patches → seen (batch, seen) int32, places in random order; counts (batch, token), 1
    where a patch is hidden and counts

    Args:
        mask_ratio: share that is hidden, of the foreground as of all patches, to the nearest whole patch; of a
            foreground of two patches or more, one is seen and one is hidden at least.
        foreground_only: whether air is told from foreground, and does not count.
        seed: of the draws.

    Raises:
        InputError: a share that hides no patch, or all.

    Source: He et al. 2021 (arXiv 2111.06377), section 3: a high share, drawn uniformly.

    Example:
        >>> seen, counts = RandomPatchMask(0.75, seed=1)(keras.random.uniform((2, 64, 30), seed=1))
        >>> seen.shape
        TensorShape([2, 16])
        >>> air = ops.zeros((2, 32, 30))
        >>> _, counts = RandomPatchMask(0.75, seed=1)(ops.concatenate([air, air + 1.0], axis=1))
        >>> [int(ops.sum(part)) for part in ops.split(counts[0], 2)]
        [0, 24]
    """

    def __init__(self, mask_ratio: float = 0.75, foreground_only: bool = True, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.mask_ratio = _checks.between("mask_ratio", mask_ratio, 0.01, 0.99)
        self.foreground_only, self.seed = foreground_only, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, patches_shape):
        tokens = patches_shape[1]
        self.num_seen = round((1.0 - self.mask_ratio) * tokens)
        if not 0 < self.num_seen < tokens:
            raise _checks.InputError("mask_ratio hides no patch or all", f"some of {tokens}", self.mask_ratio)

    def call(self, patches):
        chance = keras.random.uniform(ops.shape(patches)[:2], seed=self.seed_generator)
        held = foreground(patches, chance.dtype) if self.foreground_only else ops.ones_like(chance)
        count = ops.sum(held, axis=1, keepdims=True)
        wanted = ops.maximum(ops.round((1.0 - self.mask_ratio) * count), 1.0)
        wanted = ops.maximum(ops.minimum(wanted, count - 1.0), 0.0)
        # Places in a random order that begins with the foreground; the first of it are seen, and the first of the air.
        place = ops.cast(ops.argsort(ops.argsort(chance - 2.0 * held, axis=1), axis=1), chance.dtype)
        among_air = place - count < self.num_seen - wanted
        taken = ops.where(held > 0, place < wanted, among_air)
        seen = ops.argsort(chance - 2.0 * ops.cast(taken, chance.dtype), axis=1)[:, : self.num_seen]
        hidden = 1.0 - ops.max(ops.one_hot(seen, patches.shape[1], dtype=chance.dtype), axis=1)
        return ops.cast(seen, "int32"), hidden * held

    def compute_output_shape(self, patches_shape):
        batch, tokens = patches_shape[:2]
        return (batch, round((1.0 - self.mask_ratio) * tokens)), (batch, tokens)

    def compute_output_spec(self, patches):
        seen, counts = self.compute_output_shape(patches.shape)
        return keras.KerasTensor(seen, "int32"), keras.KerasTensor(counts, self.compute_dtype)


def foreground(patches, dtype: str = "float32"):
    """Which patches hold something, 1 or 0; see `RandomPatchMask`.

    Shape: (batch, token, voxel) → (batch, token)

    Example:
        >>> patches = ops.convert_to_tensor([[[-2.0, -2.0], [-2.0, -1.9], [0.5, 1.0]]])
        >>> ops.convert_to_numpy(foreground(patches)).tolist()
        [[0.0, 0.0, 1.0]]
    """
    means = ops.mean(ops.cast(patches, "float32"), axis=-1)
    darkest, brightest = ops.min(means, axis=1, keepdims=True), ops.max(means, axis=1, keepdims=True)
    return ops.cast(means - darkest > STANDS_OUT * (brightest - darkest), dtype)


@keras.saving.register_keras_serializable("keras_neurovit")
class SeenTokens(keras.layers.Layer):
    """The tokens of the patches that are seen.

    Shape: (batch, token, hidden_dim), (batch, seen) int32 → (batch, seen, hidden_dim)

    Example:
        >>> tokens = ops.reshape(ops.arange(12.0), (1, 4, 3))
        >>> ops.convert_to_numpy(SeenTokens()(tokens, ops.array([[2, 0]]))).tolist()
        [[[6.0, 7.0, 8.0], [0.0, 1.0, 2.0]]]
    """

    def call(self, tokens, seen):
        return ops.take_along_axis(tokens, ops.expand_dims(seen, -1), axis=1)

    def compute_output_shape(self, tokens_shape, seen_shape):
        return (*seen_shape, tokens_shape[-1])


@keras.saving.register_keras_serializable("keras_neurovit")
class PutBack(keras.layers.Layer):
    """Seen tokens at their places in the grid, and one learned token at all others.

    Shape: (batch, seen, hidden_dim), (batch, seen) int32 → (batch, token, hidden_dim)

    Args:
        num_tokens: places of the grid.

    Source: He et al. 2021 (arXiv 2111.06377), section 3: mask tokens join in the decoder alone.

    Example:
        >>> layer = PutBack(4)
        >>> placed = layer(ops.ones((1, 2, 3)), ops.array([[2, 0]]))
        >>> [bool(ops.all(placed[0, place] == 1)) for place in range(4)]
        [True, False, True, False]
    """

    def __init__(self, num_tokens: int, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens

    def build(self, tokens_shape, seen_shape):
        near_zero = keras.initializers.TruncatedNormal(stddev=0.02)
        self.tokens = self.add_weight(shape=(1, 1, tokens_shape[-1]), initializer=near_zero, name="tokens")

    def call(self, tokens, seen):
        place = ops.one_hot(seen, self.num_tokens, dtype=tokens.dtype)
        placed = ops.matmul(ops.transpose(place, (0, 2, 1)), tokens)
        return placed + (1.0 - ops.expand_dims(ops.sum(place, axis=1), -1)) * keras.ops.cast(self.tokens, placed.dtype)

    def compute_output_shape(self, tokens_shape, seen_shape):
        return (tokens_shape[0], self.num_tokens, tokens_shape[-1])
