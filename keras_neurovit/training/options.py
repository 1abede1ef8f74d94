"""What a fine-tuning run may do beyond the plain one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

import keras

from keras_neurovit._checks import InputError, between, positive
from keras_neurovit.training.batches import balanced
from keras_neurovit.training.distilling import TeacherLoss, distilled
from keras_neurovit.training.label_loss import LabelLoss
from keras_neurovit.training.layerwise import adamw, layerwise_adamw
from keras_neurovit.training.sharpness import sharpness_aware_adamw

ON_LABELS = ("label_smoothing", "class_weights", "focal_gamma", "teacher")


@dataclass(frozen=True, kw_only=True)
class Options:
    """How `finetune` may differ from plain AdamW on cross-entropy; each is independent of the others.

    Dropout and stochastic depth are rates of `from_preset(…, dropout=, drop_path=)`; mixing is `MixUp3D` or `CutMix3D`
    of `make_dataset(…, mixing=)`, whose shares of labels the loss takes as they come.

    Args:
        layer_decay: what each block learns at, as a share of the one above it; see `layerwise_adamw`.
        head_epochs: epochs in which the head alone learns, before all (or what `strategy` says) does: from a random
            head the first steps would undo what pre-training taught. They stand in the folder `head`.
        head_peak: highest learning rate of these.
        label_smoothing: share of each target that is spread over all classes.
        class_weights: what a scan of each class counts, or "balanced", where the batches tell their labels (of all
            workers, where they are shared out). Batches that weigh their scans, or sample classes evenly, balance
            already.
        focal_gamma: how much less a scan counts that is told well already; 2 is usual.
        ema: momentum of a moving average over updates, which becomes the model's weights and is what is validated;
            1 / (1 − ema) updates, the memory of it, should be far fewer than the run has.
        accumulate: batches an update.
        clipnorm: greatest norm of all gradients together; None for any.
        sharpness: how far weights climb before the gradient is taken, so that flat places are found; 0.05 is usual. An
            update is two steps of Keras then, see `SharpnessAwareAdamW`.
        mixed_precision: whether the backbone computes in bfloat16; it stays so, its weights are float32.
        teacher: a trained model whose scores are learnt beside the labels, by the distillation token where the model
            has one (`models.classifier(…, pooling="distilled")`); it is not changed.
        teacher_share: of these scores in the loss.
        temperature: by which both scores are softened.

    Raises:
        InputError: a number out of range.

    Source: head first, Kumar et al. 2022 (LP-FT, arXiv 2202.10054), section 4; averages, Izmailov et al. 2018 (arXiv
    1803.05407).

    Example:
        >>> Options(layer_decay=0.75, ema=0.99).facts()
        {'layer_decay': 0.75, 'ema': 0.99}
    """

    layer_decay: float | None = None
    head_epochs: int = 0
    head_peak: float = 1e-3
    label_smoothing: float = 0.0
    class_weights: Mapping[int, float] | Literal["balanced"] | None = None
    focal_gamma: float = 0.0
    ema: float | None = None
    accumulate: int = 1
    clipnorm: float | None = 1.0
    sharpness: float | None = None
    mixed_precision: bool = False
    teacher: keras.Model | None = None
    teacher_share: float = 0.5
    temperature: float = 2.0

    def __post_init__(self):
        for name, least in (("head_epochs", 0), ("accumulate", 1)):
            number = getattr(self, name)
            if not isinstance(number, int) or isinstance(number, bool) or number < least:
                raise InputError(f"{name} is unusable", f"a whole number from {least}", number)
        for name, value in (("head_peak", self.head_peak), ("clipnorm", self.clipnorm), ("sharpness", self.sharpness)):
            if value is not None or name == "head_peak":
                positive(name, value)
        if self.teacher is not None and not isinstance(self.teacher, keras.Model):
            mend = "Load it: from_preset(name)."
            raise InputError("the teacher is no model", "a keras.Model", repr(self.teacher), mend)
        if self.sharpness is not None and (self.accumulate > 1 or self.layer_decay is not None):
            mend = "Larger batches, or a lower peak, do what they do."
            raise InputError("sharpness goes with neither accumulate nor layer_decay", mend=mend)
        if self.ema is not None:
            between("ema", self.ema, 0.0, 0.99999)
        if self.layer_decay is not None:
            between("layer_decay", self.layer_decay, 1e-3, 1.0)
        if isinstance(self.class_weights, str) and self.class_weights != "balanced":
            raise InputError("class_weights are unusable", "'balanced' or a weight a label", self.class_weights)
        weights = None if isinstance(self.class_weights, str) else self.class_weights
        TeacherLoss(
            LabelLoss(self.label_smoothing, weights, self.focal_gamma), self.teacher_share, self.temperature
        )  # which know their ranges

    def facts(self) -> dict:
        """What differs from the plain run, in JSON's values; a teacher by the SHA-256 of its weights."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        told = {name: found[name] for name, plain in _plain().items() if found[name] != plain}
        if "teacher" in told:
            digest = hashlib.sha256()
            for weight in self.teacher.weights:
                digest.update(keras.ops.convert_to_numpy(weight).tobytes())
            told["teacher"] = digest.hexdigest()
        if isinstance(told.get("class_weights"), Mapping):
            told["class_weights"] = {str(label): float(v) for label, v in told["class_weights"].items()}
        return told

    def optimizer(self, model: keras.Model, rate: float, weight_decay: float) -> keras.optimizers.Optimizer:
        """AdamW for the weights of a model that train now."""
        how = {"clipnorm": self.clipnorm}
        if self.accumulate > 1:
            how["gradient_accumulation_steps"] = self.accumulate
        if self.ema is not None:
            how |= {"use_ema": True, "ema_momentum": self.ema}
        if self.sharpness is not None:
            return sharpness_aware_adamw(rate, self.sharpness, weight_decay, **how)
        if self.layer_decay is None:
            return adamw(rate, weight_decay, **how)
        return layerwise_adamw(model, rate, self.layer_decay, weight_decay, **how)

    def loss(self, batches, model: keras.Model) -> keras.losses.Loss:
        """Cross-entropy on labels, and on the teacher's scores where there is one."""
        num_classes = model.output_shape[-1]
        weights = balanced(batches, num_classes) if self.class_weights == "balanced" else self.class_weights
        loss = LabelLoss(self.label_smoothing, weights, self.focal_gamma)
        if self.teacher is None:
            return loss
        return TeacherLoss(loss, self.teacher_share, self.temperature, token=distilled(model))

    def refuse_on(self, loss) -> None:
        """Refuse what has a meaning for the loss on labels alone, where another loss was given."""
        useless = [name for name in ON_LABELS if name in self.facts()]
        if useless:
            mend = "Leave out `loss`, or build the wish into it."
            raise InputError(f"{', '.join(useless)} belong to the loss on labels", "loss=None", loss, mend)

    def refuse_on_weighted(self, batches) -> None:
        """Refuse class weights beside batches that weigh their scans: both would be multiplied."""
        if self.class_weights is None:
            return
        parts = getattr(batches, "element_spec", None)  # of a dataset of TensorFlow
        if parts is None and isinstance(batches, keras.utils.PyDataset):
            parts = batches[0]
        if isinstance(parts, tuple | list) and len(parts) > 2:
            mend = "Leave out class_weights of make_dataset, or of Options."
            raise InputError("classes would be weighed twice", "(volumes, labels)", "(volumes, labels, weights)", mend)

    def refuse_on_replicas(self) -> None:
        """Refuse what several devices of TensorFlow would each do with their own share of the gradients."""
        wrong = {"clipnorm": self.clipnorm, "sharpness": self.sharpness, "accumulate": self.accumulate > 1}
        if useless := [name for name, value in wrong.items() if value]:
            mend = "Pass Options(clipnorm=None) without them, or train on JAX."
            what = f"on TensorFlow each device would do {' and '.join(useless)} with its own share of the gradients"
            raise InputError(what, f"no {', no '.join(useless)}", mend=mend)


def _plain() -> dict:
    return {field.name: field.default for field in fields(Options)}
