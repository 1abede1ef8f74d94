"""What tf2onnx lacks for exact GELU."""

from __future__ import annotations

import functools

import numpy as np


@functools.cache
def teach_erfc() -> None:
    """Let tf2onnx write TensorFlow's Erfc, of which exact GELU is made there, as 1 − Erf.

    Source: definition of the complementary error function; tf2onnx 1.17 hands Erfc on as it is, which no ONNX runtime
    knows.
    """
    from tf2onnx import utils
    from tf2onnx.handler import tf_op

    @tf_op("Erfc")
    class Erfc:
        @classmethod
        def version_9(cls, ctx, node, **kwargs):
            shapes, dtypes, output = node.output_shapes, node.output_dtypes, node.output[0]
            kind = utils.map_onnx_to_numpy_type(ctx.get_dtype(node.input[0]))
            one = ctx.make_const(utils.make_name("one"), np.array(1, kind))
            erf = ctx.make_node("Erf", [node.input[0]], name=utils.make_name(node.name))
            ctx.remove_node(node.name)
            ctx.make_node(
                "Sub", [one.output[0], erf.output[0]], outputs=[output], name=node.name, shapes=shapes, dtypes=dtypes
            )
