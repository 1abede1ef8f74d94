"""What the phantom is too simple to show: how brains made from people's own label maps vary."""

import numpy as np
import pytest
from keras import ops

from keras_neurovit.synthesis import STRUCTURES, BrainFactory, BrainGenerator, deformation, load_anatomies
from keras_neurovit.synthesis.generator import gains
from keras_neurovit.synthesis.structures import TISSUE_STRUCTURES
from keras_neurovit.synthesis.variation import BRAIN_SPREAD, brain_against_fluid

SHAPE, SPACING = (56, 64, 60), 3.0
PLACES = {name: place for place, name in enumerate(STRUCTURES)}
TISSUE = [PLACES[name] for name in TISSUE_STRUCTURES]
MAPS = 4
SEEDS = np.arange(128, dtype="int32").reshape(-1, 16)
PAIRED = ("hippocampus", "lateral_ventricle", "amygdala", "thalamus", "putamen")
APART = (
    ("hippocampus", "lateral_ventricle"),
    ("hippocampus", "thalamus"),
    ("amygdala", "lateral_ventricle"),
    ("thalamus", "putamen"),
    ("brain", "lateral_ventricle"),
)


@pytest.fixture(scope="module")
def anatomies(shared_data):
    names = ("training_seg_02", "training_seg_03", "training_seg_05", "training_seg_10")
    maps = [file for name in names for file in (shared_data / "synthseg_labels").glob(f"{name}.*")]
    assert len(maps) == MAPS
    return load_anatomies(maps, verbose=False)


@pytest.fixture(scope="module")
def factory(anatomies):
    return BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING))


@pytest.fixture(scope="module")
def made(factory):
    """mm³ of people who vary freely. Shape: (person, structure)"""
    return np.concatenate([factory.measure(rows, rows % MAPS)["structures_mm3"] for rows in SEEDS])


def test_no_structure_is_read_through_another(made):
    inside = made.sum(axis=1)
    shares = np.log(made / inside[:, None])
    both = {name: shares[:, [PLACES[f"{name}_left"], PLACES[f"{name}_right"]]].mean(axis=1) for name in PAIRED}
    both["brain"] = np.log(made[:, TISSUE].sum(axis=1) / inside)
    found = {(a, b): np.corrcoef(both[a], both[b])[0, 1] for a, b in APART}
    assert max(map(abs, found.values())) < 0.3, found  # chance alone: 0.23 in one of 100 pairs


def test_the_brain_varies_against_the_fluid_around_it(factory):
    draws = ops.convert_to_numpy(brain_against_fluid(np.arange(4000, dtype="int32")))
    cortex = draws[:, PLACES["cortex_left"]]
    assert cortex.std() == pytest.approx(BRAIN_SPREAD, rel=0.05)
    ends = [cortex.argmin(), cortex.argmax()]
    rows = (draws[ends] * BRAIN_SPREAD / np.abs(cortex[ends])[:, None]).astype("float32")
    asked = np.resize(rows, (16, len(STRUCTURES)))  # small, large, small … of each label map
    found = factory.measure(np.full(16, 3), np.repeat(np.arange(4), 4), asked, np.ones(16))["structures_mm3"]
    small, large = found[::2], found[1::2]
    inside = np.log(large.sum(axis=1) / small.sum(axis=1))
    brain = np.log(large[:, TISSUE].sum(axis=1) / small[:, TISSUE].sum(axis=1))
    assert (brain > inside + 0.05).all()  # fluid gives way, and the head grows with the rest
    ventricles = np.log(large / small)[:, [PLACES["lateral_ventricle_left"], PLACES["lateral_ventricle_right"]]]
    assert abs((ventricles.mean(axis=1) - inside).mean()) < 0.2 < brain.mean()


def test_no_label_map_and_no_mirror_tells_a_structure(factory, made, anatomies):
    """Label maps differ in their hippocampi; people made of them, and mirror images of these, are alike."""
    seeds, sides = SEEDS.ravel(), [PLACES["hippocampus_left"], PLACES["hippocampus_right"]]
    which = seeds % MAPS
    mirrored = ops.convert_to_numpy(factory.generator.mirrored(seeds))
    asymmetry = np.log(made[:, sides[0]] / made[:, sides[1]])
    share = np.log(made[:, sides].sum(axis=1) / made[:, TISSUE].sum(axis=1))
    own = np.log(anatomies.volumes_mm3[:, sides].sum(axis=1) / anatomies.volumes_mm3[:, TISSUE].sum(axis=1))
    by_map = np.array([share[which == one].mean() for one in range(len(anatomies))])
    assert np.ptp(own) > 0.3
    assert np.ptp(by_map) < 0.2 < share.std()
    assert max(abs(asymmetry[side].mean()) for side in (mirrored, ~mirrored)) < 0.15 < asymmetry.std()


def test_what_ships_does_not_fold(factory, anatomies):
    step, seeds = 2.0, np.arange(8, dtype="int32")
    grid = np.stack(np.meshgrid(*[np.arange(-70, 70, step, dtype="float32")] * 3, indexing="ij"), -1)
    which = seeds % len(anatomies)
    asked = factory.draw(seeds, which) * gains(anatomies.maps)[which]
    divergence = np.einsum("bs,bsijk->bijk", asked, anatomies.maps[which].astype("float32"))
    velocity = deformation.growth_velocity(divergence, anatomies.fills[which].astype("float32"))
    velocity = velocity + deformation.wobble_velocity(seeds, np.ones(len(seeds), "float32"), stream=12)
    places = np.repeat(grid.reshape(1, -1, 3), len(seeds), 0)
    moved = ops.convert_to_numpy(deformation.flow(places, velocity)).reshape(-1, *grid.shape)
    jacobian = np.stack([np.gradient(moved[..., axis], step, axis=(1, 2, 3)) for axis in range(3)], -1)
    assert np.linalg.det(np.moveaxis(jacobian, 0, -2)).min() > 0
