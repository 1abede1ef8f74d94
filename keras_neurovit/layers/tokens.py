"""Tokens that stand before the patches, and tokens to one feature."""

from __future__ import annotations

import keras

from keras_neurovit import _checks


@keras.saving.register_keras_serializable("keras_neurovit")
class PrefixTokens(keras.layers.Layer):
    """Put learned tokens before the patch tokens: a class token first, registers after it.

    They carry no position, so they are added after the position embedding.

    Shape: (batch, token, hidden_dim) → (batch, num_tokens + token, hidden_dim)

    Args:
        num_tokens: how many.

    Source: class token, Dosovitskiy et al. 2020, section 3.1; registers, Darcet et al. 2024 (arXiv 2309.16588).

    Example:
        >>> import numpy as np
        >>> PrefixTokens(2)(np.zeros((1, 5, 16))).shape
        TensorShape([1, 7, 16])
    """

    def __init__(self, num_tokens: int, **kwargs):
        super().__init__(**kwargs)
        self.num_tokens = num_tokens

    def build(self, input_shape):
        self.tokens = self.add_weight(
            shape=(1, self.num_tokens, input_shape[-1]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
            name="tokens",
        )

    def call(self, tokens):
        shape = (keras.ops.shape(tokens)[0], self.num_tokens, tokens.shape[-1])
        prefix = keras.ops.broadcast_to(keras.ops.cast(self.tokens, tokens.dtype), shape)
        return keras.ops.concatenate([prefix, tokens], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] + self.num_tokens, input_shape[2])


@keras.saving.register_keras_serializable("keras_neurovit")
class TokenPooling(keras.layers.Layer):
    """One feature from all tokens of a volume.

    Shape: (batch, token, hidden_dim) → (batch, hidden_dim)

    Args:
        kind: "mean" (of the patch tokens), "class" (the first token) or "attention" (a learned weighted mean of the
            patch tokens).
        num_prefix_tokens: class and register tokens before the patches; left out of "mean" and "attention".

    Raises:
        InputError: "class" without a class token, or an unknown kind.

    Source: attention, Ilse et al. 2018 (arXiv 1802.04712), section 2.4, ungated with a linear score.

    Example:
        >>> import numpy as np
        >>> TokenPooling("mean", num_prefix_tokens=1)(np.zeros((2, 6, 16))).shape
        TensorShape([2, 16])
    """

    def __init__(self, kind: str = "mean", num_prefix_tokens: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.kind = _checks.one_of("pooling", kind, ("mean", "class", "attention"))
        self.num_prefix_tokens = num_prefix_tokens
        if kind == "class" and num_prefix_tokens == 0:
            raise _checks.InputError(
                "pooling 'class' needs a class token", mend="Build the model with class_token=True."
            )
        self.score = keras.layers.Dense(1, name="score", dtype=self.dtype_policy) if kind == "attention" else None

    def build(self, input_shape):
        if self.score is not None:
            self.score.build(input_shape)

    def call(self, tokens):
        if self.kind == "class":
            return tokens[:, 0]
        patches = tokens[:, self.num_prefix_tokens :]
        if self.kind == "mean":
            return keras.ops.mean(patches, axis=1)
        return keras.ops.sum(patches * keras.ops.softmax(self.score(patches), axis=1), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])
