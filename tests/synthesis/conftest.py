"""A small whole head of ellipsoids, with every structure, in millimetres."""

import numpy as np
import pytest

from keras_neurovit.synthesis.anatomy import stack
from keras_neurovit.synthesis.label_map import check_label_map


def ellipsoid(shape, middle, radii):
    axes = [np.arange(n).reshape([-1 if a == i else 1 for a in range(3)]) for i, n in enumerate(shape)]
    return sum(((x - m) / r) ** 2 for x, m, r in zip(axes, middle, radii, strict=True)) < 1


def phantom_codes() -> np.ndarray:
    """A head on RAS+ axes, 1 mm: nested ellipsoids for skin, fluid, cortex and white matter, pairs for the rest."""
    shape, middle = (170, 200, 176), np.array([85, 100, 88])
    codes = np.zeros(shape, "int16")
    for code, radii in ((511, (80, 96, 84)), (515, (74, 90, 78)), (24, (68, 84, 72))):
        codes[ellipsoid(shape, middle, radii)] = code
    left = np.arange(shape[0])[:, None, None] < middle[0]
    for pair, radii in (((3, 42), (63, 79, 67)), ((2, 41), (56, 72, 60))):
        inside = ellipsoid(shape, middle, radii)
        codes[inside & left], codes[inside & ~left] = pair
    places = {  # millimetres from the middle, for the right side, and radii
        (3, 42): ((26, -8, -36), (8, 12, 6)),  # the gyrus below the hippocampus
        (4, 43): ((14, 4, 6), (7, 28, 9)),
        (136, 163): ((16, -14, 4), (3, 5, 3)),
        (10, 49): ((12, -8, -8), (8, 13, 7)),
        (11, 50): ((16, 30, -2), (5, 12, 7)),
        (12, 51): ((27, 8, -4), (6, 14, 8)),
        (13, 52): ((19, 10, -12), (4, 8, 4)),
        (26, 58): ((9, 24, -12), (3, 5, 3)),
        (28, 60): ((9, -4, -22), (6, 9, 6)),
        (17, 53): ((29, -14, -26), (7, 17, 6)),
        (5, 44): ((38, -14, -24), (2, 12, 4)),
        (18, 54): ((26, 10, -28), (7, 6, 7)),
        (7, 46): ((20, -48, -38), (10, 9, 7)),
    }
    for pair, (at, radii) in places.items():
        for code, side in zip(pair, (-1, 1), strict=True):
            codes[ellipsoid(shape, middle + np.array([side * at[0], at[1], at[2]]), radii)] = code
    for code, side in ((8, -1), (47, 1)):
        around = ellipsoid(shape, middle + np.array([side * 20, -48, -38]), (18, 16, 13))
        codes[around & ~np.isin(codes, (7, 46, 0, 511, 515))] = code
    for code, at, radii in (
        (16, (0, -22, -40), (9, 9, 20)),
        (14, (0, 0, -8), (3, 10, 8)),
        (15, (0, -34, -40), (5, 4, 8)),
    ):
        codes[ellipsoid(shape, middle + np.array(at), radii)] = code
    return codes


@pytest.fixture(scope="session")
def codes():
    return phantom_codes()


@pytest.fixture(scope="session")
def anatomies(codes):
    return stack([check_label_map(codes, (1.0, 1.0, 1.0), "phantom")])
