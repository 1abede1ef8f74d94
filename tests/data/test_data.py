import json
import os
import shutil
import subprocess
import sys

import keras
import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, VolumeContract, conform, make_dataset, read_bids, read_scan
from keras_neurovit.data import conform_all, default_cache
from tests.conftest import make_head

CONTRACT = VolumeContract((8.0, 8.0, 8.0), (24, 28, 24))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Seven people's heads, 4 mm, whose brightness tells them apart."""
    folder = tmp_path_factory.mktemp("study")
    head = make_head((40, 48, 36), 4.0)
    rows = ["participant_id\tsex"]
    for index in range(7):
        anat = folder / f"sub-{index}" / "anat"
        anat.mkdir(parents=True)
        voxels = head + 10 * index * (head > 120)
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), anat / f"sub-{index}_T1w.nii.gz")
        rows.append(f"sub-{index}\t{'FM'[index % 2]}")
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def cohort(study):
    return read_bids(study, "sex")


def volumes_of(dataset):
    return np.concatenate([np.asarray(batch[0]) for batch in dataset])


def test_batches_are_the_conformed_scans(cohort, tmp_path):
    dataset = make_dataset(cohort, CONTRACT, batch_size=3, cache=tmp_path, verbose=False)
    batches = [(np.asarray(v), np.asarray(t)) for v, t in dataset]
    assert [len(targets) for _, targets in batches] == [3, 3, 1]
    assert batches[0][0].dtype == np.float32
    assert batches[0][1].dtype == np.int32
    np.testing.assert_array_equal(np.concatenate([t for _, t in batches]), cohort.targets)
    expected = np.stack([conform(read_scan(path), CONTRACT) for path in cohort.paths])
    np.testing.assert_allclose(np.concatenate([v for v, _ in batches]), expected, atol=4e-3)  # float16 on disk


def test_shuffling_and_augmentation_repeat_with_the_seed_and_change_with_the_epoch(cohort, tmp_path):
    def epochs(seed):
        how = {"shuffle": True, "augmentation": "standard", "cache": tmp_path, "verbose": False}
        dataset = make_dataset(cohort, CONTRACT, batch_size=7, seed=seed, **how)
        return [volumes_of(dataset), volumes_of(dataset)]

    first, again, other = epochs(3), epochs(3), epochs(4)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert np.abs(first[0] - first[1]).max() > 0.1
    assert np.abs(first[0] - other[0]).max() > 0.1


def test_shuffled_batches_are_all_full_and_cover_everyone_in_time(cohort, tmp_path):
    dataset = make_dataset(cohort, CONTRACT, batch_size=3, shuffle=True, cache=tmp_path, verbose=False)
    seen = [volumes_of(dataset) for _ in range(6)]
    assert {len(volumes) for volumes in seen} == {6}
    assert len(np.unique(np.concatenate(seen).reshape(36, -1), axis=0)) == 7
    assert len(dataset) == 2


def test_weights_and_other_targets(cohort, tmp_path):
    weighted = make_dataset(cohort, CONTRACT, class_weights=cohort.class_weights(), cache=tmp_path, verbose=False)
    _, targets, weights = next(iter(weighted))
    np.testing.assert_allclose(np.asarray(weights), [cohort.class_weights()[int(t)] for t in np.asarray(targets)])
    ages = np.arange(7, dtype="float32")[:, None]
    _, targets = next(iter(make_dataset(cohort, CONTRACT, targets=ages, cache=tmp_path, verbose=False)))
    np.testing.assert_array_equal(np.asarray(targets), ages)
    with pytest.raises(InputError, match="a row for each of 7 scans"):
        make_dataset(cohort, CONTRACT, targets=ages[:3], cache=tmp_path, verbose=False)


def test_feeds_fit_on_this_backend(cohort, small_preset, tmp_path):
    from keras_neurovit import from_preset

    model = from_preset(small_preset)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    dataset = make_dataset(
        cohort, CONTRACT, shuffle=True, batch_size=2, augmentation="light", cache=tmp_path, verbose=False
    )
    assert np.isfinite(model.fit(dataset, epochs=2, verbose=0, shuffle=False).history["loss"]).all()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="started once, from TensorFlow")
