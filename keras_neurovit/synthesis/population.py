"""Who the synthetic people are: age, sex, severity, and the volumes that these bring about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit.synthesis.anatomy import Anatomies
from keras_neurovit.synthesis.structures import FLUID, STRUCTURES, TISSUE_STRUCTURES, mirrored_structures

AGES = (40, 50, 60, 70, 80, 90)
MEDIANS_MM3 = {
    "brain": (1285632, 1257895, 1230923, 1204838, 1179274, 1154052),
    "hippocampus_left": (3874, 3849, 3783, 3666, 3450, 3093),
    "hippocampus_right": (4135, 4109, 4040, 3922, 3709, 3419),
    "amygdala_left": (1111, 1107, 1084, 1059, 1019, 940),
    "amygdala_right": (1097, 1095, 1070, 1045, 997, 910),
    "lateral_ventricle_left": (7066, 7750, 9471, 13673, 19035, 24416),
    "lateral_ventricle_right": (6427, 7142, 8651, 12546, 17615, 21659),
    "inferior_lateral_ventricle_left": (135, 141, 185, 336, 550, 782),
    "inferior_lateral_ventricle_right": (211, 206, 251, 401, 628, 874),
    "third_ventricle": (560, 725, 980, 1382, 1802, 2127),
}
"""Median volume of cognitively normal people at `AGES`: facts from NiChart's DLMUSE centiles (CBICA, University of
Pennsylvania). What is not named ages with the brain."""

INTRACRANIAL_MM3 = {"F": 1_390_000, "M": 1_560_000}
INTRACRANIAL_SPREAD = 0.075  # of the logarithm, within a sex


@dataclass(frozen=True, slots=True)
class Effect:
    """How a structure's volume differs between people.

    Args:
        severe: change of its logarithm at severity 1, the mean patient's.
        spread: standard deviation of its logarithm between people of one age, sex, head size and lean.
        side: the same of each of one person's sides, about their mean.
        scaling: exponent of its growth with head size.
    """

    severe: float
    spread: float
    side: float = 0.0
    scaling: float = 1.0


EFFECTS = {
    "brain": Effect(-0.062, 0.022),
    "hippocampus": Effect(-0.255, 0.050, 0.035, 0.6),
    "amygdala": Effect(-0.223, 0.055, 0.04, 0.7),
    "medial_temporal_cortex": Effect(-0.23, 0.08, 0.05, 0.8),
    "temporal_cortex": Effect(-0.13, 0.04, 0.02, 1.0),
    "lateral_ventricle": Effect(0.40, 0.38, 0.10, 1.0),
    "inferior_lateral_ventricle": Effect(0.55, 0.40, 0.20, 1.0),
    "third_ventricle": Effect(0.25, 0.30, 0.0, 1.0),
}
"""Alzheimer's disease against matched normals: hippocampus −20 to −25 %, amygdala −20 %, entorhinal cortex −20 to
−25 %, temporal cortex −10 to −15 %, lateral ventricles +40 to +60 %, brain −5 to −7 % (ADNI baseline, roughly)."""

SEVERITY = {"CN": (0.0, 0.0), "MCI": (0.5, 0.2), "AD": (1.0, 0.25)}
"""Mean and standard deviation of the severity of each diagnosis, cut at 0."""
LEAN = 0.36
"""Standard deviation, in units of severity, of how far healthy people differ in the very direction of the disease: were
their structures to differ independently, many structures together would tell the disease without fail."""


@dataclass(frozen=True, slots=True)
class Person:
    """A synthetic participant.

    Args:
        participant: BIDS label without `sub-`.
        diagnosis: "CN", "MCI" or "AD".
        age: years.
        sex: "F" or "M".
        severity: 0 none, 1 the mean patient's.
        intracranial_mm3: volume inside the skull that is aimed at.
        brain_mm3: volume of all tissue that is aimed at.
        volumes_mm3: volumes aimed at of the structures whose norms are known.
        beyond: of the other tissue, logarithms of its volume over what a brain of this size has on average.
        seed: of everything else about the scan.
    """

    participant: str
    diagnosis: str
    age: float
    sex: str
    severity: float
    intracranial_mm3: float
    brain_mm3: float
    volumes_mm3: dict[str, float]
    beyond: dict[str, float]
    seed: int


def median_mm3(name: str, age: float) -> float:
    """Median volume of a structure of `MEDIANS_MM3` in healthy people.

    Example:
        >>> round(median_mm3("hippocampus_left", 75))
        3558
    """
    return float(np.interp(age, AGES, MEDIANS_MM3[name]))


def draw_population(
    people: int,
    seed: int = 0,
    *,
    diagnoses: Sequence[str] = ("CN", "AD"),
    ages: tuple[float, float] = (55.0, 90.0),
    severity: float | None = None,
) -> list[Person]:
    """Draw people whose volumes follow the norms of healthy ageing and the effects of disease.

    Age and sex are distributed alike in each diagnosis, so that neither tells it.

    Args:
        people: how many; the diagnoses take turns.
        seed: of all of them.
        diagnoses: of `SEVERITY`.
        ages: youngest and oldest, within 40 to 90, in years.
        severity: the same for everybody, from 0 to 2, in place of the diagnosis'.

    Raises:
        InputError: no people; an unknown diagnosis; ages, severity or a seed outside what is supported.

    Example:
        >>> [person.diagnosis for person in draw_population(4, seed=0)]
        ['CN', 'AD', 'CN', 'AD']
    """
    for name, value, least in (("people", people, 1), ("seed", seed, 0)):
        if not isinstance(value, (int, np.integer)) or value < least:
            raise InputError(f"{name} of a population is unusable", f"a whole number, {least} or more", repr(value))
    if not diagnoses or isinstance(diagnoses, str):
        raise InputError("a population needs diagnoses", f"some of {', '.join(SEVERITY)}", repr(diagnoses))
    if unknown := sorted(set(diagnoses) - set(SEVERITY)):
        raise InputError("unknown diagnoses", ", ".join(SEVERITY), unknown)
    ends = ages if isinstance(ages, Sequence) and all(isinstance(age, (int, float)) for age in ages) else ()
    if len(ends) != 2 or not AGES[0] <= ends[0] <= ends[1] <= AGES[-1]:
        raise InputError("ages are outside the norms", f"{AGES[0]} ≤ youngest ≤ oldest ≤ {AGES[-1]} years", ages)
    if severity is not None and not (isinstance(severity, (int, float)) and 0.0 <= severity <= 2.0):
        raise InputError("severity is unsupported", "0 (none) to 2 (twice the mean patient's)", repr(severity))
    return [_draw(index, seed, diagnoses, ages, severity) for index in range(people)]


def _draw(index: int, seed: int, diagnoses, ages, severity) -> Person:
    diagnosis = diagnoses[index % len(diagnoses)]
    # One stream for who somebody is and one for what ails them: the same person can be drawn ill and well.
    random, ailing = np.random.default_rng((seed, index, 0)), np.random.default_rng((seed, index, 1))
    middle, spread = sum(ages) / 2, (ages[1] - ages[0]) / 4
    age = float(np.clip(random.normal(middle + 0.1 * (ages[1] - ages[0]), spread), *ages))
    sex = "F" if random.random() < 0.5 else "M"
    mean, deviation = SEVERITY[diagnosis]
    how_ill = max(float(ailing.normal(mean, deviation)), 0.0) if severity is None else float(severity)
    skull = float(np.exp(random.normal(0, INTRACRANIAL_SPREAD))) * INTRACRANIAL_MM3[sex]
    head = np.log(skull / np.mean(list(INTRACRANIAL_MM3.values())))
    lean = random.normal(0, LEAN)
    drawn = {name: lean * e.severe + random.normal(0, e.spread) for name, e in EFFECTS.items()}
    sides = {structure: random.normal() for structure in STRUCTURES}
    brain = EFFECTS["brain"]
    whole = median_mm3("brain", age) * np.exp(brain.severe * how_ill + drawn["brain"] + brain.scaling * head)
    volumes, beyond = {}, {}
    for structure in STRUCTURES:
        name = structure.removesuffix("_left").removesuffix("_right")
        e = EFFECTS.get(name)
        if e and structure in MEDIANS_MM3:
            shift = e.severe * how_ill + drawn[name] + e.side * sides[structure] + e.scaling * head
            volumes[structure] = median_mm3(structure, age) * float(np.exp(shift))
        elif structure not in FLUID:
            beyond[structure] = 0.0
            if e:
                shift = (e.severe - brain.severe) * how_ill + drawn[name] - drawn["brain"]
                beyond[structure] = float(shift + e.side * sides[structure] + (e.scaling - brain.scaling) * head)
    person_seed = int(random.integers(2**31 - 1))
    return Person(
        f"{index + 1:04d}",
        diagnosis,
        round(age, 1),
        sex,
        round(how_ill, 4),
        skull,
        float(whole),
        volumes,
        beyond,
        person_seed,
    )


def targets_mm3(person: Person, anatomies: Anatomies) -> np.ndarray:
    """The volumes a person's structures should have, NaN where none is asked for.

    Shape: → (structure,)
    """
    tissue = [STRUCTURES.index(name) for name in TISSUE_STRUCTURES]
    shares = anatomies.volumes_mm3 / anatomies.volumes_mm3[:, tissue].sum(axis=1, keepdims=True)
    wanted = np.full(len(STRUCTURES), np.nan)
    for place, structure in enumerate(STRUCTURES):
        if structure in person.volumes_mm3:
            wanted[place] = person.volumes_mm3[structure]
        elif structure in person.beyond:
            wanted[place] = person.brain_mm3 * np.exp(person.beyond[structure]) * shares[:, place].mean()
    return wanted


def changes(person: Person, anatomies: Anatomies, anatomy: int, mirrored: bool = False) -> tuple[np.ndarray, float]:
    """What a label map, or its mirror image, must undergo to become a person: logarithms of ratios, scale of the head.

    Shape: → (structure,), scalar
    """
    own = anatomies.volumes_mm3[anatomy][mirrored_structures() if mirrored else slice(None)]
    scale = float((person.intracranial_mm3 / own.sum()) ** (1 / 3))
    wanted = targets_mm3(person, anatomies)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(wanted / (own * scale**3))
    return np.where(np.isfinite(ratios) & (own > 0), np.clip(ratios, -0.9, 0.9), 0.0), scale
