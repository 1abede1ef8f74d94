"""Wording of lists and counts in notes and errors."""

from __future__ import annotations

from collections.abc import Iterable

NAMED_AT_MOST = 5


def some(names: Iterable[object]) -> str:
    """The first few of `names`, and how many more there are.

    Example:
        >>> some(range(8))
        '0, 1, 2, 3, 4 and 3 more'
    """
    names = [str(name) for name in names]
    rest = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")


def counted(number: int, one: str, many: str | None = None) -> str:
    """`number` with its noun in the singular or the plural.

    Example:
        >>> counted(1, "scan"), counted(3, "person", "people")
        ('1 scan', '3 people')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"
