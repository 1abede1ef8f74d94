"""Weights in several files, checksums of all files, and the card."""

import dataclasses
import json

import numpy as np
import pytest

from keras_neurovit import InputError, cli, from_preset, list_presets, load_preset, save_to_preset, verify
from keras_neurovit.presets import Verdict, Weights
from tests.contracts import run, sample

VOLUME = (1, 24, 28, 24, 1)


@pytest.fixture
def sharded(small_preset, tmp_path):
    """The small preset in several files."""
    return save_to_preset(from_preset(small_preset), tmp_path / "sharded", small_preset, max_shard_gb=1.4e-5)


def test_large_weights_come_in_several_files(sharded, small_preset):
    assert sharded.weights.file == "model.weights.json"
    assert len(sharded.weights.shards) > 2
    assert load_preset(sharded.folder).weights == sharded.weights
    volumes = sample(VOLUME)
    np.testing.assert_array_equal(run(from_preset(sharded.folder), volumes), run(from_preset(small_preset), volumes))
    adapted = from_preset(sharded.folder, num_classes=3, num_channels=2)
    assert run(adapted, sample((1, 24, 28, 24, 2))).shape == (1, 3)


def test_one_file_again_removes_the_shards(sharded, small_preset):
    save_to_preset(from_preset(sharded.folder), sharded.folder, sharded)
    names = sorted(file.name for file in sharded.folder.iterdir())
    assert names == ["README.md", "SHA256SUMS", "config.json", "metadata.json", "model.weights.h5", "preset.json"]


@pytest.mark.parametrize("place", [0, -1])
def test_a_damaged_or_missing_shard_is_named(sharded, place):
    shard = sharded.folder / sorted(sharded.weights.shards)[place]
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(InputError, match=rf"{shard.name}: is not the file"):
        from_preset(sharded.folder)
    shard.unlink()
    with pytest.raises(InputError, match=rf"{shard.name}: the weights of preset 'small' are missing"):
        from_preset(sharded.folder)


@pytest.mark.parametrize("name", ["../model.weights.h5", "/etc/passwd", "a\\b.h5"])
def test_weights_lie_in_the_presets_folder(name, small_preset, tmp_path):
    with pytest.raises(InputError, match="is no name in the preset's folder"):
        Weights("0" * 64, 1, "MIT", file=name)
    values = json.loads((small_preset.folder / "preset.json").read_text())
    values["weights"]["shards"] = {name: "0" * 64}
    (tmp_path / "preset.json").write_text(json.dumps(values))
    with pytest.raises(InputError, match="is no name in the preset's folder"):
        load_preset(tmp_path)


def test_every_listed_file_is_compared(small_preset, tmp_path):
    save_to_preset(from_preset(small_preset), tmp_path, small_preset)
    sums = (tmp_path / "SHA256SUMS").read_text()
    listed = [line.split("  ")[1] for line in sums.splitlines()]
    assert listed == ["config.json", "metadata.json", "model.weights.h5", "preset.json"]
    golden = (small_preset.folder / "golden.npz").read_bytes()
    (tmp_path / "golden.npz").write_bytes(golden)
    assert verify(tmp_path).passed
    (tmp_path / "SHA256SUMS").write_text(sums + f"{'0' * 64}  golden.npz\n")
    with pytest.raises(InputError, match=r"golden\.npz: is not the file that SHA256SUMS lists"):
        verify(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(sums + f"{'0' * 64}  ../golden.npz\n")
    with pytest.raises(InputError, match="unusable line"):
        verify(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(sums + f"{'0' * 64}  errors.json\n")
    with pytest.raises(InputError, match=r"errors\.json: is missing"):
        verify(tmp_path)


def test_a_card_is_begun_once_and_kept(small_preset, tmp_path):
    described = dataclasses.replace(small_preset, description="Of the test.")
    save_to_preset(from_preset(small_preset), tmp_path, described)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("---\nlicense: apache-2.0\n")
    for part in ("Of the test.", "24×28×24 voxels of 8×8×8 mm, brain-extracted", "Outputs: a, b", "TO BE WRITTEN"):
        assert part in text
    (tmp_path / "README.md").write_text("mine")
    save_to_preset(from_preset(small_preset), tmp_path, described)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_all_shipped_presets_are_verified_at_a_terminal(monkeypatch, capsys):
    verified = []
    monkeypatch.setattr(
        "keras_neurovit.presets.verify", lambda preset: verified.append(preset) or Verdict(preset, "any", 0.0, True)
    )
    assert cli.main(["verify"]) == 0
    assert verified == [name for name in list_presets() if load_preset(name).weights]
    assert len(capsys.readouterr().out.splitlines()) == len(verified) >= 1
