"""From a cohort to batches."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from keras_neurovit import _checks
from keras_neurovit.augmentation import CutMix3D, MixUp3D, RandomTransform3D, augment, policy
from keras_neurovit.augmentation.policies import seeds_of
from keras_neurovit.augmentation.together import change_together, pieces
from keras_neurovit.cohorts import Cohort
from keras_neurovit.data.ahead import untuned
from keras_neurovit.data.cache import conform_all
from keras_neurovit.data.chosen import of_worker, with_a_target
from keras_neurovit.data.sampling import Epochs, Sampling
from keras_neurovit.data.storage import Storage, decode
from keras_neurovit.volumes import VolumeContract

OTHER_VIEW = 0x2545F491  # between the seeds of a scan's views; layers' own lie far closer


def make_dataset(
    cohort: Cohort,
    contract: VolumeContract,
    *,
    batch_size: int = 8,
    shuffle: bool = False,
    sampling: Sampling = "scans",
    augmentation: str | Sequence[RandomTransform3D] = "none",
    mixing: MixUp3D | CutMix3D | None = None,
    views: int = 1,
    targets: np.ndarray | None = None,
    class_weights: Mapping[int, float] | None = None,
    seed: int = 0,
    cache: str | os.PathLike | None = None,
    storage: Storage = "float16",
    hashed: bool = False,
    on_error: Literal["raise", "skip"] = "raise",
    suspicious: Literal["warn", "refuse"] = "warn",
    fingerprint: Mapping[str, Sequence[float]] | None = None,
    deterministic: bool = True,
    shard: tuple[int, int] = (0, 1),
    verbose: bool = True,
) -> tf.data.Dataset:
    """Batches of conformed volumes and labels, for `model.fit` on any Keras backend.

    Scans are conformed into the cache first, with a progress bar, and read from there: a cohort may be larger than
    memory. Every epoch shuffles and augments anew; with the same seed a run repeats itself. The dataset has a method
    `start_epoch(epoch)`, by which a run that goes on sees what it would have seen; `scans_of(epoch, step)`, the files
    that a batch is made of; and `labels`, of all of its scans, those that other workers read included.

    Shape: → volumes (batch, x, y, z, 1) float32, labels (batch,) int32, and if asked for weights (batch,) float32

    Args:
        cohort: whose scans.
        contract: what the model reads, `load_preset(name).volume`.
        batch_size: scans a batch; the last batch may be smaller.
        shuffle: whether to shuffle the scans every epoch, for training; batches are then all full, and the scans left
            over (others every epoch) wait for the next.
        sampling: what an epoch is. "scans": every scan once; "people": one scan of everybody, another each epoch where
            there are several; "classes": as many of each label, of the rarer ones some several times. The latter two
            are for shuffled datasets.
        augmentation: name of a policy, or random layers. On JAX and PyTorch these run uncompiled, several times as
            slow as on TensorFlow: there put the layers into the model, which draws them in its own compiled step.
        mixing: `MixUp3D` or `CutMix3D`, for whole batches; labels become rows of shares then, for
            `keras.losses.CategoricalCrossentropy`.
        views: how often each scan stands in a batch, side by side and each time augmented anew, for
            `training.ContrastiveLoss`; with 2 or more the targets are people's numbers, in place of labels.
        targets: what to learn in place of the labels, a row a scan, for example ages. NaN where one is not known: scans
            without any are left out, and counted on standard error; rows that hold some are for `training.PresentLoss`.
        class_weights: weight of each label, `cohort.class_weights()`.
        seed: of the shuffling and the augmentation.
        cache: folder for conformed volumes; None for the user's cache.
        storage: of the cached volumes; "uint8" takes half of "float16"'s room, and rounds to 1/255 of the range.
        hashed: whether a scan is known by its content, see `conform_all`.
        on_error: "raise" stops at a scan that cannot be read, before anything is trained; "skip" names each once and
            goes on without.
        suspicious: whether a scan that does not look like what the contract is made for is told of, or taken as one
            that cannot be read, see `conform_all`.
        fingerprint: intensities to expect too, `load_preset(name).fingerprint`.
        deterministic: whether batches come in the order of the seed; False lets a slow read be overtaken.
        shard: (worker, workers): which part of the scans this worker reads, and conforms into its own cache; every
            worker has as many batches, of `batch_size` each. For shuffled scans.
        verbose: whether to show the progress bar.

    Raises:
        InputError: an empty cohort, a scan that cannot be read, an unknown policy, views that do not fill a batch, a
            batch to shuffle that is larger than an epoch, targets that nobody has, arguments of another kind.
    """
    _refuse(cohort, augmentation, mixing, class_weights, seed, shard)
    if len(cohort) == 0:
        raise _checks.InputError(f"{cohort.source}: the cohort is empty", expected="at least one scan")
    if batch_size < 1:
        raise _checks.InputError("batch_size is unusable", expected="1 or more", received=batch_size)
    layers = policy(augmentation) if isinstance(augmentation, str) else list(augmentation)
    for layer in layers:  # refuses what does not fit such volumes, before scans are conformed
        layer.draw(np.zeros(1, "int32"), contract.shape)
    if mixing is not None and class_weights is not None:
        mend = "Sample classes evenly: sampling='classes'."
        raise _checks.InputError("mixed scans have no one label", "no class_weights with mixing", None, mend)
    if views < 1 or batch_size % views or (views > 1 and (mixing is not None or class_weights is not None)):
        expected = f"a divisor of batch_size {batch_size}, without mixing and class_weights"
        raise _checks.InputError("views are unusable", expected, views)
    if targets is not None and (len(targets) != len(cohort) or class_weights is not None):
        expected = f"a row for each of {len(cohort)} scans, and no class_weights"
        raise _checks.InputError("targets are unusable", expected=expected, received=f"{len(targets)} rows")
    if targets is not None:
        cohort, targets = with_a_target(cohort, np.asarray(targets))
    everybody = cohort.targets.astype("int32")
    cohort, targets, most = of_worker(cohort, targets, shard, shuffle and sampling == "scans" and on_error == "raise")
    how = {"cache": cache, "storage": storage, "hashed": hashed, "on_error": on_error, "verbose": verbose}
    files = conform_all(cohort.paths, contract, suspicious=suspicious, fingerprint=fingerprint, **how)
    kept = np.flatnonzero([file is not None for file in files])
    if len(kept) == 0:
        raise _checks.InputError(f"{cohort.source}: no scan of the cohort can be read", "at least one")
    labels = cohort.targets.astype("int32")
    labels = labels[kept]
    files, people = [str(files[index]) for index in kept], np.asarray(cohort.participants)[kept]
    own = labels if views == 1 else np.unique(people, return_inverse=True)[1].astype("int32")
    targets = own if targets is None else np.asarray(targets)[kept]
    shape = (*contract.shape, 1)
    epochs = Epochs(people, labels, sampling, shuffle, seed, most)
    if shuffle and epochs.count * views < batch_size:
        mend = "Choose a smaller batch_size, or pass shuffle=False to see what there is in one batch."
        raise _checks.InputError("a batch is larger than an epoch", f"{epochs.count * views} or less", batch_size, mend)
    run = augmenter(layers, shape)

    def sample(index, chance):
        volume, target = decode(tf.io.read_file(tf.gather(files, index)), shape, storage), tf.gather(targets, index)
        if views > 1:
            chances = [chance + view * OTHER_VIEW for view in range(views)]
            return tf.stack([run(volume, one) for one in chances]), tf.stack([target] * views)
        row = (run(volume, chance), target)
        return row if class_weights is None else (*row, tf.gather(table, tf.gather(labels, index)))

    if class_weights is not None:
        table = tf.constant([class_weights[label] for label in range(len(cohort.labels))], "float32")
    plain = tf.autograph.experimental.do_not_convert(sample)  # it would hide our errors behind its own
    dataset = epochs.dataset().map(plain, num_parallel_calls=tf.data.AUTOTUNE, deterministic=deterministic)
    # Another batch size would be compiled anew; which scans are left over changes every epoch.
    dataset = dataset.batch(batch_size // views, drop_remainder=shuffle)
    if views > 1:
        dataset = dataset.map(lambda *parts: tuple(tf.reshape(p, (-1, *p.shape[2:])) for p in parts))
    if mixing is not None:
        seeds = epochs.batch_seeds(len(dataset), batch_size)
        dataset = _mixed(dataset, mixing, len(cohort.labels) if targets is labels else None, seeds)
    dataset = untuned(dataset)
    # Told beside the batches, so that they stay what any `model.fit` takes.
    dataset.start_epoch, dataset.labels = epochs.start, labels if targets is labels else None
    if targets is labels and shard[1] > 1:  # what is balanced by them must be the same on every worker
        dataset.labels = everybody
    if deterministic:
        scans = [str(cohort.paths[index]) for index in kept]
        dataset.scans_of = functools.partial(_scans_of, epochs, scans, batch_size // views)
    return dataset


def _refuse(cohort: Cohort, augmentation, mixing, class_weights, seed, shard) -> None:
    """Arguments of another kind, before anything is conformed."""
    layers = () if isinstance(augmentation, str) else augmentation
    if not isinstance(layers, Sequence) or not all(isinstance(layer, RandomTransform3D) for layer in layers):
        expected = "the name of a policy, or a list of layers such as RandomAffine3D()"
        raise _checks.InputError("augmentation is unusable", expected, augmentation, "Pass 'none' for none.")
    if mixing is not None and not isinstance(mixing, (MixUp3D, CutMix3D)):
        raise _checks.InputError("mixing is unusable", "MixUp3D(), CutMix3D() or None", repr(mixing))
    if class_weights is not None and not set(range(len(cohort.labels))) <= set(class_weights):
        expected = f"a weight for each of {dict(enumerate(cohort.labels))}"
        raise _checks.InputError("class_weights are unusable", expected, dict(class_weights))
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise _checks.InputError("seed is unusable", "a whole number, 0 or more", repr(seed))
    if not isinstance(shard, Sequence) or len(shard) != 2:
        raise _checks.InputError("shard is unusable", "(worker, workers)", repr(shard))


def _scans_of(epochs: Epochs, scans: list[str], size: int, epoch: int, step: int) -> list[str]:
    """The files that a batch is made of."""
    indices, _ = epochs.samples(epoch)
    return [scans[index] for index in indices[step * size : (step + 1) * size]]


def _mixed(dataset: tf.data.Dataset, mixing: MixUp3D | CutMix3D, num_classes: int | None, seeds) -> tf.data.Dataset:
    """Batches mixed; labels become rows."""

    def mix(volumes, targets, seeds):
        volumes, targets = (keras.ops.convert_to_tensor(values) for values in (volumes, targets))
        rows = targets if num_classes is None else keras.ops.one_hot(targets, num_classes)
        return mixing.transform(volumes, rows, seeds)

    def mix_here(volumes, targets, seeds):
        return [np.asarray(keras.ops.convert_to_numpy(part)) for part in mix(volumes, targets, seeds)]

    def run(batch, seeds):
        volumes, targets = batch
        seeds = seeds[: tf.shape(volumes)[0]]
        if keras.backend.backend() == "tensorflow":
            return mix(volumes, targets, seeds)
        mixed, shares = tf.numpy_function(mix_here, [volumes, targets, seeds], [tf.float32, tf.float32])
        rows = (None, num_classes) if num_classes is not None else targets.shape
        return tf.ensure_shape(mixed, volumes.shape), tf.ensure_shape(shares, rows)

    return tf.data.Dataset.zip(dataset, seeds).map(tf.autograph.experimental.do_not_convert(run))


def augmenter(layers: Sequence[RandomTransform3D], shape):
    """Augmentation of one volume, from its seed. Numbers are drawn outside what is compiled: inside, drawing them takes
    longer than all the rest."""
    if not layers:
        return lambda volume, chance: volume
    if keras.backend.backend() != "tensorflow":

        def augment_here(volumes, seeds):
            return keras.ops.convert_to_numpy(augment(volumes, seeds, layers))

        def run_elsewhere(volume, chance):
            return tf.ensure_shape(tf.numpy_function(augment_here, [volume[None], chance[None]], tf.float32)[0], shape)

        return run_elsewhere
    parts = []
    for piece in pieces(layers):
        change = functools.partial(change_together, [layer for _, layer in piece])
        parts.append((piece, tf.function(change, jit_compile=True) if piece[0][1].compiled else change))

    def run(volume, chance):
        volumes, seeds = volume[None], chance[None]
        for piece, change in parts:
            (index, first), *_ = piece
            drawn = [layer.fetch(volumes, *layer.draw(seeds_of(seeds, place), shape[:3])) for place, layer in piece]
            measured = first.measure(volumes)
            if first.rate == 1.0:
                volumes = change(volumes, drawn, measured)
            else:
                changed = functools.partial(change, volumes, drawn, measured)
                chosen = first.chosen(seeds_of(seeds, index))[0]
                volumes = tf.cond(chosen, changed, functools.partial(tf.identity, volumes))
        return tf.ensure_shape(volumes[0], shape)

    return run
