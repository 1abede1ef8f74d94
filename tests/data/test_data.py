import dataclasses
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import keras
import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, VolumeContract, conform, make_dataset, read_bids, read_scan
from keras_neurovit.augmentation import CutMix3D, MixUp3D
from keras_neurovit.data import conform_all, default_cache
from keras_neurovit.data.sampling import draw
from keras_neurovit.data.storage import decode, encode, size_bytes
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
    assert dataset.options().autotune.enabled is False  # see data/ahead.py
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


def test_volumes_of_other_code_are_not_read(cohort, tmp_path, monkeypatch):
    files = conform_all(cohort.paths, CONTRACT, cache=tmp_path, verbose=False)
    monkeypatch.setattr("keras_neurovit.data.cache.CODE_VERSION", -1)
    assert not set(files) & set(conform_all(cohort.paths, CONTRACT, cache=tmp_path, verbose=False))


def test_a_volume_is_known_whether_skulls_are_off(cohort, tmp_path):
    skulls = dataclasses.replace(CONTRACT, brain_extracted=False)
    files = [conform_all(cohort.paths, one, cache=tmp_path, verbose=False) for one in (CONTRACT, skulls)]
    assert files[0] == files[1]  # the voxels are the same: `prepare` need not know what `train` will be told


@pytest.mark.parametrize("storage", ["float16", "uint8"])
def test_a_volume_that_lost_its_end_is_made_anew(cohort, tmp_path, storage):
    how = {"cache": tmp_path, "storage": storage, "verbose": False}
    expected = volumes_of(make_dataset(cohort, CONTRACT, **how))
    whole, cut, empty, *_ = sorted(tmp_path.glob("*.npy"))
    written = whole.stat().st_mtime_ns
    cut.write_bytes(cut.read_bytes()[:1000])
    empty.write_bytes(b"")
    np.testing.assert_array_equal(volumes_of(make_dataset(cohort, CONTRACT, **how)), expected)
    assert whole.stat().st_mtime_ns == written


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="started once, from TensorFlow")
def test_a_killed_process_leaves_no_half_volume(study, cohort, tmp_path):
    code = (
        "import os, pathlib, signal, sys; from keras_neurovit import *; from keras_neurovit.data import conform_all\n"
        "def cut(path, content):\n"
        "    with path.open('wb') as stream: stream.write(content[:1000])\n"
        "    if len([*path.parent.glob('[!.]*')]) > 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    with path.open('wb') as stream: stream.write(content)\n"
        "pathlib.Path.write_bytes = cut\n"
        "contract = VolumeContract((8., 8., 8.), (24, 28, 24))\n"
        "conform_all(read_bids(sys.argv[1], 'sex').paths, contract, cache=sys.argv[2], workers=1)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(study), str(tmp_path)], stderr=subprocess.DEVNULL)
    assert done.returncode == -signal.SIGKILL
    sizes = [file.stat().st_size for file in tmp_path.glob("[!.]*")]
    assert sizes == [size_bytes(CONTRACT.shape, "float16")] * 3
    (begun,) = tmp_path.glob(".*")
    os.utime(begun, (0, 0))  # long ago
    expected = np.stack([conform(read_scan(path), CONTRACT) for path in cohort.paths])
    found = volumes_of(make_dataset(cohort, CONTRACT, cache=tmp_path, verbose=False))
    np.testing.assert_allclose(found, expected, atol=4e-3)
    assert not begun.exists()


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


def test_a_read_only_disk(cohort, tmp_path, monkeypatch):
    def refuse(path, content):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(pathlib.Path, "write_bytes", refuse)
    with pytest.raises(InputError, match=r"Read-only file system.*give another folder"):
        make_dataset(cohort, CONTRACT, cache=tmp_path, verbose=False)


def test_full_disk_leaves_no_half_volume(cohort, tmp_path, monkeypatch):
    def full(path, content):
        with path.open("wb") as stream:
            stream.write(content[:4])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_bytes", full)
    for on_error in ("raise", "skip"):  # a full disk is no scan's fault
        with pytest.raises(InputError, match="No space left on device"):
            make_dataset(cohort, CONTRACT, cache=tmp_path / "cache", on_error=on_error, verbose=False)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_byte_a_voxel(cohort, tmp_path):
    exact = volumes_of(make_dataset(cohort, CONTRACT, cache=tmp_path, verbose=False))
    coarse = volumes_of(make_dataset(cohort, CONTRACT, cache=tmp_path, storage="uint8", verbose=False))
    span = exact.max(axis=(1, 2, 3, 4)) - exact.min(axis=(1, 2, 3, 4))
    assert (np.abs(coarse - exact).max(axis=(1, 2, 3, 4)) <= span / 255 * 0.51 + 2e-3).all()
    sizes = sorted({file.stat().st_size for file in tmp_path.iterdir()})
    assert sizes == [size_bytes(CONTRACT.shape, storage) for storage in ("uint8", "float16")]
    even = np.full((4, 5, 6, 1), 3.5, "float32")
    np.testing.assert_array_equal(np.asarray(decode(encode(even, "uint8"), even.shape, "uint8")), even)


def test_bad_scans_are_skipped_once_and_counted(study, tmp_path, capsys):
    copy = shutil.copytree(study, tmp_path / "copy")
    bad = copy / "sub-3" / "anat" / "sub-3_T1w.nii.gz"
    bad.write_bytes(bad.read_bytes()[:500])
    cohort = read_bids(copy, "sex")
    dataset = make_dataset(cohort, CONTRACT, cache=tmp_path / "cache", on_error="skip", verbose=False)
    told = capsys.readouterr().err
    assert told.count("sub-3_T1w.nii.gz") == 1
    assert "skipped 1 of 7 scans" in told
    labels = np.concatenate([np.asarray(batch[1]) for batch in dataset])
    np.testing.assert_array_equal(labels, np.delete(cohort.targets, 3))
    paths = [*cohort.paths, tmp_path / "none.nii.gz"]
    files = conform_all(paths, CONTRACT, cache=tmp_path / "cache", on_error="skip", verbose=False)
    assert [file is None for file in files] == [False] * 3 + [True] + [False] * 3 + [True]
    for path in cohort.paths:
        path.write_bytes(b"")
    with pytest.raises(InputError, match="no scan of the cohort can be read"):
        make_dataset(cohort, CONTRACT, cache=tmp_path / "cache", on_error="skip", verbose=False)


def test_two_names_of_one_bad_scan(tmp_path):
    bad, link = tmp_path / "bad.nii.gz", tmp_path / "link.nii.gz"
    bad.write_bytes(b"no scan")
    link.symlink_to(bad)
    for hashed in (False, True):
        how = {"cache": tmp_path / "cache", "on_error": "skip", "hashed": hashed, "verbose": False}
        assert conform_all([bad, link], CONTRACT, **how) == [None, None]


@pytest.mark.parametrize("mixing", [MixUp3D, CutMix3D])
def test_mixed_batches(cohort, tmp_path, mixing):
    how = {"batch_size": 7, "cache": tmp_path, "seed": 2, "verbose": False}
    (volumes, shares), *_ = make_dataset(cohort, CONTRACT, mixing=mixing(1.0, rate=1.0), **how)
    assert np.asarray(volumes).shape == (7, *CONTRACT.shape, 1)
    np.testing.assert_allclose(np.asarray(shares).sum(axis=1), 1, atol=1e-5)
    assert ((np.asarray(shares) > 0.01) & (np.asarray(shares) < 0.99)).any()
    with pytest.raises(InputError, match="sampling='classes'"):
        make_dataset(cohort, CONTRACT, mixing=mixing(), class_weights=cohort.class_weights(), **how)


def test_views_of_a_scan_stand_side_by_side(cohort, tmp_path):
    how = {"batch_size": 6, "views": 2, "cache": tmp_path, "seed": 2, "verbose": False}
    dataset = make_dataset(cohort, CONTRACT, shuffle=True, augmentation="light", **how)
    batches = [(np.asarray(volumes), np.asarray(people)) for volumes, people in dataset]
    assert [volumes.shape for volumes, _ in batches] == [(6, *CONTRACT.shape, 1)] * 2
    plain = volumes_of(make_dataset(cohort, CONTRACT, cache=tmp_path, verbose=False))
    for volumes, people in batches:
        np.testing.assert_array_equal(people[::2], people[1::2])
        assert len(set(people.tolist())) == 3
        one, other = volumes[::2], volumes[1::2]
        assert all(np.abs(a - b).max() > 0.05 for a, b in zip(one, other, strict=True))
        for volume, person in zip(volumes, people, strict=True):
            away = np.abs(plain - volume).mean(axis=(1, 2, 3, 4))
            assert away[person] < 0.3
    same = [np.asarray(volumes) for volumes, _ in make_dataset(cohort, CONTRACT, **how)]
    np.testing.assert_array_equal(same[0][::2], same[0][1::2])  # nothing is augmented
    for bad in ({"views": 4}, {"views": 0}, {"class_weights": cohort.class_weights()}):
        with pytest.raises(InputError, match="views"):
            make_dataset(cohort, CONTRACT, **(how | bad))


def test_errors_of_layers_are_our_own(cohort, tmp_path):
    with pytest.raises(InputError, match="fold"):
        make_dataset(cohort, CONTRACT, augmentation="strong", cache=tmp_path, verbose=False)


def test_a_hashed_scan_is_known_again(study, tmp_path):
    one, other = read_bids(study, "sex").paths[0], tmp_path / "elsewhere.nii.gz"
    shutil.copy(one, other)
    how = {"cache": tmp_path / "cache", "hashed": True, "verbose": False}
    assert conform_all([one], CONTRACT, **how) == conform_all([other], CONTRACT, **how)
    other.write_bytes(read_bids(study, "sex").paths[1].read_bytes())
    assert conform_all([one], CONTRACT, **how) != conform_all([other], CONTRACT, **how)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="started once, from TensorFlow")
