import dataclasses
import json
import shutil
import time

import keras
import numpy as np
import pytest

from keras_neurovit import InputError, from_preset, list_presets, load_preset, save_to_preset, verify
from keras_neurovit.presets import Preset, know, known_people, load_reference, save_people, save_reference
from keras_neurovit.presets.store import SHIPPED
from tests.contracts import run, sample

VOLUME = (1, 24, 28, 24, 1)


def test_every_shipped_preset_reads_back_as_written():
    for name in list_presets():
        preset = load_preset(name)
        assert preset.name == name
        assert preset.to_json() == (SHIPPED / name / "preset.json").read_text(encoding="utf-8")


def test_description_is_frozen():
    preset = load_preset("vit3d_ad")
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset.name = "other"
    with pytest.raises(TypeError):
        preset.arguments["num_layers"] = 3


@pytest.mark.parametrize("name", [n for n in list_presets() if load_preset(n).weights])
def test_shipped_weights_pass_their_golden_volume(name):
    verdict = verify(name)
    assert verdict.passed, verdict
    assert load_preset(name).weights_path.stat().st_size < 13e6


def test_weights_are_float32_in_memory():
    model = from_preset("vit3d_ad")
    assert {w.dtype for w in model.weights if "seed" not in w.path} == {"float32"}
    assert model.count_params() == load_preset("vit3d_ad").weights.parameters
    assert model.output_shape == (None, 2)


def test_name_folder_and_description_go_through_one_loader(small_preset):
    volumes = sample(VOLUME)
    outputs = [run(from_preset(p), volumes) for p in (small_preset, small_preset.folder, str(small_preset.folder))]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_moved_folder_gives_the_same_logits_bit_for_bit(small_preset, tmp_path):
    moved = shutil.copytree(small_preset.folder, tmp_path / "elsewhere")
    np.testing.assert_array_equal(
        run(from_preset(small_preset), sample(VOLUME)), run(from_preset(moved), sample(VOLUME))
    )


def test_new_head_keeps_every_backbone_weight_bit_for_bit(small_preset, capsys):
    old, new = from_preset(small_preset), from_preset(small_preset, num_classes=3)
    assert "new head of 3 classes" in capsys.readouterr().err
    assert new.output_shape == (None, 3)
    before, after = (m.get_layer("backbone").get_weights() for m in (old, new))
    assert len(before) == len(after) > 20
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_as_many_classes_as_before_are_still_other_classes(small_preset, capsys):
    new, old = from_preset(small_preset, num_classes=2), from_preset(small_preset)
    assert "new head of 2 classes" in capsys.readouterr().err
    assert not np.array_equal(new.get_layer("head").get_weights()[0], old.get_layer("head").get_weights()[0])


def test_weights_that_are_not_finite_are_not_published(small_preset, tmp_path):
    model = from_preset(small_preset)
    model.get_layer("head").bias.assign(np.array([0.0, np.nan]))
    with pytest.raises(InputError, match="not finite"):
        save_to_preset(model, tmp_path, small_preset)
    assert list(tmp_path.iterdir()) == []


def test_no_head(small_preset):
    backbone = from_preset(small_preset, num_classes=0)
    assert backbone.output_shape == (None, 252, 24)
    whole = from_preset(small_preset).get_layer("backbone")
    np.testing.assert_array_equal(run(backbone, sample(VOLUME)), run(whole, sample(VOLUME)))


def test_another_volume_resizes_the_positions_and_says_so(small_preset, capsys):
    model = from_preset(small_preset, volume_shape=(32, 32, 32))
    assert "position_embedding/table resized from 6×7×6 to 8×8×8" in capsys.readouterr().err
    assert run(model, sample((1, 32, 32, 32, 1))).shape == (1, 2)
    with pytest.raises(InputError, match=r"Pad or crop the volume to \(32, 36, 32\)"):
        from_preset(small_preset, volume_shape=(32, 33, 32))


def test_zoo_preset_into_128_cubed(capsys):
    model = from_preset("vit3d_ad", volume_shape=(128, 128, 128))
    assert model.input_shape == (None, 128, 128, 128, 1)
    assert "resized from 4×5×4 to 8×8×8" in capsys.readouterr().err


def test_random_weights_on_request(small_preset):
    assert not np.array_equal(
        from_preset(small_preset, load_weights=False).get_layer("backbone").get_weights()[0],
        from_preset(small_preset).get_layer("backbone").get_weights()[0],
    )


def test_softmax_and_other_rates(small_preset):
    model = from_preset(small_preset, activation="softmax", dropout=0.3, drop_path=0.2)
    np.testing.assert_allclose(run(model, sample(VOLUME), training=False).sum(), 1, atol=1e-6)
    assert model.get_layer("head_dropout").rate == 0.3
    assert model.get_layer("backbone").get_layer("block_1").drop_path == 0.2


def test_unknown_preset_lists_the_known_and_suggests():
    with pytest.raises(InputError, match=r"vit3d_ad, vit3d_base.*Did you mean 'vit3d_ad'\?"):
        from_preset("vit3d_da")


def test_architecture_without_weights():
    with pytest.raises(InputError, match="load_weights=False"):
        from_preset("vit3d_tiny", num_classes=2)
    with pytest.raises(InputError, match="has no head"):
        from_preset("vit3d_tiny", load_weights=False)


@pytest.fixture
def broken(small_preset, tmp_path):
    """A copy of the small preset to damage, without the checksums that would notice first."""
    return shutil.copytree(small_preset.folder, tmp_path / "broken", ignore=shutil.ignore_patterns("SHA256SUMS"))


