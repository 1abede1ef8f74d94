"""A backbone that learns from scans, with labels or without, before it has a task."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

import keras

from keras_neurovit import models
from keras_neurovit._checks import InputError, one_of
from keras_neurovit.training.finetune import finetune
from keras_neurovit.training.options import Options
from keras_neurovit.training.self_supervised import ContrastiveLoss, MaskedPatchLoss
from keras_neurovit.training.tasks_loss import TasksLoss

METHODS = ("masked", "contrastive", "supervised")


def pretrain(
    backbone: keras.Model,
    batches,
    method: str = "masked",
    *,
    folder: str | os.PathLike,
    epochs: int,
    peak: float = 1e-3,
    options: Mapping | None = None,
    run_options: Options | None = None,
    facts: Mapping | None = None,
    **how,
) -> tuple[keras.Model, list[dict[str, float]]]:
    """Train a backbone in place to fill in what is hidden of a scan, to tell which scans show the same head, or to tell
    several things known of people at once.

    The first two need no labels. Afterwards `presets.save_to_preset(backbone, folder, described)`,
    with no labels in the description, makes a preset of it, which `from_preset(folder, num_classes=…)` fine-tunes.
    Killed and started again with the same folder and arguments, it goes on, as `finetune` does.

    Args:
        backbone: from `from_preset(name, num_classes=0)` or `models.vit3d`; to be masked, one without a stem.
        batches: of volumes, whatever stands beside them; for "contrastive" with people's numbers as targets and each
            person twice or more: `data.make_dataset(…, augmentation=…, views=2)`, or
            `synthesis.BrainStream(…, contrasts=2, target="person")`; for "supervised" with rows of `cohorts.tasks_of`
            as targets: `data.make_dataset(…, targets=rows)`.
        method: "masked" (He et al. 2021), "contrastive" (Chen et al. 2020) or "supervised".
        folder: for the state and the log.
        epochs: in all.
        peak: highest learning rate.
        options: of the method: `mask_ratio`, `foreground_only`, `decoder_dim`, `decoder_layers`, `decoder_heads`,
            `seed` (see `models.masked_autoencoder`) and `normalised` (see `MaskedPatchLoss`); or `projection_dim`,
            `hidden_dim`, `pooling` (see `models.projector`) and `temperature` (see `ContrastiveLoss`); or `tasks`, of
            `cohorts.tasks_of`, `pooling` and `dropout` (see `models.classifier`).
        run_options: of the run, as `finetune` takes `options`: averages, accumulation, clipping, half precision.
        facts: what else the run depends on, as for `finetune`.
        how: further arguments of `finetune`.

    Returns:
        The model around the backbone (for `models.reconstruct`, for example; supervised, one that tells the tasks side
        by side: logits of classes, deviations of numbers), and a row an epoch.

    Raises:
        InputError: an unknown method or option; a backbone that cannot be masked; volumes of which nothing counts
            (of single ones within a batch, the loss is 0, and the others teach); batches with labels in place of
            people, or in which nobody appears twice, for "contrastive"; see `finetune`.

    Source: pre-training before few scans: Dhinagar et al. 2023 (arXiv 2303.08216).

    Example:
        >>> import numpy as np
        >>> keras.utils.set_random_seed(0)
        >>> backbone = models.vit3d((8, 12, 20), (4, 6, 10), num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=32)
        >>> class Scans(keras.utils.PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         return np.ones((2, 8, 12, 20, 1), "float32"), np.zeros(2)
        >>> small = {"decoder_dim": 12, "decoder_heads": 2, "foreground_only": False}
        >>> _, rows = pretrain(backbone, Scans(), folder="mae", epochs=1, options=small, jit_compile=False, verbose=0)
        >>> len(rows)
        1
    """
    one_of("method", method, METHODS)
    if not isinstance(options, Mapping | None):
        mend = "What a run may do beyond the plain one is run_options."
        raise InputError("options are unusable", "a dict, of the method", type(options).__name__, mend)
    options = dict(options or {})
    known = {"method": method, **options, **(facts or {})}
    if method == "supervised":
        if not options.get("tasks") or not all(dataclasses.is_dataclass(task) for task in options["tasks"]):
            expected = "options={'tasks': tasks} with those of cohorts.tasks_of"
            raise InputError("nothing to learn", expected, options.get("tasks"))
        known["tasks"] = [dataclasses.asdict(task) for task in options["tasks"]]
    try:
        if method == "masked":
            normalised = options.pop("normalised", True)
            model = models.masked_autoencoder(backbone, **options)
            size = next(layer.patch_size for layer in backbone.layers if hasattr(layer, "patch_size"))
            loss, batches = MaskedPatchLoss(size, normalised), own_targets(batches)
            how["callbacks"] = [SomethingCounts(*NO_PATCH), *how.get("callbacks", ())]
            if how.get("validation") is not None:
                how["validation"] = own_targets(how["validation"])
        elif method == "supervised":
            outputs = [task.outputs for task in options.pop("tasks")]
            loss, model = TasksLoss(outputs), models.classifier(backbone, sum(outputs), **options)
        else:
            if getattr(batches, "labels", None) is not None:
                raise InputError("these batches tell labels, not people", "people's numbers as targets", None, TWICE)
            how["callbacks"] = [SomethingCounts(*NOBODY_TWICE), *how.get("callbacks", ())]
            loss = ContrastiveLoss(**{k: options.pop(k) for k in ("temperature",) if k in options})
            model = models.projector(backbone, **options)
    except InputError:
        raise
    except (TypeError, ValueError) as error:
        raise InputError(f"options do not fit the method {method!r} ({error})") from None
    how |= {"folder": folder, "epochs": epochs, "peak": peak, "options": run_options}
    return model, finetune(model, batches, loss=loss, facts=known, **how)


TWICE = "Let each appear twice: make_dataset(…, augmentation=…, views=2)."
NOBODY_TWICE = ("nobody appears twice in these batches", "several scans of a person in each", TWICE)
NO_PATCH = (
    "nothing is hidden that counts: no patch of these volumes stands out from the darkest",
    "conformed scans of a head",
    "Look at the volumes; what has no dark background takes options={'foreground_only': False}.",
)


class SomethingCounts(keras.callbacks.Callback):
    """Stop at batches of which nothing is asked for: a loss of exactly 0, from which nothing would be learnt.

    Args:
        what: is wrong with them.
        expected: in place of it.
        mend: what can be done.

    Raises:
        InputError: in training, at the first batch.
    """

    def __init__(self, what: str, expected: str, mend: str):
        super().__init__()
        self.what, self.expected, self.mend = what, expected, mend

    def on_train_batch_end(self, batch, logs=None):
        if (logs or {}).get("loss") == 0.0:  # the mean of all batches of the epoch so far
            raise InputError(self.what, self.expected, f"a loss of 0 in step {batch}", self.mend)


def own_targets(batches):
    """The same batches, with the volumes as their own targets."""
    if not hasattr(batches, "map"):
        return _OwnTargets(batches)
    own = batches.map(lambda volumes, *_: (volumes, volumes))
    for name in ("start_epoch", "scans_of"):
        if hasattr(batches, name):
            setattr(own, name, getattr(batches, name))
    return own


class _OwnTargets(keras.utils.PyDataset):
    def __init__(self, batches: keras.utils.PyDataset):
        super().__init__()
        self.batches = batches
        if hasattr(batches, "scans_of"):
            self.scans_of = batches.scans_of

    def start_epoch(self, epoch: int) -> None:
        if hasattr(self.batches, "start_epoch"):
            self.batches.start_epoch(epoch)

    def on_epoch_end(self) -> None:
        self.batches.on_epoch_end()

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int):
        volumes = self.batches[index][0]
        return volumes, volumes
