"""The one home of error wording: what happened, what was expected, what was received, how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class InputError(ValueError):
    """A user's input that cannot be used, told in one line.

    Args:
        what: what happened, naming the file, participant or argument.
        expected: what would have been accepted.
        received: what was there instead.
        mend: what the user can do about it.

    Example:
        >>> raise InputError("a.nii.gz: is 2-D", expected="3 axes", received="(64, 64)", mend="Give a T1 volume.")
        Traceback (most recent call last):
        ...
        keras_neurovit._checks.InputError: a.nii.gz: is 2-D (expected 3 axes, received (64, 64)). Give a T1 volume.
    """

    def __init__(self, what: str, expected: object = None, received: object = None, mend: str | None = None):
        self.what, self.expected, self.received, self.mend = what, expected, received, mend
        facts = [
            f"{word} {value}" for word, value in (("expected", expected), ("received", received)) if value is not None
        ]
        message = what + (f" ({', '.join(facts)})" if facts else "") + "."
        super().__init__(message + (f" {mend}" if mend else ""))


def triple(name: str, value: object, kind: type = int) -> tuple:
    """`value` as three positive numbers of `kind`; one number stands for all three axes."""
    values = (value,) * 3 if isinstance(value, int | float) else value
    try:
        converted = tuple(kind(v) for v in values)
        exact = all(c == v for c, v in zip(converted, values, strict=True))
    except (TypeError, ValueError, OverflowError):
        converted, exact = (), False
    if len(converted) != 3 or not exact or not all(0 < c < float("inf") for c in converted):
        word = "whole numbers" if kind is int else "numbers"
        raise InputError(f"{name} is unusable", expected=f"three positive {word} (x, y, z)", received=repr(value))
    return converted


def divisible(
    volume_shape: Sequence[int], patch_size: Sequence[int], whole: str = "volume_shape", part: str = "patch_size"
) -> tuple[int, int, int]:
    """The grid of parts in a whole, or an error that names both arguments and says which shape would do."""
    if any(v % p for v, p in zip(volume_shape, patch_size, strict=True)):
        padded = tuple(-(-v // p) * p for v, p in zip(volume_shape, patch_size, strict=True))
        raise InputError(
            f"{whole} is not divisible by {part}",
            expected=f"multiples of {tuple(patch_size)}",
            received=tuple(volume_shape),
            mend=(f"Pad or crop the volume to {padded}" if whole == "volume_shape" else f"Choose {whole} {padded}")
            + f", or choose another {part}.",
        )
    return tuple(v // p for v, p in zip(volume_shape, patch_size, strict=True))


def one_of(name: str, value: str, known: Iterable[str]) -> str:
    """`value` if it is one of `known`, else an error that lists them and suggests the nearest."""
    known = sorted(known)
    if value not in known:
        near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.4)
        raise InputError(
            f"unknown {name} {value!r}",
            expected="one of " + ", ".join(known),
            mend=f"Did you mean {near[0]!r}?" if near else None,
        )
    return value


def positive(name: str, value: float) -> float:
    """`value` if it is a finite number above 0, else an error naming the argument."""
    if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise InputError(f"{name} is out of range", "a finite number above 0", repr(value))
    return value


def between(name: str, value: float, low: float, high: float) -> float:
    """`value` if it lies within [low, high], else an error naming the argument."""
    try:
        within = bool(low <= value <= high)
    except (TypeError, ValueError):
        within = False
    if not within:
        received = value if isinstance(value, (int, float)) else repr(value)
        raise InputError(f"{name} is out of range", f"{low} to {high}", received)
    return value