def test_two_processes_fill_one_cache(study, cohort, tmp_path):
    code = (
        "import sys; from keras_neurovit import *; from keras_neurovit.data import conform_all; "
        "contract = VolumeContract((8., 8., 8.), (24, 28, 24)); "
        "conform_all(read_bids(sys.argv[1], 'sex').paths, contract, cache=sys.argv[2])"
    )
    call = [sys.executable, "-c", code, str(study), str(tmp_path)]
    both = [subprocess.Popen(call, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert len(list(tmp_path.iterdir())) == 7
    expected = np.stack([conform(read_scan(path), CONTRACT) for path in cohort.paths])
    found = volumes_of(make_dataset(cohort, CONTRACT, cache=tmp_path, verbose=False))
    np.testing.assert_allclose(found, expected, atol=4e-3)


def test_the_room_is_told_beforehand(cohort, tmp_path, capsys):
    conform_all(cohort.paths, CONTRACT, cache=tmp_path, workers=1)
    told = capsys.readouterr().err.replace("\n", "")
    assert "7 scans to conform, 226.7 kB in" in told
    conform_all(cohort.paths, CONTRACT, cache=tmp_path)
    assert "to conform" not in capsys.readouterr().err


def test_epochs_of_people_and_of_classes():
    people, labels = np.array(["a", "a", "a", "b", "c", "c"]), np.array([0, 0, 0, 0, 1, 1])
    random = np.random.default_rng(0)
    each = np.array([draw(people, labels, "people", random) for _ in range(200)])
    assert all(sorted(people[row]) == ["a", "b", "c"] for row in each)
    assert set(each.ravel()) == set(range(6))
    even = np.array([draw(people, labels, "classes", random) for _ in range(20)])
    assert even.shape == (20, 8)
    assert (labels[even].sum(axis=1) == 4).all()
    assert set(draw(people, labels, "scans", random)) == set(range(6))


def test_class_balanced_batches(cohort, tmp_path):
    rare = cohort.subset([0, 1, 2, 4, 6])  # one F against four M, or the reverse
    dataset = make_dataset(
        rare, CONTRACT, shuffle=True, sampling="classes", batch_size=8, cache=tmp_path, verbose=False
    )
    (_, labels), *_ = dataset
    assert np.bincount(np.asarray(labels)).tolist() == [4, 4]
    with pytest.raises(InputError, match="shuffle=True"):
        make_dataset(cohort, CONTRACT, sampling="people", cache=tmp_path)


def test_unusable_arguments(cohort, tmp_path):
    with pytest.raises(InputError, match="empty"):
        make_dataset(cohort.subset([]), CONTRACT, cache=tmp_path)
    with pytest.raises(InputError, match="batch_size"):
        make_dataset(cohort, CONTRACT, batch_size=0, cache=tmp_path)
    with pytest.raises(InputError, match="augmentation policy"):
        make_dataset(cohort, CONTRACT, augmentation="heavy", cache=tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        {"augmentation": None},
        {"augmentation": ["light"]},
        {"mixing": "mixup"},
        {"class_weights": {0: 1.0}},
        {"seed": -1},
        {"seed": None},
        {"shard": 3},
        {"targets": np.array(list("abcdefg"))},
    ],
    ids=lambda arguments: "-".join(map(str, arguments)),
)
def test_arguments_of_another_kind(cohort, tmp_path, arguments):
    with pytest.raises(InputError, match=f"{next(iter(arguments))} .*(expected|number)"):
        make_dataset(cohort, CONTRACT, cache=tmp_path, **arguments)


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


def test_a_dataset_names_its_scans_and_goes_on_at_an_epoch(cohort, tmp_path):
    how = {"shuffle": True, "batch_size": 2, "augmentation": "light", "seed": 4, "cache": tmp_path, "verbose": False}
    dataset = make_dataset(cohort, CONTRACT, **how)
    assert dataset.labels.tolist() == cohort.targets.tolist()
    passes = [volumes_of(dataset) for _ in range(3)]
    again = make_dataset(cohort, CONTRACT, **how)
    again.start_epoch(2)
    np.testing.assert_array_equal(volumes_of(again), passes[2])
    plain = make_dataset(cohort, CONTRACT, **how | {"augmentation": "none"})
    for epoch in range(2):
        for step, (batch, _) in enumerate(plain):
            expected = np.stack([conform(read_scan(path), CONTRACT) for path in plain.scans_of(epoch, step)])
            np.testing.assert_allclose(np.asarray(batch), expected, atol=4e-3)


def test_a_batch_larger_than_the_cohort_is_refused(cohort, tmp_path):
    how = {"batch_size": 8, "cache": tmp_path, "verbose": False}
    with pytest.raises(InputError, match=r"larger than an epoch \(expected 7 or less, received 8\)"):
        make_dataset(cohort, CONTRACT, shuffle=True, **how)
    assert len(make_dataset(cohort, CONTRACT, **how)) == 1


def test_targets_are_used_where_they_are_known_and_counted(cohort, tmp_path, capsys):
    how = {"cache": tmp_path, "verbose": False}
    targets = np.array([[61, 1], [np.nan, 2], [np.nan, np.nan], [64, 4], [65, 5], [66, 6], [67, 7]])
    dataset = make_dataset(cohort, CONTRACT, targets=targets, **how)
    ((volumes, told),) = list(dataset)
    np.testing.assert_array_equal(np.asarray(told), targets[[0, 1, 3, 4, 5, 6]])
    assert len(volumes) == 6
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("1 of 7 scans have no target and are left out")
    assert lines[1].endswith("of 6 scans, targets are known of 5, 6")
    assert dataset.scans_of(0, 0) == [str(cohort.paths[index]) for index in (0, 1, 3, 4, 5, 6)]
    with pytest.raises(InputError, match="no scan has a target"):
        make_dataset(cohort, CONTRACT, targets=np.full(7, np.nan), **how)


def test_workers_share_a_cohort_out(cohort, tmp_path):
    how = {"shuffle": True, "batch_size": 1, "cache": tmp_path, "verbose": False}
    workers = [make_dataset(cohort, CONTRACT, shard=(worker, 2), **how) for worker in range(2)]
    assert [len(dataset) for dataset in workers] == [3, 3]  # of 4 and 3 scans: no worker waits for the other
    seen = [{scan for epoch in range(20) for step in range(3) for scan in d.scans_of(epoch, step)} for d in workers]
    assert [len(scans) for scans in seen] == [4, 3]
    assert seen[0] | seen[1] == {str(path) for path in cohort.paths}
    for worker in workers:  # so that classes are balanced alike by all
        np.testing.assert_array_equal(worker.labels, cohort.targets)
    with pytest.raises(InputError, match="shard is unusable"):
        make_dataset(cohort, CONTRACT, shard=(2, 2), **how)
    with pytest.raises(InputError, match="shards are for training"):
        make_dataset(cohort, CONTRACT, shard=(0, 2), cache=tmp_path, verbose=False)
