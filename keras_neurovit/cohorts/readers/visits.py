"""Which visit of a person a scan belongs to, where only days tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

FORMATS = ("%Y-%m-%d", "%m/%d/%Y", "%Y-%m-%d_%H_%M_%S.%f")


def day_of(text: str) -> int | None:
    """A date as days since the year 1; None where it is none.

    Example:
        >>> day_of("2006-04-18_08_20_30.0") - day_of("4/8/2006")
        10
    """
    for form in FORMATS:
        try:
            return datetime.strptime(text.strip(), form).toordinal()
        except ValueError:
            continue
    return None


def nearest(day: int, visits: Mapping[int, object], within: int) -> int | None:
    """The visit's day that is nearest to `day` and at most `within` days away; of two the earlier.

    Example:
        >>> nearest(100, {0: "first", 180: "second"}, within=90), nearest(100, {300: "late"}, within=90)
        (180, None)
    """
    near = [other for other in visits if abs(other - day) <= within]
    return min(near, key=lambda other: (abs(other - day), other)) if near else None
