import csv
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from keras_neurovit import InputError, cli, list_presets, predict_scans
from keras_neurovit.data.storage import size_bytes
from keras_neurovit.predict import find_scans


@pytest.fixture
def scans(head_file, tmp_path):
    """A good scan, a truncated one, and one that is missing."""
    good, bad = tmp_path / "good.nii.gz", tmp_path / "bad.nii.gz"
    shutil.copy(head_file, good)
    bad.write_bytes(head_file.read_bytes()[:1000])
    return [good, bad, tmp_path / "missing.nii.gz"]


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = cli.main([str(a) for a in arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_one_bad_file_among_many(scans, capsys):
    status, out, err = run(capsys, "predict", *scans, "--preset", "vit3d_ad", "--json")
    good, bad, missing = json.loads(out)
    assert status == 1
    assert set(good) == {"path", "probabilities", "warnings"}
    assert set(good["probabilities"]) == {"CN", "AD"}
    assert sum(good["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert "truncated" in bad["error"]
    assert "no such file" in missing["error"]
    assert bad["path"] == str(scans[1])
    assert err == ""


def test_table_csv_and_exit_status(scans, capsys):
    status, out, err = run(capsys, "predict", *scans)
    assert status == 1
    assert "good.nii.gz" in out
    assert "no medical device" in err
    assert err.count("error:") == 2
    status, out, _ = run(capsys, "predict", scans[0])
    assert status == 0
    status, out, _ = run(capsys, "predict", *scans, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["path"] for row in rows] == [str(scan) for scan in scans]
    assert float(rows[0]["CN"]) + float(rows[0]["AD"]) == pytest.approx(1, abs=1e-5)
    assert rows[1]["AD"] == ""
    assert "truncated" in rows[1]["error"]


def test_folders_and_bids_roots(head_file, tmp_path):
    bids = tmp_path / "bids"
    for name in ("sub-01/anat/sub-01_T1w", "sub-02/ses-1/anat/sub-02_ses-1_T1w", "sub-01/anat/sub-01_T2w"):
        (bids / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(head_file, bids / f"{name}.nii.gz")
    assert len(find_scans([bids])) == 3
    (bids / "participants.tsv").write_text("participant_id\n")
    assert [file.name for file in find_scans([bids])] == ["sub-01_T1w.nii.gz", "sub-02_ses-1_T1w.nii.gz"]
    assert len(find_scans([bids, bids / "sub-01/anat/sub-01_T1w.nii.gz"])) == 2
    (bids / "sub-01/anat/._sub-01_T1w.nii.gz").write_bytes(b"left by another system")
    assert len(find_scans([bids])) == 2


def test_an_empty_folder_among_many(scans, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    status, out, _ = run(capsys, "predict", scans[0], tmp_path / "empty", "--json")
    good, empty = json.loads(out)
    assert status == 1
    assert "probabilities" in good
    assert "a folder without any" in empty["error"]


def test_brackets_in_a_path_are_printed(head_file, tmp_path, capsys):
    folder = tmp_path / "study[a] x[old]"
    folder.mkdir()
    shutil.copy(head_file, folder / "s.nii.gz")
    assert "study[a] x[old]" in run(capsys, "predict", folder)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo-cohort", "FILE"),
        ("train", "FILE", "--target", "sex", "--out", "x"),
        ("verify", "nothing"),
        ("train", "nowhere", "--target", "sex", "--out", "x"),
    ],
)
def test_one_line_for_what_cannot_be_done(arguments, tmp_path, capsys):
    (tmp_path / "FILE").write_text("no table")
    status, _, err = run(capsys, *(tmp_path / a if a in ("FILE", "nowhere", "x") else a for a in arguments))
    assert status == 1
    assert err.startswith("keras-neurovit: ")
    assert err.count("\n") == 1


def test_a_wrong_call_is_status_2(capsys):
    for arguments in ((), ("demo-cohort", "x", "--seed", "-1"), ("predict",)):
        with pytest.raises(SystemExit, match="2"):
            cli.main(list(arguments))
        capsys.readouterr()


def test_warnings_are_told(head_file, tmp_path):
    image = nibabel.load(head_file)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata(), np.diag([1.6, 1.6, 1.6, 1])), tmp_path / "large.nii.gz")
    assert "more than a brain" in predict_scans([tmp_path / "large.nii.gz"])[0]["warnings"][0]


def test_presets_without_labels_or_unknown(scans, capsys):
    with pytest.raises(InputError, match="no labels"):
        predict_scans(scans, "vit3d_tiny")
    status, _, err = run(capsys, "predict", scans[0], "--preset", "vit3d_add")
    assert status == 1
    assert "Did you mean 'vit3d_ad'?" in err
    assert "Traceback" not in err


def test_list_of_presets(capsys):
    status, out, _ = run(capsys, "presets")
    assert status == 0
    assert all(name in out for name in list_presets())
    assert [p["name"] for p in json.loads(run(capsys, "presets", "--json")[1])] == list_presets()


def test_prepare(scans, tmp_path, capsys):
    cache = tmp_path / "cache"
    status, _, err = run(capsys, "prepare", *scans, "--out", cache)
    assert status == 1
    assert "bad.nii.gz: truncated" in err or "missing.nii.gz: no such file" in err
    status, out, err = run(capsys, "prepare", *scans, "--out", cache, "--skip", "--storage", "uint8")
    assert status == 1
    assert out == "1 volumes are ready\n"
    assert "skipped 2 of 3 scans" in err
    status, out, err = run(capsys, "prepare", scans[0], "--out", cache, "--storage", "uint8")
    assert (status, out, err) == (0, "1 volumes are ready\n", "")


def test_prepare_for_another_grid_and_by_content(scans, tmp_path, capsys):
    cache = tmp_path / "cache"
    how = ("--volume-shape", 24, 28, 24, "--spacing-mm", 8, "--hashed", "--out", cache)
    assert run(capsys, "prepare", scans[0], *how)[0] == 0
    (file,) = cache.iterdir()
    assert file.stat().st_size == size_bytes((24, 28, 24), "float16")
    moved = shutil.copy(scans[0], tmp_path / "moved.nii.gz")
    assert run(capsys, "prepare", moved, *how)[0] == 0
    assert list(cache.iterdir()) == [file]


def test_prepare_from_a_table(scans, tmp_path, capsys):
    (tmp_path / "scans.csv").write_text("file,who\ngood.nii.gz,1\n")
    arguments = ("prepare", tmp_path / "scans.csv", "--out", tmp_path / "cache")
    assert run(capsys, *arguments)[0] == 1  # no column `path`
    status, out, _ = run(capsys, *arguments, "--path-column", "file")
    assert (status, out) == (0, "1 volumes are ready\n")


def test_show(head_file, tmp_path, capsys, monkeypatch):
    picture = tmp_path / "sheet.png"
    status, out, _ = run(capsys, "show", head_file, "--policy", "strong", "--out", picture)
    assert (status, out) == (0, f"{picture}\n")
    assert picture.read_bytes()[:4] == b"\x89PNG"
    monkeypatch.setattr("keras_neurovit.show.slices_figure", lambda path, shown, **how: print([*shown]))
    drawn = [f"standard, draw {number}" for number in range(1, 9)]
    assert run(capsys, "show", head_file)[1].startswith(str(["scan", "conformed", *drawn]))
    status, _, err = run(capsys, "show", head_file, "--policy", "strng", "--out", picture)
    assert status == 1
    assert "Did you mean 'strong'?" in err


def test_verify(capsys, small_preset):
    status, out, _ = run(capsys, "verify", "vit3d_ad", small_preset.folder)
    assert status == 0
    assert out.count("agrees") == 2


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom keras_neurovit import cli\n"
        "try: cli.main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'keras', 'numpy', 'nibabel', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "predict" in done.stdout


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_published_logits(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is optional, and not installed")
    call = [sys.executable, "-m", "keras_neurovit.cli", "verify", "vit3d_ad"]
    done = subprocess.run(call, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"on {backend}: agrees" in done.stdout


def _store(voxels, affine, axes, file):
    """The same head with its axes in another order, and the affine that says so."""
    change = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(tuple(axes))
    )
    turned = nibabel.orientations.apply_orientation(voxels, change)
    turned_affine = affine @ nibabel.orientations.inv_ornt_aff(change, voxels.shape)
    assert nibabel.aff2axcodes(turned_affine) == tuple(axes)
    nibabel.save(nibabel.Nifti1Image(turned, turned_affine), file)
    return file


def _ad(paths) -> np.ndarray:
    """P(AD) of each; and their logits lie together too, so that a saturated probability hides nothing."""
    probabilities = np.array([result["probabilities"]["AD"] for result in predict_scans(paths, "vit3d_ad")])
    assert np.ptp(np.log(probabilities / (1 - probabilities))) < 0.25
    return probabilities


def _template():
    pytest.importorskip("nilearn", reason="the template comes with nilearn")
    from keras_neurovit.synthesis import icbm152_t1

    image = nibabel.load(icbm152_t1())
    return np.asarray(image.dataobj, dtype="float32"), image.affine


def test_orientation_on_disk_does_not_change_the_probability(tmp_path):
    voxels, affine = _template()
    files = [_store(voxels, affine, axes, tmp_path / f"{axes}.nii.gz") for axes in ("RAS", "LAS", "LPI", "PSR")]
    assert np.ptp(_ad(files)) < 0.02


def test_voxel_size_on_disk_does_not_change_the_probability(tmp_path):
    voxels, affine = _template()
    files = [_store(voxels, affine, "RAS", tmp_path / "1.nii.gz")]
    for spacing in ((0.8, 0.8, 0.8), (1.2, 1.2, 1.2), (1.0, 1.0, 1.5)):
        shape = [round(n / s) for n, s in zip(voxels.shape, spacing, strict=True)]
        zoom = np.divide(shape, voxels.shape)
        zoomed = ndimage.zoom(voxels, zoom, order=1, grid_mode=True, mode="nearest")
        scaled = affine @ np.diag([*(1 / zoom), 1.0])
        scaled[:3, 3] += affine[:3, :3] @ ((1 / zoom - 1) / 2)
        nibabel.save(nibabel.Nifti1Image(zoomed, scaled), tmp_path / f"{spacing}.nii.gz")
        files.append(tmp_path / f"{spacing}.nii.gz")
    assert np.ptp(_ad(files)) < 0.02, _ad(files)


@pytest.mark.parametrize("number", ["01", "02", "03", "04"])
def test_a_real_scan_and_its_1_mm_twin_get_the_same_probability(shared_data, number):
    name = f"sub-{number}/anat/sub-{number}_T1w.nii.gz"
    assert np.ptp(_ad([shared_data / "ds002748_raw" / name, shared_data / "ds002748" / name])) < 0.05
