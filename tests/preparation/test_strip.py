"""Skull stripping by commands: a stand-in for the tool, real files, real errors."""

import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keras_neurovit import InputError, cli
from keras_neurovit.predict import predict_scans
from keras_neurovit.preparation import preparation, strip_skull
from keras_neurovit.volumes import Scan, read_scan

AFFINE = np.array([[0, -2.0, 0, 10], [3.0, 0, 0, -20], [0, 0, 1.5, 5], [0, 0, 0, 1.0]])


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Writes a command of a tool that does what a body says, and tells what it was called with."""

    def write(command, body):
        file = tmp_path / "bin" / command
        file.parent.mkdir(exist_ok=True)
        start = f"""\
            #!{sys.executable}
            import sys, json, nibabel, numpy as np
            json.dump(sys.argv[1:], open({str(tmp_path / "call.json")!r}, "w"))
            image = nibabel.load(sys.argv[2])
            voxels, affine, brain = image.get_fdata(dtype="float32"), image.affine, sys.argv[4]
        """
        file.write_text(textwrap.dedent(start) + textwrap.dedent(body))
        file.chmod(0o755)
        monkeypatch.setenv("PATH", str(file.parent))  # no nvidia-smi there
        return file

    return write


@pytest.fixture
def scan():
    voxels = np.random.default_rng(0).uniform(1, 9, (6, 7, 8)).astype("float32")
    voxels[0] = -3.0
    return Scan(voxels, AFFINE, "sub-01_T1w.nii.gz", oriented=False)


# Tools write integers, scaled or not, and a header of their own: only where brain is counts.
INNER = """
    voxels[:2] = voxels[:, :3] = 0
    nibabel.save(nibabel.Nifti1Image((voxels * 100).astype("int16"), affine), brain)
"""


@pytest.mark.parametrize(
    ("name", "command", "rest"),
    [("hd-bet", "hd-bet", ["-device", "cpu", "--disable_tta"]), ("deepbet", "deepbet-cli", [])],
)
def test_brain_stays_as_it_was(name, command, rest, tool, scan, tmp_path):
    tool(command, INNER)
    stripped = strip_skull(scan, name)
    np.testing.assert_array_equal(stripped.voxels[2:, 3:], scan.voxels[2:, 3:])
    assert not stripped.voxels[:2].any()
    assert not stripped.voxels[:, :3].any()
    np.testing.assert_array_equal(stripped.affine, AFFINE)
    assert (stripped.path, stripped.oriented, stripped.voxels.dtype) == (scan.path, False, np.float32)
    option, given, other, written, *more = json.loads((tmp_path / "call.json").read_text())
    assert (option, other, more) == ("-i", "-o", rest)
    assert not any(Path(file).exists() for file in (given, written))  # its folder is gone


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("print('CUDA out of memory', file=sys.stderr); sys.exit(3)", "failed with exit status 3 .CUDA out of memory"),
        ("pass", "wrote no brain"),
        ("nibabel.save(nibabel.Nifti1Image(voxels * 0, affine), brain)", "unusable .every voxel is zero"),
        ("nibabel.save(nibabel.Nifti1Image(voxels[1:], affine), brain)", "on another grid"),
        ("nibabel.save(nibabel.Nifti1Image(voxels, affine @ np.diag([1, 1, -1, 1])), brain)", "on another grid"),
    ],
)
def test_a_tool_that_fails_is_one_line(body, told, tool, scan):
    tool("hd-bet", body)
    with pytest.raises(InputError, match=f"^sub-01_T1w.nii.gz: .*{told}") as error:
        strip_skull(scan, "hd-bet")
    assert "\n" not in str(error.value)


def test_an_absent_tool_is_told_before_any_scan_is_read(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(InputError, match=r"hd-bet is not installed.*pip install hd-bet$"):
        preparation(strip="hd-bet")
    with pytest.raises(InputError, match=r"unknown tool 'hdbet'.*Did you mean 'hd-bet'"):
        preparation(strip="hdbet")
    assert cli.main(["predict", "absent.nii.gz", "--strip", "deepbet"]) == 1
    assert "pip install deepbet" in capsys.readouterr().err


def test_predict_strips_each_scan_first(tool, head_file, small_preset):
    """What the model is given is the brain alone: as if the file had held nothing else."""
    import nibabel

    tool("deepbet-cli", "voxels[:40] = 0; nibabel.save(nibabel.Nifti1Image(voxels, affine), brain)")
    (told,) = predict_scans([head_file], small_preset, strip="deepbet")
    scan = read_scan(head_file)
    scan.voxels[:40] = 0
    by_hand = head_file.parent / "stripped.nii.gz"
    nibabel.save(nibabel.Nifti1Image(scan.voxels, scan.affine), by_hand)
    (expected,) = predict_scans([by_hand], small_preset)
    assert told["probabilities"] == expected["probabilities"]
    assert told["probabilities"] != predict_scans([head_file], small_preset)[0]["probabilities"]
    with_skull = replace(small_preset, volume=replace(small_preset.volume, brain_extracted=False))
    with pytest.raises(InputError, match="reads heads with their skulls"):
        predict_scans([head_file], with_skull, strip="deepbet")
    tool("deepbet-cli", "sys.exit('no brain found')")
    (failed,) = predict_scans([head_file], small_preset, strip="deepbet")
    assert "no brain found" in failed["error"]
