"""The number that is explained."""

from __future__ import annotations

from collections.abc import Callable

from keras import ops

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.presets import Preset


def score_of(preset: Preset, label: str | None = None) -> tuple[str, Callable]:
    """A label of a preset, and the score of it: the logarithm of its odds, or the volume of a structure in mm³.

    The odds are those of the label against all others together: what the probability follows from, without the
    flatness that probabilities have near 0 and 1.

    Shape: of the score, (batch, label) logits or volumes → (batch, 1)

    Args:
        preset: with labels.
        label: None for the last one, which is the ill one where there are two; a preset that measures needs one.

    Raises:
        InputError: a preset without labels, an unknown label.

    Example:
        >>> from keras_neurovit.presets import load_preset
        >>> label, score = score_of(load_preset("vit3d_ad"))
        >>> label, float(score(ops.convert_to_tensor([[1.0, 3.0]]))[0, 0])
        ('AD', 2.0)
    """
    if not preset.labels:
        mend = "Choose one with labels: `keras-neurovit presets` lists them."
        raise InputError(f"preset {preset.name!r} has no labels to explain", mend=mend)
    if label is None and preset.measures:
        raise InputError(f"preset {preset.name!r} measures many structures", "the label of one", None)
    label = preset.labels[-1] if label is None else one_of("label", label, preset.labels)
    place = preset.labels.index(label)

    def volume(outputs):
        return outputs[:, place : place + 1]

    def log_odds(outputs):
        others = ops.concatenate([outputs[:, :place], outputs[:, place + 1 :]], axis=1)
        return volume(outputs) - ops.logsumexp(others, axis=1, keepdims=True)

    return label, volume if preset.measures else log_odds
