"""Learning from a teacher's scores beside the labels."""

from __future__ import annotations

import keras
from keras import ops

from keras_neurovit._checks import InputError, between
from keras_neurovit.training.label_loss import LabelLoss, label_accuracy

HEADS = ("head", "distillation_head")


def distilled(model: keras.Model) -> bool:
    """Whether a model has a distillation token, see `models.classifier`."""
    return any(layer.name == HEADS[1] for layer in model.layers)


def beside_teacher(student: keras.Model, teacher: keras.Model) -> keras.Model:
    """A model that tells what both score, whose weights are theirs.

    Keras' own `Distiller` leaves the weights of scans out of account, and what is mixed in a batch; as one more output
    the teacher's scores go through every loss, on every backend.

    Shape: (batch, x, y, z, channel) → (batch, 2 × class): the student's logits, then the teacher's; of a student with a
    distillation token (batch, 3 × class), its two heads' logits first

    Raises:
        InputError: a teacher of other volumes or other classes.
    """
    if teacher.input_shape != student.input_shape or teacher.output_shape != student.output_shape:
        expected = f"{student.input_shape} → {student.output_shape}"
        received = f"{teacher.input_shape} → {teacher.output_shape}"
        mend = "Train the teacher on the same volumes and labels."
        raise InputError("the teacher does not fit the model", expected, received, mend)
    volumes = keras.Input(student.input_shape[1:], name="volume")
    heads = [student.get_layer(name).output for name in HEADS] if distilled(student) else [student.output]
    own = keras.Model(student.input, heads, name="student")(volumes)
    told = keras.Model(teacher.input, teacher.output, name="teacher")(volumes, training=False)
    both = keras.layers.Concatenate(dtype="float32", name="both")([*own, told])
    return keras.Model(volumes, both, name=student.name)


@keras.saving.register_keras_serializable("keras_neurovit")
class TeacherLoss(keras.losses.Loss):
    """Cross-entropy on labels, and the divergence of softened scores from the teacher's.

    Shape: labels (batch,) or shares (batch, class), logits (batch, 2 × class) or (batch, 3 × class) → (batch,)

    Args:
        labels: the loss on labels.
        share: of the teacher in the sum, 0 to 1.
        temperature: by which logits are softened.
        token: whether there are three times as many logits, of which the first learn from labels alone and the second,
            a distillation token's, from the teacher alone.
        name: of the loss.

    Source: Hinton et al. 2015 (arXiv 1503.02531), section 2.

    Example:
        >>> import numpy as np
        >>> alike = np.float32([[2, 0, 2, 0]])
        >>> round(float(TeacherLoss(LabelLoss(), share=0.5)(np.array([0]), alike)), 4)  # half of the cross-entropy
        0.0635
    """

    def __init__(
        self,
        labels: LabelLoss,
        share: float = 0.5,
        temperature: float = 2.0,
        token: bool = False,
        name: str = "teacher_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.labels = labels if isinstance(labels, LabelLoss) else keras.losses.deserialize(labels)
        self.share = between("teacher_share", share, 0.0, 1.0)
        self.temperature = between("temperature", temperature, 0.1, 100.0)
        self.token = token

    def call(self, y_true, y_pred):
        *heads, told = ops.split(y_pred, 3 if self.token else 2, axis=-1)
        own, learner = heads[0], heads[-1]
        told = ops.log_softmax(ops.stop_gradient(told) / self.temperature, axis=-1)
        soft = ops.log_softmax(learner / self.temperature, axis=-1)
        divergence = ops.sum(ops.exp(told) * (told - soft), axis=-1) * self.temperature**2
        return (1.0 - self.share) * self.labels.call(y_true, own) + self.share * divergence

    def get_config(self):
        options = {"share": self.share, "temperature": self.temperature, "token": self.token}
        return {**super().get_config(), **options, "labels": keras.losses.serialize(self.labels)}


def student_accuracy(y_true, y_pred, token: bool = False):
    """Share of scans whose label the student scores highest. Shape: as `TeacherLoss` → (batch,)"""
    *heads, _ = ops.split(y_pred, 3 if token else 2, axis=-1)
    return label_accuracy(y_true, sum(heads))
