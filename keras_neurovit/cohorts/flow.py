"""The flow of scans into a cohort: what was found, what was left out and why, what was assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keras_neurovit.cohorts.notes import counted

Kind = Literal["found", "left out", "assumed", "noted"]
ORDER = ("found", "left out", "noted", "assumed")


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the flow table.

    Args:
        kind: "found" and "left out" count scans; "noted" is worth knowing; "assumed" is what no file says outright.
        scans: how many scans were found or left out, 0 where it is not about scans.
        text: what was found, why scans were left out, what was assumed.

    Example:
        >>> str(Step("left out", 2, "sex is not F"))
        '2 scans left out, sex is not F'
    """

    kind: Kind
    scans: int
    text: str

    def __str__(self) -> str:
        if self.kind == "left out":
            return f"{counted(self.scans, 'scan')} left out, {self.text}"
        return f"assumed: {self.text}" if self.kind == "assumed" else self.text


class Flow:
    """Collects the steps while a cohort is read.

    Example:
        >>> flow = Flow()
        >>> flow.found(3, "T1w scans")
        >>> flow.left_out(1, "empty file")
        >>> flow.remaining
        2
    """

    def __init__(self):
        self.steps: list[Step] = []

    def found(self, scans: int, text: str) -> None:
        """`scans` were there to begin with."""
        self.steps.append(Step("found", scans, text))

    def left_out(self, scans: int, text: str) -> None:
        """`scans` go no further, because of `text`; nothing is written where there are none."""
        if scans:
            self.steps.append(Step("left out", scans, text))

    def noted(self, text: str) -> None:
        """Something a reader of the table should know."""
        self.steps.append(Step("noted", 0, text))

    def assumed(self, text: str) -> None:
        """Something taken to be so that no file says outright."""
        self.steps.append(Step("assumed", 0, text))

    @property
    def remaining(self) -> int | None:
        """Scans found less those left out; None where no step tells how many were found."""
        return remaining(tuple(self.steps))

    def __str__(self) -> str:
        return "; ".join(str(step) for step in self.steps if step.kind != "found")


def remaining(steps: tuple[Step, ...]) -> int | None:
    """Scans that the steps leave; None where none of them found any.

    Example:
        >>> remaining((Step("found", 5, "T1w scans"), Step("left out", 2, "empty file")))
        3
    """
    found = [step.scans for step in steps if step.kind == "found"]
    return sum(found) - sum(step.scans for step in steps if step.kind == "left out") if found else None


def table(steps: tuple[Step, ...], kept: int) -> list[str]:
    """The steps as lines of text, and how many scans of those remaining are in this cohort.

    Example:
        >>> for line in table((Step("found", 5, "T1w scans"), Step("left out", 2, "empty file")), kept=3):
        ...     print(line)
        found          5  T1w scans
        left out       2  empty file
        kept           3
    """
    lines = []
    for kind in ORDER:
        chosen = [step for step in steps if step.kind == kind]
        lines += [f"{kind:<9}{step.scans or '':>7}  {step.text}" for step in chosen]
        if kind == "left out" and remaining(steps) is not None:
            lines.append(f"{'kept':<9}{remaining(steps):>7}")
            if kept != remaining(steps):
                lines.append(f"{'here':<9}{kept:>7}  a part of those kept")
    return lines
