"""The transformer's unit."""

from __future__ import annotations

import keras

from keras_neurovit import _checks
from keras_neurovit.layers.drop_path import DropPath


@keras.saving.register_keras_serializable("keras_neurovit")
class LayerScale(keras.layers.Layer):
    """Multiply each channel by a learned factor that starts small.

    Shape: (batch, token, hidden_dim) → (batch, token, hidden_dim)

    Args:
        initial: first value of every factor, for example 1e-5.

    Source: Touvron et al. 2021 (arXiv 2103.17239), section 2.

    Example:
        >>> import numpy as np
        >>> float(LayerScale(0.5)(np.ones((1, 1, 3)))[0, 0, 0])
        0.5
    """

    def __init__(self, initial: float, **kwargs):
        super().__init__(**kwargs)
        self.initial = initial

    def build(self, input_shape):
        initializer = keras.initializers.Constant(self.initial)
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer=initializer, name="factor")

    def call(self, tokens):
        return tokens * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable("keras_neurovit")
class TransformerEncoderBlock(keras.layers.Layer):
    """Pre-norm self-attention and a two-layer perceptron with exact GELU, each around a residual.

    Shape: (batch, token, hidden_dim) → (batch, token, hidden_dim), and with `return_attention_scores=True` also
    (batch, head, token, token).

    Args:
        num_heads: attention heads; must divide the length of a token.
        mlp_dim: width of the perceptron's hidden layer.
        dropout: rate after the attention's projection and inside the perceptron.
        attention_dropout: rate on the attention scores; 0 keeps the backend's fused attention.
        drop_path: rate of stochastic depth on both branches.
        layer_scale: first value of LayerScale on both branches, or None for none.
        use_bias: whether query, key, value and output projections carry a bias.
        epsilon: of the layer normalisations.
        gradient_checkpointing: whether training keeps the block's input alone and computes the rest again for the
            gradients: less memory, a third more time. Not with dropout, whose draws would be others the second time.

    Raises:
        InputError: gradient checkpointing with a rate above 0; heads that do not divide the length of a token.

    Source: Dosovitskiy et al. 2020 (arXiv 2010.11929), equations 2 and 3.

    Example:
        >>> import numpy as np
        >>> block = TransformerEncoderBlock(num_heads=2, mlp_dim=32)
        >>> tokens, scores = block(np.zeros((1, 5, 16)), return_attention_scores=True)
        >>> tokens.shape, scores.shape
        (TensorShape([1, 5, 16]), TensorShape([1, 2, 5, 5]))
    """

    def __init__(
        self,
        num_heads: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        use_bias: bool = True,
        epsilon: float = 1e-6,
        gradient_checkpointing: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if gradient_checkpointing and (rates := (dropout, attention_dropout, drop_path)) != (0, 0, 0):
            # Keras 3.15: TensorFlow's gradients would be silently wrong, JAX raises.
            raise _checks.InputError("gradient_checkpointing draws anew what was dropped", "rates of 0", rates)
        self.gradient_checkpointing = gradient_checkpointing
        self.num_heads, self.mlp_dim, self.use_bias = num_heads, mlp_dim, use_bias
        self.dropout, self.attention_dropout, self.drop_path = dropout, attention_dropout, drop_path
        self.layer_scale, self.epsilon = layer_scale, epsilon

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        if hidden_dim % self.num_heads:
            raise _checks.InputError(
                "hidden_dim is not divisible by num_heads",
                expected=f"a multiple of {self.num_heads}",
                received=hidden_dim,
            )
        policy = {"dtype": self.dtype_policy}
        layers = keras.layers
        self.attention_norm = layers.LayerNormalization(epsilon=self.epsilon, name="attention_norm", **policy)
        self.attention = layers.MultiHeadAttention(
            num_heads=self.num_heads,
            key_dim=hidden_dim // self.num_heads,
            dropout=self.attention_dropout,
            use_bias=self.use_bias,
            name="attention",
            **policy,
        )
        self.mlp_norm = layers.LayerNormalization(epsilon=self.epsilon, name="mlp_norm", **policy)
        self.mlp_in = layers.Dense(self.mlp_dim, name="mlp_in", **policy)
        self.mlp_out = layers.Dense(hidden_dim, name="mlp_out", **policy)
        self.drop = layers.Dropout(self.dropout, name="drop", **policy)
        self.drop_branch = DropPath(self.drop_path, name="drop_branch", **policy)
        self.attention_norm.build(input_shape)
        self.attention.build(input_shape, input_shape)
        self.mlp_norm.build(input_shape)
        self.mlp_in.build(input_shape)
        self.mlp_out.build((*input_shape[:-1], self.mlp_dim))
        self.attention_scale = self.mlp_scale = None
        if self.layer_scale is not None:
            self.attention_scale = LayerScale(self.layer_scale, name="attention_scale", **policy)
            self.mlp_scale = LayerScale(self.layer_scale, name="mlp_scale", **policy)
            self.attention_scale.build(input_shape)
            self.mlp_scale.build(input_shape)

    def call(self, tokens, training=None, return_attention_scores=False):
        if self.gradient_checkpointing and training and not return_attention_scores:
            return keras.remat(lambda kept: self._transform(kept, True, False))(tokens)
        return self._transform(tokens, training, return_attention_scores)

    def _transform(self, tokens, training, return_attention_scores):
        normed, scores = self.attention_norm(tokens), None
        if return_attention_scores:
            branch, scores = self.attention(normed, normed, training=training, return_attention_scores=True)
        else:
            branch = self.attention(normed, normed, training=training)
        tokens = self._perceive(tokens, branch, training)
        return (tokens, scores) if return_attention_scores else tokens

    def attend(self, tokens, shift=0.0):
        """As in prediction, with the attention scores told, and a shift added to them before they are used.

        A gradient by the shift is the gradient by the scores, which explanations need.

        Shape: (batch, token, hidden_dim), (batch, head, token, token) or scalar → tokens and scores, as `call`'s

        Example:
            >>> import numpy as np
            >>> block = TransformerEncoderBlock(num_heads=2, mlp_dim=32)
            >>> plain = block(np.ones((1, 5, 16)))
            >>> tokens, scores = block.attend(np.ones((1, 5, 16)))
            >>> bool(np.allclose(tokens, plain, atol=1e-5)), scores.shape
            (True, TensorShape([1, 2, 5, 5]))
        """
        normed, ops = self.attention_norm(tokens), keras.ops
        parts = self.attention
        query, key, value = (dense(normed) for dense in (parts.query_dense, parts.key_dense, parts.value_dense))
        scores = ops.softmax(ops.einsum("bqhd,bkhd->bhqk", query, key) / query.shape[-1] ** 0.5)
        branch = parts.output_dense(ops.einsum("bhqk,bkhd->bqhd", scores + shift, value))
        return self._perceive(tokens, branch, training=False), scores

    def _perceive(self, tokens, branch, training):
        """What follows the attention."""
        branch = self.drop(branch, training=training)
        tokens = tokens + self._branch(branch, self.attention_scale, training)
        branch = keras.ops.gelu(self.mlp_in(self.mlp_norm(tokens)), approximate=False)
        branch = self.mlp_out(self.drop(branch, training=training))
        branch = self.drop(branch, training=training)
        return tokens + self._branch(branch, self.mlp_scale, training)

    def _branch(self, branch, scale, training):
        return self.drop_branch(branch if scale is None else scale(branch), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape
