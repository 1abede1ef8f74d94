"""Who is in the demo cohort, and what ails them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Mean and spread between people of each structure's volume ratio, on a log scale. `severe` is the shift at severity 1,
# after published effects at the clinic (hippocampus −20 to −25 %, ventricles +40 to +60 %, brain −5 to −7 %; ADNI
# baseline); `per_year` of age from 74. The spreads are those of healthy people of one age, corrected for head size,
# and are wide enough that the groups overlap.
EFFECTS = {
    "hippocampus": {"severe": -0.29, "per_year": -0.008, "spread": 0.12},
    "ventricles": {"severe": +0.40, "per_year": +0.020, "spread": 0.30},
    "cortex": {"severe": -0.06, "per_year": -0.001, "spread": 0.035},
}
ASYMMETRY = 0.04  # spread between a person's two hippocampi


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic participant.

    Args:
        participant: BIDS label without `sub-`.
        diagnosis: "CN" or "AD".
        age: years; drawn alike in both groups.
        sex: "F" or "M".
        severity: 0 none, 1 the mean patient's.
        head: linear size of the head against the template's.
        ratios: volume of each structure against the template's, at the template's head size.
        seed: of everything else about the scan.
    """

    participant: str
    diagnosis: str
    age: float
    sex: str
    severity: float
    head: float
    ratios: dict[str, float]
    seed: int


def draw_people(people: int, seed: int) -> list[Person]:
    """Draw people, every second with AD, age and sex alike in both groups.

    Example:
        >>> [person.diagnosis for person in draw_people(4, seed=0)]
        ['CN', 'AD', 'CN', 'AD']
    """
    return [_draw(index, np.random.default_rng((seed, index))) for index in range(people)]


def _draw(index: int, random: np.random.Generator) -> Person:
    ill = index % 2 == 1
    severity = max(random.normal(1.0, 0.35) if ill else random.normal(0.0, 0.15), 0.0)
    age = float(np.clip(random.normal(74, 6), 56, 90))
    male = random.random() < 0.5
    ratios = {}
    for structure, effect in EFFECTS.items():
        shift = effect["severe"] * severity + effect["per_year"] * (age - 74) + random.normal(0, effect["spread"])
        if structure == "hippocampus":
            for side in ("left", "right"):
                ratios[f"hippocampus_{side}"] = float(np.exp(shift + random.normal(0, ASYMMETRY)))
        else:
            ratios[structure] = float(np.exp(shift))
    return Person(
        participant=f"{index + 1:04d}",
        diagnosis="AD" if ill else "CN",
        age=round(age, 1),
        sex="M" if male else "F",
        severity=round(severity, 4),
        # The average template's head is large; men's are some 12 % larger in volume than women's.
        head=float(random.normal(0.965 if male else 0.93, 0.025)),
        ratios=ratios,
        seed=int(random.integers(2**31 - 1)),
    )
