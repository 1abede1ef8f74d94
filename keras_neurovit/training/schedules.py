"""Learning-rate schedules as pure functions from step to value (NumPy only)."""

from __future__ import annotations

import math

import numpy as np

from keras_neurovit._checks import InputError, between, one_of

ANNEALS = ("cosine", "linear", "polynomial", "constant")


def warmup_anneal(
    step: float | np.ndarray,
    *,
    peak: float,
    warmup: float,
    total: float,
    floor: float = 0.0,
    start: float = 0.0,
    anneal: str = "cosine",
    power: float = 1.0,
) -> float | np.ndarray:
    """The learning rate at `step`: linear warm-up to `peak`, then annealing to `floor`.

    Step 0 has `start`, step `warmup` has `peak`, step `total` and all later ones have `floor`. Where `warmup` equals
    `total`, that one step has `peak`. Fractional steps are allowed, so `step`, `warmup` and `total` may be epochs.

    Shape: step () or (step,) → the same.

    Args:
        step: optimizer updates already made; one number or an array of them.
        peak: the highest learning rate, > 0.
        warmup: steps of warm-up, 0 ≤ warmup ≤ total.
        total: the step at which `floor` is reached, > 0; the warm-up is included.
        floor: the learning rate at the end, 0 ≤ floor ≤ peak.
        start: the learning rate at step 0, 0 ≤ start ≤ peak; unused without a warm-up.
        anneal: "cosine", "linear", "polynomial" ((1 − progress) ** power), or "constant" (stays at `peak`).
        power: the exponent of "polynomial", > 0.

    Returns:
        A float for one step, else a float64 array.

    Raises:
        InputError: an argument is outside the range given above.

    Source: cosine without restarts, Loshchilov & Hutter 2017 (SGDR), equation 5; linear warm-up, Goyal et al. 2017
    (Accurate, Large Minibatch SGD), section 2.2.

    Example:
        >>> [warmup_anneal(step, peak=1e-3, warmup=2, total=4) for step in range(5)]
        [0.0, 0.0005, 0.001, 0.0005, 0.0]
    """
    _check(peak, warmup, total, floor, start, anneal, power)
    steps = np.maximum(np.asarray(step, dtype=np.float64), 0.0)
    # An empty span must not divide by zero; its only step is either before it (clipped to 0) or after it (to 1).
    tiny = np.finfo(np.float64).tiny
    with np.errstate(over="ignore"):
        warmed = np.clip(steps / max(warmup, tiny), 0.0, 1.0)
        progress = np.clip((steps - warmup) / max(total - warmup, tiny), 0.0, 1.0)
    remaining = {
        "cosine": 0.5 * (1.0 + np.cos(math.pi * progress)),
        "linear": 1.0 - progress,
        "polynomial": (1.0 - progress) ** power,
        "constant": np.ones_like(progress),
    }[anneal]
    values = np.where(steps < warmup, start + (peak - start) * warmed, floor + (peak - floor) * remaining)
    return float(values) if values.ndim == 0 else values


def _check(peak, warmup, total, floor, start, anneal, power) -> None:
    """Refuse what the formula would turn into a wrong learning rate without a word."""
    for name, value in (("peak", peak), ("total", total), ("power", power)):
        # Written so that NaN is refused too.
        if not 0 < value < math.inf:
            raise InputError(f"{name} is out of range", expected="a finite number above 0", received=value)
    between("floor", floor, 0.0, peak)
    between("start", start, 0.0, peak)
    if not 0 <= warmup <= total:
        raise InputError(
            "warmup is out of range",
            expected=f"0 to total ({total})",
            received=warmup,
            mend="total counts the warm-up too: shorten warmup or lengthen total.",
        )
    one_of("anneal", anneal, ANNEALS)
