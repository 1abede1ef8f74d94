"""People on two sides, scans under two names, people a preset knows."""

import json
import shutil

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, cli, load_preset, read_scan
from keras_neurovit.leaks import Side, find_leaks, read_side
from keras_neurovit.presets import know, known_people, save_people
from keras_neurovit.volumes.likeness import ALIKE, bits_of, scan_hash, unlikeness


def apart(one: bytes, other: bytes, mirrored=False) -> float:
    return float(unlikeness(bits_of([one]), bits_of([other], mirrored))[0, 0])


def altered(file, rng):
    """Copies of a scan as they come about: another order of axes, units, size of voxel, field of view, noise."""
    from scipy import ndimage

    image = nibabel.load(file)
    voxels, affine = np.asarray(image.dataobj, "float32"), image.affine
    small = ndimage.zoom(voxels, 1 / 1.4, order=1)
    wider = affine @ np.diag([*np.array(voxels.shape) / np.array(small.shape), 1.0])
    uneven = np.linspace(0.85, 1.15, voxels.shape[1], dtype="float32")[None, :, None]
    yield "stored LPI", nibabel.Nifti1Image(voxels, affine).as_reoriented([[0, -1], [1, -1], [2, 1]])
    yield "other units", nibabel.Nifti1Image(voxels * 3.7, affine)
    yield "resampled", nibabel.Nifti1Image(small, wider)
    yield "noise", nibabel.Nifti1Image(voxels + (voxels > 0) * rng.normal(0, 8, voxels.shape).astype("float32"), affine)
    yield "uneven", nibabel.Nifti1Image(voxels * uneven, affine)


def test_real_people_are_told_apart_and_copies_found(shared_data, tmp_path):
    files = sorted((shared_data / "ds002748").glob("sub-*/anat/*_T1w.nii*"))[:8]
    hashes = [scan_hash(read_scan(file)) for file in files]
    distances = unlikeness(bits_of(hashes), bits_of(hashes))[np.triu_indices(8, 1)]
    assert distances.min() > 2 * ALIKE
    mirrored = unlikeness(bits_of(hashes), bits_of(hashes, mirrored=True))
    assert mirrored[~np.eye(8, dtype=bool)].min() > 2 * ALIKE
    assert mirrored.min() > 1.5 * ALIKE  # nobody is symmetric enough to be taken for their own mirror image
    rng = np.random.default_rng(0)
    for name, image in altered(files[0], rng):
        nibabel.save(image, tmp_path / "copy.nii.gz")
        assert apart(scan_hash(read_scan(tmp_path / "copy.nii.gz")), hashes[0]) < ALIKE / 2, name
    image = nibabel.load(files[1])
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj)[::-1], image.affine), tmp_path / "m.nii.gz")
    mirror = scan_hash(read_scan(tmp_path / "m.nii.gz"))
    assert apart(mirror, hashes[1]) > 2 * ALIKE
    assert apart(mirror, hashes[1], mirrored=True) < ALIKE


@pytest.fixture
def study(head, tmp_path):
    """Two tables of scans: test person c is train person b under another name, resampled."""
    from scipy import ndimage

    rng = np.random.default_rng(1)
    heads = {}
    for name in "abd":
        bumps = ndimage.gaussian_filter(rng.normal(size=head.shape), 8).astype("float32")
        heads[name] = np.clip(head * (1 + 12 * bumps), 0, None)
    heads["c"] = heads["b"] * 2
    for name, voxels in heads.items():
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / f"{name}.nii.gz")
    for side, people in {"train": "ab", "test": "cd"}.items():
        rows = "\n".join(f"sub-{name},{name}.nii.gz" for name in people)
        (tmp_path / f"{side}.csv").write_text("participant_id,path\n" + rows)
    return tmp_path


def test_a_scan_under_another_name(study, capsys):
    sides = {name: read_side(study / f"{name}.csv") for name in ("train", "test")}
    assert find_leaks(sides, scans=False) == []
    (leak,) = find_leaks(sides)
    assert (leak.one, leak.other, leak.kind) == ("train", "test", "scan")
    assert (leak.who[-8:], leak.whom[-8:]) == ("b.nii.gz", "c.nii.gz")
    command = ["leaks", "--train", str(study / "train.csv"), "--test", str(study / "test.csv")]
    assert cli.main(command) == 1
    assert "b.nii.gz = " in capsys.readouterr().out
    assert cli.main([*command, "--ids-only"]) == 0
    assert "no leak found among 2 of train, 2 of test" in capsys.readouterr().out
    both = {"train": Side((*sides["train"].people, "c"), (*sides["train"].paths, study / "c.nii.gz"))}
    assert [leak.one for leak in find_leaks(both)] == ["train"]  # one person under two names
    known = know(["x"], "old study", [scan_hash(read_scan(study / "d.nii.gz"))])
    assert [(leak.kind, leak.other) for leak in find_leaks({"test": sides["test"]}, [known])] == [("scan", "old study")]


def test_people_of_a_preset(small_preset, tmp_path, capsys):
    folder = shutil.copytree(small_preset.folder, tmp_path / "preset")
    assert known_people(load_preset(folder)) == []
    save_people(folder, [know(["sub-1", "sub-2"], "first study"), know(["7"], "second study")])
    text = (folder / "people.json").read_text()
    assert "sub-1" not in text
    salts = {group.salt for group in known_people(load_preset(folder))}
    assert len(salts) == 2
    for side, people in {"train": (1, 3), "test": (2, 4, 7)}.items():
        (tmp_path / f"{side}.csv").write_text("participant_id\n" + "\n".join(f"sub-{p}" for p in people))
    command = ["leaks", "--preset", str(folder), "--json"]
    assert cli.main([*command, "--train", str(tmp_path / "train.csv"), "--test", str(tmp_path / "test.csv")]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(leak["one"], leak["other"], leak["who"]) for leak in found] == [
        ("test", "first study", "2"),
        ("test", "second study", "7"),
    ]
    (tmp_path / "p.csv").write_text("participant_id,target,probability\n2,0,.2\n9,1,.7\n10,0,.1\n")
    evaluate = ["evaluate", "--predictions", str(tmp_path / "p.csv"), "--preset", str(folder), "--draws", "50"]
    assert cli.main(evaluate) == 1
    assert "the model knows 1 person from" in capsys.readouterr().err
    assert cli.main([*evaluate, "--force"]) == 0
    assert "LEAKED: 1 of 3 people" in capsys.readouterr().out
    (folder / "people.json").write_text("{}[")
    assert cli.main(evaluate) == 1
    assert "people.json: is not the file that SHA256SUMS lists" in capsys.readouterr().err


def test_sides_that_cannot_be_read(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("participant_id\n")
    with pytest.raises(InputError, match="names nobody"):
        read_side(tmp_path / "t.csv")
    with pytest.raises(InputError, match="holds no T1w scan"):
        read_side(tmp_path)
    assert cli.main(["leaks"]) == 1
    assert "nothing to compare" in capsys.readouterr().err
