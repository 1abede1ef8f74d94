"""Converters beside what other libraries' modules said once, and beside the modules themselves where they are."""

import json

import keras
import numpy as np
import pytest

from keras_neurovit.presets import convert, to_torch_state_dict
from tests.contracts import run
from tests.presets.reference_modules import HEADS, REFERENCES, STORED, deep, evaluate, fill, volumes

ALL = pytest.mark.parametrize("name", sorted(REFERENCES))


def stored(name):
    """Names and shapes of a module's weights, and what it said."""
    with np.load(STORED) as arrays:
        return json.loads(str(arrays[f"{name}.shapes"])), arrays[f"{name}.tokens"]


def converted(name, shapes):
    """The backbone of weights by these names."""
    reference = REFERENCES[name]
    return convert(fill(shapes), reference.shape, num_heads=HEADS, verbose=False, **reference.options)[0]


@ALL
def test_says_what_the_module_said(name):
    shapes, expected = stored(name)
    shown = deep() if REFERENCES[name].flat else volumes()
    tokens = run(converted(name, shapes), shown)
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(tokens, expected, atol=1e-4)


@ALL
@pytest.mark.filterwarnings("ignore")
def test_the_module_still_says_it(name):
    """Names that a library has changed since are read too; see the next test."""
    for library in ("torch", REFERENCES[name].needs):
        pytest.importorskip(library, reason="compares with its modules")
    shapes, expected = stored(name)
    now, tokens = evaluate(REFERENCES[name])
    shown = deep() if REFERENCES[name].flat else volumes()
    np.testing.assert_allclose(run(converted(name, now), shown), tokens, atol=1e-4)
    if now == shapes:
        np.testing.assert_allclose(tokens, expected, atol=1e-4)


AS_IN_FILES = {
    r".attention.q_proj.": ".attention.attention.query.",
    r".attention.k_proj.": ".attention.attention.key.",
    r".attention.v_proj.": ".attention.attention.value.",
    r".attention.o_proj.": ".attention.output.dense.",
}
AS_IN_FILES_OF_VIT = {"layers.": "encoder.layer.", ".mlp.fc1.": ".intermediate.dense.", ".mlp.fc2.": ".output.dense."}


@pytest.mark.parametrize("name", ["hugging_face_vit", "hugging_face_dinov2"])
def test_names_of_files_are_read_as_those_of_modules(name):
    """transformers 5 names weights otherwise in memory than in the files it writes and those that are there."""
    shapes, _ = stored(name)
    table = AS_IN_FILES | (AS_IN_FILES_OF_VIT if name.endswith("vit") else {})
    in_files = {}
    for key, array in fill(shapes).items():
        for new, old in table.items():
            key = key.replace(new, old)
        in_files[key] = array
    assert set(in_files) != set(shapes)
    reference = REFERENCES[name]
    backbone, _ = convert(in_files, reference.shape, num_heads=HEADS, verbose=False, **reference.options)
    for ours, theirs in zip(backbone.weights, converted(name, shapes).weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))


@pytest.mark.parametrize("name", ["monai_vit", "monai_vit_bias"])
def test_out_again_are_monais_own_weights(name):
    shapes, _ = stored(name)
    again = to_torch_state_dict(converted(name, shapes))
    expected = {key: array for key, array in fill(shapes).items() if "cross_attn" not in key}
    if name == "monai_vit":  # its projections have no bias, ours have zeros there
        again = {key: array for key, array in again.items() if not key.endswith("attn.qkv.bias")}
    assert set(again) == set(expected)
    for key, array in expected.items():
        np.testing.assert_array_equal(again[key], array)
