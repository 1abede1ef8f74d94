import keras
import numpy as np
import pytest
from scipy import ndimage

from keras_neurovit import InputError, augmentation
from keras_neurovit.augmentation import affine, augment, flip, gamma, policy
from keras_neurovit.augmentation.functions import rotation_matrices
from keras_neurovit.augmentation.randomness import normal, uniform
from keras_neurovit.augmentation.sampling import bspline_weights, sample_trilinear, smooth_field
from tests.contracts import LAYERS, VOLUMES, run, sample

RANDOM = sorted(name for name in LAYERS if name.startswith("Random"))
SEEDS = np.array([5, 9], "int32")
STILL = {
    "RandomFlip3D": {"rate": 0.0},
    "RandomAffine3D": {"rotation_degrees": 0.0, "scaling": 0.0, "shift_voxels": 0.0},
    "RandomGamma3D": {"strength": 0.0},
    "RandomNoise3D": {"strength": 0.0},
}


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("name", RANDOM)
def test_zero_strength_is_the_identity(name):
    layer = getattr(augmentation, name)(**STILL[name])
    np.testing.assert_array_equal(numpy(layer.transform(sample(VOLUMES), SEEDS)), sample(VOLUMES))


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_is_a_result_whatever_stands_beside_it_in_the_batch(name):
    layer = LAYERS[name][0]()
    both = numpy(layer.transform(sample(VOLUMES), SEEDS))
    one = numpy(layer.transform(sample(VOLUMES)[1:], SEEDS[1:]))
    np.testing.assert_allclose(both[1:], one, atol=1e-6)


@pytest.mark.parametrize("name", RANDOM)
def test_seeds_differ_and_inference_is_still(name):
    layer, volumes = LAYERS[name][0](), sample(VOLUMES)
    draws = [numpy(layer.transform(volumes, np.full(2, seed, "int32"))) for seed in range(8)]
    assert any(np.abs(draw - draws[0]).max() > 1e-3 for draw in draws[1:])
    np.testing.assert_array_equal(run(layer, volumes, training=False), volumes)
    assert np.isfinite(np.stack(draws)).all()


def test_uniform_is_uniform_and_independent():
    draws = numpy(uniform(np.arange(200, dtype="int32"), (500,), stream=1))
    assert draws.min() >= 0
    assert draws.max() < 1
    counts = np.histogram(draws, 20, (0, 1))[0] / draws.size
    np.testing.assert_allclose(counts, 0.05, atol=0.003)
    assert abs(np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]) < 0.01
    other = numpy(uniform(np.arange(200, dtype="int32"), (500,), stream=2))
    assert abs(np.corrcoef(draws.ravel(), other.ravel())[0, 1]) < 0.01


def test_the_same_numbers_on_every_backend():
    """Equal to the hash written with Python's own whole numbers, so every backend's wrap-around is the same."""

    def mix(bits):
        bits = (bits ^ (bits >> 16)) * 0x7FEB352D & 0xFFFFFFFF
        bits = (bits ^ (bits >> 15)) * 0x846CA68B & 0xFFFFFFFF
        return bits ^ (bits >> 16)

    def reference(seed, place, stream):
        key = mix((mix((seed + 0x9E3779B9) & 0xFFFFFFFF) + stream * 0x85EBCA6B) & 0xFFFFFFFF)
        return (mix(key ^ (place * 0x9E3779B1 & 0xFFFFFFFF)) >> 8) / 2**24

    seeds = [0, 1, -7, 2**31 - 1, -(2**31)]
    drawn = numpy(uniform(np.array(seeds, "int32"), (50,), stream=3))
    np.testing.assert_array_equal(drawn, np.float32([[reference(s, place, 3) for place in range(50)] for s in seeds]))


def test_normal_is_normal():
    draws = numpy(normal(np.arange(100, dtype="int32"), (1000,), stream=4))
    assert abs(draws.mean()) < 0.02
    assert abs(draws.std() - 1) < 0.02
    assert abs((draws**4).mean() - 3) < 0.15


def test_sampling_agrees_with_scipy():
    volumes = sample((2, 8, 12, 20, 3))
    places = np.random.default_rng(1).uniform(-2, 22, (2, 50, 3)).astype("float32")
    ours = numpy(sample_trilinear(volumes, places))
    for b in range(2):
        for c in range(3):
            theirs = ndimage.map_coordinates(volumes[b, ..., c], places[b].T, order=1, mode="nearest")
            np.testing.assert_allclose(ours[b, :, c], theirs, atol=1e-4)


def test_affine_agrees_with_scipy():
    volumes, middle = sample((1, 8, 12, 20, 1)), np.array([3.5, 5.5, 9.5])
    matrix = numpy(rotation_matrices(np.array([[0.2, -0.1, 0.3]], "float32"))) * 1.1
    shift = np.array([[0.5, -1.0, 2.0]], "float32")
    theirs = ndimage.affine_transform(
        volumes[0, ..., 0], matrix[0], middle + shift[0] - matrix[0] @ middle, order=1, mode="nearest"
    )
    np.testing.assert_allclose(numpy(affine(volumes, matrix, shift))[0, ..., 0], theirs, atol=1e-4)


def test_rotations_rotate():
    matrix = numpy(rotation_matrices(np.array([[0, 0, np.pi / 2]], "float32")))[0]
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(matrix), 1, atol=1e-6)


def test_flip_mirrors_left_and_right_alone():
    volumes = sample(VOLUMES)
    flipped = numpy(flip(volumes, np.array([True, False])))
    np.testing.assert_array_equal(flipped[0], volumes[0, ::-1])
    np.testing.assert_array_equal(flipped[1], volumes[1])


def test_gamma_keeps_the_ends_and_the_order():
    volumes = np.sort(sample((1, 1, 1, 50, 1)), axis=3)
    bent = numpy(gamma(volumes, np.array([2.0], "float32")))
    np.testing.assert_allclose(bent[..., [0, -1], :], volumes[..., [0, -1], :], atol=1e-4)
    assert (np.diff(bent.ravel()) >= 0).all()
    assert bent.mean() < volumes.mean()


def test_smooth_field_agrees_with_scipy_and_keeps_constants():
    from scipy.interpolate import BSpline

    knots, size = 7, 20
    places = np.linspace(1, knots - 2, size)
    for index in range(knots):
        basis = BSpline.basis_element(np.arange(index - 2, index + 3), extrapolate=False)
        np.testing.assert_allclose(bspline_weights(knots, size)[:, index], np.nan_to_num(basis(places)), atol=1e-6)
    field = numpy(smooth_field(np.full((1, 5, 6, 7, 2), 3.0, "float32"), (8, 12, 20)))
    np.testing.assert_allclose(field, np.full((1, 8, 12, 20, 2), 3.0), atol=1e-5)


@pytest.mark.parametrize("name", ["none", "light", "standard"])
def test_policies(name):
    volumes = numpy(augment(sample(VOLUMES), SEEDS, policy(name)))
    assert volumes.shape == VOLUMES
    assert np.array_equal(volumes, sample(VOLUMES)) == (name == "none")
    assert not any(isinstance(layer, augmentation.RandomFlip3D) for layer in policy(name))


def test_unknown_policy_and_strength():
    with pytest.raises(InputError, match="Did you mean 'standard'"):
        policy("standart")
    with pytest.raises(InputError, match="rate"):
        augmentation.RandomFlip3D(1.5)