def test_jax_gets_the_same_batches(cohort, study, tmp_path):
    code = (
        "import sys, numpy as np; from keras_neurovit import *; "
        "d = make_dataset(read_bids(sys.argv[1], 'sex'), VolumeContract((8., 8., 8.), (24, 28, 24)), batch_size=7, "
        "shuffle=True, augmentation='standard', seed=5, cache=sys.argv[2], verbose=False); "
        "np.save(sys.argv[3], np.concatenate([np.asarray(b[0]) for b in d]))"
    )
    call = [sys.executable, "-c", code, str(study), str(tmp_path / "c"), str(tmp_path / "jax.npy")]
    subprocess.run(call, check=True, env=os.environ | {"KERAS_BACKEND": "jax"}, capture_output=True)
    how = {"shuffle": True, "augmentation": "standard", "seed": 5, "cache": tmp_path / "c", "verbose": False}
    ours = volumes_of(make_dataset(cohort, CONTRACT, batch_size=7, **how))
    np.testing.assert_allclose(ours, np.load(tmp_path / "jax.npy"), atol=2e-3)


def test_cache_is_kept_and_never_stale(study, tmp_path):
    copy = shutil.copytree(study, tmp_path / "copy")
    paths = read_bids(copy, "sex").paths
    files = conform_all(paths, CONTRACT, cache=tmp_path / "cache", verbose=False)
    times = [file.stat().st_mtime_ns for file in files]
    assert conform_all(paths, CONTRACT, cache=tmp_path / "cache", verbose=False) == files
    assert [file.stat().st_mtime_ns for file in files] == times
    other = conform_all(paths, VolumeContract((8.0, 8.0, 8.0), (24, 28, 28)), cache=tmp_path / "cache", verbose=False)
    assert not set(files) & set(other)
    shutil.copy(paths[0], paths[1])  # the scan changes
    changed = conform_all(paths, CONTRACT, cache=tmp_path / "cache", verbose=False)
    assert [a == b for a, b in zip(files, changed, strict=True)] == [True, False] + [True] * 5
    assert not list((tmp_path / "cache").glob(".*"))


def test_a_bad_scan_is_named(cohort, study, tmp_path):
    copy = shutil.copytree(study, tmp_path / "copy")
    bad = copy / "sub-3" / "anat" / "sub-3_T1w.nii.gz"
    bad.write_bytes(bad.read_bytes()[:500])
    with pytest.raises(InputError, match=r"sub-3_T1w\.nii\.gz: truncated"):
        make_dataset(read_bids(copy, "sex"), CONTRACT, cache=tmp_path / "cache", verbose=False)
    with pytest.raises(InputError, match="no such file"):
        conform_all([tmp_path / "none.nii.gz"], CONTRACT, cache=tmp_path / "cache", verbose=False)


def test_a_cache_that_cannot_be_written(cohort, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cache cannot be written"):
        make_dataset(cohort, CONTRACT, cache=tmp_path / "file" / "cache", verbose=False)


def test_full_disk_leaves_no_half_volume(cohort, tmp_path, monkeypatch):
    def full(stream, volume):
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(InputError, match="No space left on device"):
        make_dataset(cohort, CONTRACT, cache=tmp_path / "cache", verbose=False)
    assert list((tmp_path / "cache").iterdir()) == []


def test_unusable_arguments(cohort, tmp_path):
    with pytest.raises(InputError, match="empty"):
        make_dataset(cohort.subset([]), CONTRACT, cache=tmp_path)
    with pytest.raises(InputError, match="batch_size"):
        make_dataset(cohort, CONTRACT, batch_size=0, cache=tmp_path)
    with pytest.raises(InputError, match="augmentation policy"):
        make_dataset(cohort, CONTRACT, augmentation="heavy", cache=tmp_path)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_NEUROVIT_CACHE", raising=False)
    assert default_cache() == tmp_path / "keras_neurovit"
    monkeypatch.setenv("KERAS_NEUROVIT_CACHE", str(tmp_path / "mine"))
    assert default_cache() == tmp_path / "mine"


def test_importing_the_package_imports_no_backend():
    code = (
        "import keras_neurovit, sys, json; "
        "print(json.dumps([m for m in ('keras', 'tensorflow', 'jax') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == []


def test_models_need_no_tensorflow():
    code = (
        "import sys; from keras_neurovit import layers, models, presets, augmentation, volumes, cohorts; "
        "presets.from_preset('vit3d_tiny', num_classes=2, load_weights=False); "
        "assert not any(m.startswith('tensorflow') for m in sys.modules), 'tensorflow was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"KERAS_BACKEND": "jax"})
