"""Exported models run by the runtimes that they were exported for."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np


def run_savedmodel(folder: Path, volumes: np.ndarray) -> np.ndarray:
    """What TensorFlow's SavedModel says.

    Shape: (batch, x, y, z, channel) → (batch, label)
    """
    told = keras.layers.TFSMLayer(str(folder), call_endpoint="serve")(volumes)
    return keras.ops.convert_to_numpy(keras.tree.flatten(told)[0])


def run_onnx(file: Path, volumes: np.ndarray) -> np.ndarray:
    """What ONNX Runtime says.

    Shape: (batch, x, y, z, channel) → (batch, label)
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: volumes})[0]


def run_litert(file: Path, volumes: np.ndarray) -> np.ndarray:
    """What LiteRT says.

    Shape: (batch, x, y, z, channel) → (batch, label)
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(file))
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, volumes.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, volumes)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def run_openvino(file: Path, volumes: np.ndarray) -> np.ndarray:
    """What OpenVINO says.

    Shape: (batch, x, y, z, channel) → (batch, label)
    """
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(volumes)[0])
