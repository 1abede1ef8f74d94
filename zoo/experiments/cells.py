"""The table of the paper: which models, from which start, with which of its techniques, on which task."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

MODELS = ("vit3d", "minit3d", "sfcn")
STARTS = ("scratch", "synthetic", "real")
FEW = (24, 12)


@dataclass(frozen=True)
class Cell:
    """One row.

    Args:
        task: what is told apart.
        model: architecture.
        start: "scratch" from random weights; "synthetic" from what the generator taught; "real" from what other labels
            of real people taught.
        augmented: whether scans are changed at random.
        annealed: whether the rate warms up and anneals, or is constant.
        people: how many are learnt from; None for all.
    """

    task: str
    model: str = "vit3d"
    start: str = "synthetic"
    augmented: bool = True
    annealed: bool = True
    people: int | None = None

    @property
    def name(self) -> str:
        """What tables and folders call it.

        Example:
            >>> Cell("sex", augmented=False, people=24).name
            'vit3d, synthetic, not augmented, warm-up + annealing, 24 people'
        """
        told = [self.model, self.start, "augmented" if self.augmented else "not augmented"]
        told.append("warm-up + annealing" if self.annealed else "constant rate")
        return ", ".join(told + ([f"{self.people} people"] if self.people else []))

    @property
    def departs(self) -> int:
        """In how much it differs from the row that the others are compared with."""
        plain = Cell(self.task)
        return sum(getattr(self, key) != getattr(plain, key) for key in ("model", "start", "augmented", "annealed"))


def grid(tasks: Sequence[str]) -> list[Cell]:
    """All rows, those first that most comparisons need: few departures from the recipe; few people with their like.

    Example:
        >>> len(grid(["sex"])), grid(["sex", "AD"])[0].name
        (40, 'vit3d, synthetic, augmented, warm-up + annealing')
    """
    full = [Cell(*row) for row in itertools.product(tasks, MODELS, STARTS, (True, False), (True, False))]
    starts = ("synthetic", "scratch")
    few = [Cell(task, start=start, people=people) for task in tasks for start in starts for people in FEW]
    return sorted(full + few, key=lambda cell: cell.departs)


def pairs(cells: Iterable[Cell]) -> list[tuple[str, Cell, Cell]]:
    """What is compared: an effect, the row with it and the row without; each in one thing apart.

    Effects of techniques are asked with the other techniques on.

    Example:
        >>> [effect for effect, _, _ in pairs([Cell("sex"), Cell("sex", start="scratch")])]
        ['synthetic pre-training']
    """
    cells, found = list(cells), []
    for cell in cells:
        others = []
        if cell.augmented and cell.annealed:
            if cell.start != "scratch":
                others.append((f"{cell.start} pre-training", replace(cell, start="scratch")))
            if cell.model == "vit3d":
                others += [(f"vit3d, not {model}", replace(cell, model=model)) for model in MODELS[1:]]
            others.append(("augmentation", replace(cell, augmented=False)))
            others.append(("warm-up + annealing", replace(cell, annealed=False)))
        found += [(effect, cell, other) for effect, other in others if other in cells]
    return found
