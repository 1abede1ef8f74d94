"""Deformations do not fold, structures change as asked, and a seed is all there is to a brain."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_neurovit import InputError, volumes
from keras_neurovit.augmentation.randomness import uniform
from keras_neurovit.synthesis import STRUCTURES, BrainFactory, BrainGenerator, contrast, deformation, vary_freely
from keras_neurovit.synthesis.generator import gains
from keras_neurovit.synthesis.structures import CODES, STRUCTURE_OF_CLASS, TISSUE_STRUCTURES
from keras_neurovit.synthesis.variation import BRAIN_SHARE, common_shares, to_common

SHAPE, SPACING = (56, 64, 60), 3.0
STILL = {"wobble": 0.0, "mirror": False, "tilt_degrees": 0.0}

FROZEN = {"hippocampus_left": 1741.5, "lateral_ventricle_right": 5082.8, "cortex_left": 92856.4, "brain_stem": 3989.2}
FROZEN_VOXELS = [[-0.214, -0.244], [-0.308, -0.308]]


@pytest.fixture(scope="module")
def factory(anatomies):
    return BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING, cell=4, labels=True))


@pytest.fixture(scope="module")
def still(anatomies):
    return BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING, **STILL))


def asked(**ratios):
    wanted = np.zeros((1, len(STRUCTURES)), "float32")
    for name, ratio in ratios.items():
        wanted[0, STRUCTURES.index(name)] = np.log(ratio)
    return wanted


def measured(factory, wanted, seed=3):
    found = factory.measure([seed], [0], wanted, [1.0])["structures_mm3"][0]
    return dict(zip(STRUCTURES, found, strict=True))


def test_the_same_seed_gives_the_same_brain(factory):
    one, two = factory([5, 6]), factory([5, 7])
    np.testing.assert_array_equal(one["volumes"][0], two["volumes"][0])
    np.testing.assert_array_equal(one["structures_mm3"][0], two["structures_mm3"][0])
    assert not np.array_equal(one["volumes"][1], two["volumes"][1])


def test_every_backend_makes_the_same_brain(factory):
    brain = factory([5])
    found = {name: brain["structures_mm3"][0, STRUCTURES.index(name)] for name in FROZEN}
    assert found == pytest.approx(FROZEN, rel=0.01)
    middle = brain["volumes"][0, 20:36:8, 24:40:8, 30, 0]
    np.testing.assert_allclose(middle, FROZEN_VOXELS, atol=0.05)


def test_one_piece_and_three_stages_agree(anatomies, factory):
    layer = factory.generator
    seeds = np.array([5, 6], "int32")
    inputs = {
        "seeds": seeds,
        "anatomies": seeds * 0,
        "log_ratios": np.asarray(vary_freely(seeds)),
        "scales": np.ones(2, "float32"),
    }
    whole = layer({name: ops.convert_to_tensor(value) for name, value in inputs.items()})
    stages = factory(**inputs)
    # Rounding may send a sample across a border of structures; few may.
    np.testing.assert_allclose(
        ops.convert_to_numpy(whole["structures_mm3"]), stages["structures_mm3"], rtol=0.02, atol=200
    )
    assert np.corrcoef(ops.convert_to_numpy(whole["volumes"]).ravel(), stages["volumes"].ravel())[0, 1] > 0.999


def test_volumes_are_the_labels(factory):
    brain = factory([11])
    hippocampus = brain["structures_mm3"][0, STRUCTURES.index("hippocampus_left")]
    assert hippocampus == pytest.approx((brain["labels"][0] == 17).sum() * SPACING**3, rel=0.15)
    np.testing.assert_allclose(
        brain["cells"].sum(axis=(1, 2, 3)) * (4 * SPACING) ** 3, brain["structures_mm3"], rtol=1e-4, atol=1
    )


@pytest.mark.parametrize("cell", [2, 4, 16])
def test_every_sample_is_counted_once(anatomies, cell):
    generator = BrainGenerator(anatomies, (48, 64, 48), SPACING, cell=cell)
    classes = np.random.default_rng(cell).integers(0, len(CODES), (2, 96, 128, 96)).astype("uint8")
    classes[:, :32, :32, :32] = CODES.index(17)  # as many of one structure as a cell can hold
    cells = ops.convert_to_numpy(generator.measure(ops.convert_to_tensor(classes))["cells"])
    edge = 2 * cell
    blocks = [part for n in classes.shape[1:] for part in (n // edge, edge)]
    structures = np.asarray(STRUCTURE_OF_CLASS)[classes].reshape(2, *blocks)
    for place, name in enumerate(STRUCTURES):
        share = (structures == place + 1).mean(axis=(2, 4, 6))
        np.testing.assert_allclose(cells[..., place], share, atol=1e-6, err_msg=name)


def test_untouched_anatomy_keeps_its_volumes(anatomies, still):
    found = still.measure([3], [0], asked(), [1.0])["structures_mm3"][0]
    big = anatomies.volumes_mm3[0] > 2000
    stretch = found.sum() / anatomies.volumes_mm3[0].sum()
    np.testing.assert_allclose(found[big] / stretch, anatomies.volumes_mm3[0][big], rtol=0.1)  # samples of 1.5 mm


@pytest.mark.parametrize(
    ("name", "ratio"),
    [("hippocampus_left", 0.75), ("hippocampus_left", 1.25), ("lateral_ventricle_right", 1.6), ("amygdala_left", 0.8)],
)
def test_structures_change_alone(still, name, ratio):
    before, after = measured(still, asked()), measured(still, asked(**{name: ratio}))
    change = np.log(after[name] / before[name])
    assert change == pytest.approx(np.log(ratio), rel=0.45)  # one pass; `make_people` corrects what is missed
    other = name.replace("left", "X").replace("right", "left").replace("X", "right")
    assert after[other] == pytest.approx(before[other], rel=0.04)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=0.01)


def test_what_is_asked_is_asked_of_the_person_in_a_mirror_too(anatomies):
    mirroring = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING, wobble=0.0, tilt_degrees=0.0))
    seeds, left = np.arange(6), STRUCTURES.index("hippocampus_left")
    mirrored = np.asarray(ops.convert_to_numpy(uniform(seeds.astype("int32"), (), stream=5))) < 0.5
    assert 0 < mirrored.sum() < 6
    one = {"anatomies": seeds * 0, "scales": np.ones(6)}
    before = mirroring.measure(seeds, log_ratios=np.repeat(asked(), 6, 0), **one)["structures_mm3"]
    after = mirroring.measure(seeds, log_ratios=np.repeat(asked(hippocampus_left=0.6), 6, 0), **one)["structures_mm3"]
    change = np.log(after / before)
    assert (change[:, left] < -0.25).all()
    assert (np.abs(change[:, STRUCTURES.index("hippocampus_right")]) < 0.05).all()


def test_wrong_requests_are_refused(factory):
    with pytest.raises(InputError, match="0 to 0"):
        factory([1], anatomies=[1])
    with pytest.raises(InputError, match="do not match"):
        factory([1, 2], log_ratios=asked())


def test_precision_policies_do_not_move_anatomy(anatomies):
    arguments = ([3], [0], asked(), [1.0])
    expected = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING)).measure(*arguments)["structures_mm3"]
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        found = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING)).measure(*arguments)["structures_mm3"]
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(found, expected)


def test_deformations_never_fold(anatomies):
    seeds = np.arange(6, dtype="int32")
    step = 2.0
    axes = [np.arange(-70, 70, step, dtype="float32")] * 3
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    places = np.repeat(grid.reshape(1, -1, 3), len(seeds), 0)
    fields = anatomies.maps[0].astype("float32")
    wanted = ops.convert_to_numpy(vary_freely(seeds))
    divergence = np.einsum("bs,sijk->bijk", wanted * gains(anatomies.maps), fields)
    velocity = deformation.growth_velocity(divergence, np.repeat(anatomies.fills.astype("float32"), len(seeds), 0))
    velocity = velocity + deformation.wobble_velocity(seeds, np.ones(len(seeds), "float32"), stream=12)
    moved = ops.convert_to_numpy(deformation.flow(places, velocity)).reshape(-1, *grid.shape)
    jacobian = np.stack([np.gradient(moved[..., axis], step, axis=(1, 2, 3)) for axis in range(3)], -1)
    jacobian = np.moveaxis(jacobian, 0, -2)
    assert np.linalg.det(jacobian).min() > 0


def test_structures_vary_independently():
    draws = ops.convert_to_numpy(vary_freely(np.arange(4000, dtype="int32")))
    names = ["hippocampus_left", "lateral_ventricle_left", "amygdala_left", "cortex_left"]
    together = np.corrcoef(draws[:, [STRUCTURES.index(name) for name in names]].T)
    assert np.abs(together - np.eye(len(names))).max() < 0.06
    hippocampus = draws[:, STRUCTURES.index("hippocampus_left")]
    assert 0.2 < hippocampus.std() < 0.3


def test_all_label_maps_are_asked_for_one_average_person():
    random = np.random.default_rng(0)
    free = STRUCTURES.index("csf")
    volumes_mm3 = np.exp(random.normal(8, 0.2, (5, len(STRUCTURES))))
    volumes_mm3[2, 7] = 0.0  # a structure that one map does not have
    changes = to_common(volumes_mm3, common_shares(volumes_mm3))
    assert changes[2, 7] == 0
    assert np.all(changes[:, free] == 0)
    after, tissue = volumes_mm3 * np.exp(changes), np.array([name in TISSUE_STRUCTURES for name in STRUCTURES])
    shares = after[:, tissue] / after[:, tissue].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares[[0, 1, 3, 4]], shares[[0, 0, 0, 0]], rtol=0.05)
    np.testing.assert_allclose(after[:, tissue].sum(axis=1) / volumes_mm3.sum(axis=1), BRAIN_SHARE, rtol=0.05)


def test_normalisation_is_that_of_conform(factory):
    brains = factory([21, 22, 23, 24])["volumes"]
    for volume in brains[..., 0]:
        raw = 100 * (volume - volume.min())
        again = volumes.conform(
            volumes.Scan(raw.astype("float32"), np.diag([SPACING] * 3 + [1.0])),
            volumes.VolumeContract((SPACING,) * 3, SHAPE),
        )
        assert abs(again.std() - volume.std()) < 0.1 * volume.std()


def test_stripping_leaves_the_brain(anatomies):
    kept = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING, stripped_share=1.0, normalised=False, labels=True))(
        [3, 4]
    )
    whole = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING, stripped_share=0.0, normalised=False, labels=True))(
        [3, 4]
    )
    brain = (kept["labels"] > 0) & (kept["labels"] < 500) & (kept["labels"] != 24)
    assert (kept["volumes"][..., 0][brain] > 8).mean() > 0.97
    skin = whole["labels"] == 511
    assert (whole["volumes"][..., 0][skin] > 8).mean() > 0.9
    assert (kept["volumes"][..., 0][kept["labels"] == 511] > 8).mean() < 0.05


def test_coils_shade_smoothly_and_leave_air():
    head = np.zeros((6, 24, 28, 20), "float32")
    head[:, 4:20, 4:24, 4:16] = np.random.default_rng(0).uniform(50, 150, (16, 20, 12))
    seeds = np.arange(6, dtype="int32")
    shaded = ops.convert_to_numpy(contrast.shade_from_afar(head, 1.0, seeds, stream=7))
    assert np.all(shaded[head == 0] == 0)
    logs = np.log(shaded[head > 0] / head[head > 0]).reshape(6, 16, 20, 12)
    assert max(np.abs(np.diff(logs, axis=axis)).max() for axis in (1, 2, 3)) < 0.3
    assert (
        max(np.abs(np.diff(logs, n=3, axis=axis)).max() for axis in (1, 2, 3)) < 1e-4
    )  # curved, and no more than that
    assert len({round(float(np.ptp(one)), 4) for one in logs}) == 6
    np.testing.assert_allclose(ops.convert_to_numpy(contrast.shade_from_afar(head, 0.0, seeds, stream=7)), head)


def test_the_shading_of_many_is_as_strong_as_it_says():
    seeds, ones = np.arange(4000, dtype="int32"), np.ones((4000, 3, 3, 3), "float32")
    logs = np.log(ops.convert_to_numpy(contrast.shade_from_afar(ones, 1.0, seeds, stream=7)))
    drawn = np.sqrt(1 / 3)  # the root of the mean square of a strength between 0 and 1
    slope = (logs[:, 2, 1, 1] - logs[:, 0, 1, 1]) / 2
    assert slope.std() == pytest.approx(contrast.SLOPE * drawn, rel=0.05)
    bulge = (logs[:, 2, 1, 1] + logs[:, 0, 1, 1]) / 2
    assert bulge.mean() == pytest.approx(-contrast.BULGE / 4, rel=0.1)  # the middle is brighter more often than darker


def test_the_same_people_are_scanned_under_other_coils(anatomies):
    plain = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING))(np.arange(2))
    under = BrainFactory(BrainGenerator(anatomies, SHAPE, SPACING, coil=1.0))(np.arange(2))
    np.testing.assert_array_equal(plain["structures_mm3"], under["structures_mm3"])
    assert np.abs(plain["volumes"] - under["volumes"]).max() > 0.1
    with pytest.raises(InputError, match="coil"):
        BrainGenerator(anatomies, SHAPE, SPACING, coil=-1.0)


def test_shapes_that_cells_do_not_divide_are_refused(anatomies):
    with pytest.raises(InputError, match="divisible"):
        BrainGenerator(anatomies, (30, 40, 32), 3.0, cell=4)
