"""Where in the head a token comes from."""

from __future__ import annotations

import keras
import numpy as np

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class PositionEmbedding3D(keras.layers.Layer):
    """Add to each token an embedding of its place in the patch grid.

    The grid is stored beside the weights. When weights of another grid are loaded, a learned table is resized
    trilinearly and `resized_from` tells the grid it came from; a sine–cosine table is computed for whatever grid the
    layer has and holds no weights.

    Shape: (batch, token, …, hidden_dim) → (batch, token, …, hidden_dim); axes in between share a token's embedding

    Args:
        grid: patches along (x, y, z); their product is the number of tokens.
        kind: "learned" or "sine" (fixed three-dimensional sine–cosine).

    Raises:
        InputError: the number of tokens is not the grid's.

    Source: learned, Dosovitskiy et al. 2020, section 3.1; sine–cosine, Vaswani et al. 2017, section 3.5, a third of
    the channels for each axis; left-over channels are zero.

    Example:
        >>> import numpy as np
        >>> PositionEmbedding3D((4, 4, 4), kind="sine")(np.zeros((1, 64, 24))).shape
        TensorShape([1, 64, 24])
    """

    def __init__(self, grid: tuple[int, int, int], kind: str = "learned", **kwargs):
        super().__init__(**kwargs)
        self.grid = _checks.triple("grid", grid)
        self.kind = _checks.one_of("kind of position embedding", kind, ("learned", "sine"))
        self.resized_from: tuple[int, int, int] | None = None

    def build(self, input_shape):
        tokens, hidden_dim = input_shape[1], input_shape[-1]
        if tokens != np.prod(self.grid):
            raise _checks.InputError(
                "tokens do not fill the grid", expected=f"{np.prod(self.grid)} for grid {self.grid}", received=tokens
            )
        if self.kind == "learned":
            self.table = self.add_weight(
                shape=(tokens, hidden_dim), initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="table"
            )
        else:
            self.table = sine_table(self.grid, hidden_dim)

    def call(self, tokens):
        places, hidden_dim = self.table.shape
        table = keras.ops.reshape(self.table, (places, *(1,) * (len(tokens.shape) - 3), hidden_dim))
        return tokens + keras.ops.cast(table, tokens.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def save_own_variables(self, store):
        store["grid"] = np.asarray(self.grid, "int32")
        if self.kind == "learned":
            store["table"] = keras.ops.convert_to_numpy(self.table)

    def load_own_variables(self, store):
        if self.kind == "sine":
            return
        stored_grid = tuple(int(n) for n in np.asarray(store["grid"]))
        table = np.asarray(store["table"], "float32")
        if stored_grid != self.grid:
            table = resize_table(table, stored_grid, self.grid)
        self.resized_from = stored_grid if stored_grid != self.grid else None
        self.table.assign(table)


def sine_table(grid: tuple[int, int, int], hidden_dim: int) -> np.ndarray:
    """A fixed sine–cosine table, a third of the channels an axis.

    Shape: → (token, hidden_dim)

    Example:
        >>> sine_table((2, 3, 5), 16).shape
        (30, 16)
    """
    waves = hidden_dim // 6  # a sine and a cosine for each of three axes
    if waves == 0:
        raise _checks.InputError("hidden_dim is too small for sine–cosine positions", "at least 6", hidden_dim)
    frequency = 1.0 / 10000.0 ** (np.arange(waves) / waves)
    places = np.stack(np.meshgrid(*(np.arange(n) for n in grid), indexing="ij"), axis=-1).reshape(-1, 3)
    angles = places[:, :, None] * frequency
    table = np.concatenate([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(places), -1)
    return np.pad(table, ((0, 0), (0, hidden_dim - table.shape[1]))).astype("float32")


def resize_table(table: np.ndarray, old: tuple[int, int, int], new: tuple[int, int, int]) -> np.ndarray:
    """A position table of grid `old`, interpolated trilinearly to grid `new` (antialiased where it shrinks).

    Shape: (old tokens, hidden_dim) → (new tokens, hidden_dim)

    Example:
        >>> resize_table(np.ones((6, 4)), (1, 2, 3), (2, 2, 4)).shape
        (16, 4)
    """
    hidden_dim = table.shape[1]
    scale = [n / o for n, o in zip(new, old, strict=True)]
    resized = keras.ops.image.scale_and_translate(
        np.asarray(table, "float32").reshape(*old, hidden_dim),
        output_shape=(*new, hidden_dim),
        scale=np.asarray(scale, "float32"),
        translation=np.zeros(3, "float32"),
        spatial_dims=(0, 1, 2),
        method="linear",
        antialias=True,
    )
    return keras.ops.convert_to_numpy(resized).reshape(-1, hidden_dim)
