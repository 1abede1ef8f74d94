"""From a file on disk into `model.fit`: conforming against peers, the second epoch, training, memory.

Conforming is measured in core-seconds, on one 1 mm head of 176×256×256 voxels, int16, compressed.
"""

from __future__ import annotations

import gc
import resource
import tempfile
import time
from pathlib import Path

import deflate
import keras
import nibabel
import numpy as np
import tensorflow as tf
from scipy import ndimage

from benchmarks import peers
from benchmarks.timing import alike, alternate, milliseconds, one_thread, ratios
from keras_neurovit import VolumeContract, conform, from_preset, load_preset, make_dataset, read_scan, training
from keras_neurovit._memory import keep_freed_memory
from keras_neurovit.cohorts import Cohort, read_csv
from keras_neurovit.data.ahead import untuned
from keras_neurovit.synthesis import icbm152_t1

CONTRACT = VolumeContract((2.0, 2.0, 2.0), (96, 96, 96))
HEAD = (176, 256, 256)


def head(folder: Path) -> Path:
    """The ICBM152 brain on the grid of a scanner, int16, with a scanner's noise also in the air."""
    voxels = nibabel.load(icbm152_t1()).get_fdata(dtype="float32")
    voxels = ndimage.zoom(voxels, np.divide(HEAD, voxels.shape), order=1)
    noise = np.random.default_rng(0).normal(0, 0.01 * voxels.max(), voxels.shape)
    voxels = (1000 / voxels.max() * np.abs(voxels + noise)).astype("int16")
    file = folder / "sub-01_T1w.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), file)
    return file


def conforming(file: Path, rounds: int) -> dict:
    keep_freed_memory()  # as `conform_all` does; it is for peers too
    works = {"ours": lambda: conform(read_scan(file, as_stored=True), CONTRACT), **peers.conforming(file)}
    volumes = {name: work() for name, work in works.items()}
    for name, volume in volumes.items():
        agreement = alike(volume.reshape(CONTRACT.shape), volumes["ours"][..., 0])
        assert agreement > 0.8, f"{name} makes another volume: correlation {agreement:.3f}"
    content = file.read_bytes()
    voxels = read_scan(file, as_stored=True).voxels
    floor = {"gunzip": lambda: deflate.gzip_decompress(content), "copy": lambda: voxels.copy(order="K")}
    with one_thread():
        seconds, least = alternate(works, rounds), alternate(floor, rounds)
    share = sum(least.values()) / seconds["ours"]
    return milliseconds(seconds) | ratios(seconds) | milliseconds(least) | {"floor_share": round(share, 2)}


def cohort_of(files: list[Path], folder: Path) -> Cohort:
    rows = ["path,participant_id,sex", *(f"{file},p{index},{'FM'[index % 2]}" for index, file in enumerate(files))]
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_csv(folder / "cohort.csv", "sex")


def cached(folder: Path, count: int, contract: VolumeContract, storage: str) -> tuple[Cohort, dict]:
    """A cohort of many names for one small scan."""
    small, cache, files = folder / "small.nii.gz", folder / f"cache_{storage}_{contract.shape[1]}", []
    if not small.exists():
        nibabel.save(
            nibabel.Nifti1Image(np.random.default_rng(0).random((24, 28, 24), "float32"), np.eye(4) * 8), small
        )
    for index in range(count):
        files.append(folder / f"s{index}.nii.gz")
        if not files[-1].exists():
            files[-1].write_bytes(small.read_bytes())
    return cohort_of(files, folder), {"cache": cache, "storage": storage, "verbose": False}


def second_epoch(folder: Path, storage: str, volumes: int = 256) -> float:
    """Volumes a second, out of a filled cache, as float32 batches of eight."""
    cohort, how = cached(folder, volumes, CONTRACT, storage)
    dataset = make_dataset(cohort, CONTRACT, shuffle=True, **how)
    rates = []
    for _ in range(4):
        start = time.perf_counter()
        seen = sum(len(batch) for batch, _ in dataset)
        rates.append(seen / (time.perf_counter() - start))
    return float(np.median(rates[1:]))


def memory(folder: Path, epochs: int = 20) -> list[int]:
    """Resident memory in MB after each epoch with augmentation."""
    cohort, how = cached(folder, 32, CONTRACT, "float16")
    dataset, found = make_dataset(cohort, CONTRACT, shuffle=True, augmentation="standard", **how), []
    for _ in range(epochs):
        for _ in dataset:
            pass
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
        found.append(pages * resource.getpagesize() // 1_000_000)
    return found


def training_share(folder: Path, steps: int = 24, batch: int = 8) -> dict:
    """Images a second of the tiny ViT, fed from the cache with `standard` augmentation, and by one batch in memory."""
    preset = load_preset("vit3d_tiny")
    model = from_preset(preset, num_classes=2, load_weights=False)
    training.compile_defaults(model, verbose=False)
    cohort, how = cached(folder, steps * batch, preset.volume, "float16")
    fed = make_dataset(cohort, preset.volume, shuffle=True, augmentation="standard", batch_size=batch, **how)
    (volumes, labels), *_ = fed.take(1)
    still = untuned(tf.data.Dataset.from_tensors((volumes, labels)).repeat(steps))
    model.fit(still.take(2), verbose=0)
    model.fit(fed.take(2), verbose=0)
    works = {"memory": still, "cache": fed}
    seconds = alternate(
        {name: lambda data=data: model.fit(data, verbose=0) for name, data in works.items()},
        3,
        clock=time.perf_counter,
        warm=0,
    )
    rates = {f"{name}_images_per_s": round(steps * batch / value, 2) for name, value in seconds.items()}
    return rates | {"cache_over_memory": round(seconds["memory"] / seconds["cache"], 3)}


def run(options) -> dict:
    """Figures of all of it."""
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = {"conforming": conforming(options.scan or head(folder), options.rounds)}
        print(found, flush=True)
        found["second_epoch_volumes_per_s"] = {s: round(second_epoch(folder, s)) for s in ("float16", "uint8")}
        found["resident_MB_after_each_of_20_epochs"] = memory(folder)
        found["training"] = training_share(folder)
    return found