def test_a_flipped_byte_anywhere_is_noticed(small_preset, tmp_path):
    """A description is JSON still, and means another thing, where a digit is another: never a silently other model."""
    folder = shutil.copytree(small_preset.folder, tmp_path / "flipped")
    whole = (folder / "preset.json").read_bytes()
    for place in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        (folder / "preset.json").write_bytes(flipped)
        with pytest.raises(InputError, match=r"preset\.json: is not the file that SHA256SUMS lists.*delete its line"):
            load_preset(folder)
    (folder / "preset.json").write_bytes(whole)
    save_people(folder, [know(["01"], "study")])
    save_reference(folder, [{"head_ml": 1.0}])
    for name, read in (("people.json", known_people), ("reference.json", load_reference)):
        file, preset = folder / name, load_preset(folder)
        file.write_text(file.read_text().replace("1", "2", 1))
        with pytest.raises(InputError, match=f"{name}: is not the file that SHA256SUMS lists"):
            read(preset)
    (folder / "SHA256SUMS").write_bytes(b"\xff nonsense")
    with pytest.raises(InputError, match="SHA256SUMS: unusable line"):
        load_preset(folder)


def test_flipped_byte_fails_the_checksum(broken):
    content = bytearray((broken / "model.weights.h5").read_bytes())
    content[len(content) // 2] ^= 1
    (broken / "model.weights.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.weights\.h5: is not the file.*expected SHA-256"):
        from_preset(broken)


def test_description_of_another_model(broken):
    values = json.loads((broken / "preset.json").read_text())
    for arguments, message in (({"num_leyers": 2}, "num_leyers"), ({"hidden_dim": 48}, "does not fit the model")):
        changed = values | {"arguments": values["arguments"] | arguments}
        (broken / "preset.json").write_text(json.dumps(changed))
        with pytest.raises(InputError, match=message):
            from_preset(broken)


def test_damaged_golden_volume(broken):
    (broken / "golden.npz").write_bytes(b"PK damaged")
    with pytest.raises(InputError, match=r"golden\.npz: is damaged"):
        verify(broken)


def test_missing_weights(broken):
    (broken / "model.weights.h5").unlink()
    with pytest.raises(InputError, match="weights of preset 'small' are missing"):
        from_preset(broken)


def test_another_parameter_count(broken):
    values = json.loads((broken / "preset.json").read_text())
    values["weights"]["parameters"] += 1
    (broken / "preset.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="another number of parameters"):
        from_preset(broken)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "format 1"),
        ('{"format": 9}', "format 1"),
        ('{"format": 1}', "missing or unknown"),
    ],
)
def test_broken_description(broken, text, message):
    (broken / "preset.json").write_text(text)
    with pytest.raises(InputError, match=rf"preset\.json: .*{message}"):
        load_preset(broken)


def test_folder_that_is_no_preset(tmp_path):
    with pytest.raises(InputError, match=r"holds preset\.json"):
        load_preset(tmp_path)
    with pytest.raises(InputError, match="no such preset folder"):
        load_preset(tmp_path / "missing")


def test_labels_must_match_the_outputs(small_preset, tmp_path):
    with pytest.raises(InputError, match="2 labels"):
        save_to_preset(from_preset(small_preset), tmp_path, dataclasses.replace(small_preset, labels=("a", "b", "c")))
    assert not (tmp_path / "preset.json").exists()


def test_saving_leaves_the_optimizer_out_and_no_scraps(small_preset, tmp_path):
    model = from_preset(small_preset)
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    saved = save_to_preset(model, tmp_path / "new", small_preset)
    names = sorted(file.name for file in (tmp_path / "new").iterdir())
    assert names == ["README.md", "SHA256SUMS", "config.json", "metadata.json", "model.weights.h5", "preset.json"]
    assert saved.weights.parameters == model.count_params()
    np.testing.assert_array_equal(
        run(from_preset(saved), sample(VOLUME)), run(from_preset(small_preset), sample(VOLUME))
    )


def test_the_same_weights_are_the_same_file(small_preset, tmp_path):
    model = from_preset(small_preset)
    first = save_to_preset(model, tmp_path / "one", small_preset)
    time.sleep(1.1)  # a file that told the time would tell another
    assert save_to_preset(model, tmp_path / "two", small_preset).weights == first.weights


def test_verify_notices_other_numbers(broken, small_preset):
    assert verify(broken).passed
    model = from_preset(broken)
    head = model.get_layer("head")
    head.bias.assign(keras.ops.convert_to_tensor(head.get_weights()[1] + 0.01))
    golden = (broken / "golden.npz").read_bytes()
    save_to_preset(model, broken, small_preset)
    assert not (broken / "golden.npz").exists()  # it was of the old weights
    (broken / "golden.npz").write_bytes(golden)
    verdict = verify(broken)
    assert not verdict.passed
    assert abs(verdict.difference - 0.01) < 1e-3


def test_a_preset_of_format_1_loads_for_ever(tmp_path):
    frozen = (
        '{"format": 1, "name": "x", "description": "d", "model": "vit3d", "arguments": {"patch_size": [4, 4, 4], '
        '"num_layers": 1, "num_heads": 2, "hidden_dim": 24, "mlp_dim": 48}, "head": {"pooling": "mean"}, '
        '"labels": ["a", "b"], "volume": {"spacing_mm": [8.0, 8.0, 8.0], "shape": [24, 28, 24], '
        '"brain_extracted": true}, "weights": null, "citation": "c"}'
    )
    (tmp_path / "preset.json").write_text(frozen)
    preset = load_preset(tmp_path)
    assert isinstance(preset, Preset)
    assert from_preset(preset, load_weights=False).output_shape == (None, 2)
