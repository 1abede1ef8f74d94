import keras
import numpy as np
import pytest
from scipy import ndimage

from keras_neurovit import InputError, augmentation
from keras_neurovit.augmentation import (
    CutMix3D,
    MixUp3D,
    affine,
    augment,
    bias_field,
    blur,
    cutout,
    elastic,
    flip,
    gamma,
    ghosting,
    mix,
    noise,
    paste,
    policy,
    thick_slices,
)
from keras_neurovit.augmentation.policies import seeds_of
from keras_neurovit.augmentation.randomness import normal, uniform
from keras_neurovit.augmentation.sampling import along_axes_each, bspline_weights, sample_trilinear, smooth_field
from keras_neurovit.augmentation.spatial import rotation_matrices
from keras_neurovit.augmentation.together import change_together, pieces
from tests.contracts import LAYERS, VOLUMES, run, sample

RANDOM = sorted(name for name in LAYERS if name.startswith("Random"))
SEEDS = np.array([5, 9], "int32")
STILL = {
    "RandomFlip3D": {"rate": 0.0},
    "RandomAffine3D": {"rotation_degrees": 0.0, "scaling": 0.0, "shift_voxels": 0.0},
    "RandomElastic3D": {"shift_voxels": 0.0},
    "RandomGamma3D": {"strength": 0.0},
    "RandomBiasField3D": {"strength": 0.0},
    "RandomNoise3D": {"strength": 0.0},
    "RandomBlur3D": {"strength": 0.0},
    "RandomAnisotropy3D": {"thickness": 1.0},
    "RandomGhosting3D": {"strength": 0.0},
    "RandomCutout3D": {"share": 0.0},
}


def numpy(tensor) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize("name", RANDOM)
def test_zero_strength_is_the_identity(name):
    layer = getattr(augmentation, name)(**STILL[name])
    np.testing.assert_array_equal(numpy(layer.transform(sample(VOLUMES), SEEDS)), sample(VOLUMES))


def test_functions_with_nothing_to_do():
    volumes, none = sample(VOLUMES), np.zeros((2, 3), "float32")
    for found in (
        flip(volumes, np.array([False, False])),
        affine(volumes, np.stack([np.eye(3, dtype="float32")] * 2), none),
        elastic(volumes, np.zeros((2, 5, 5, 5, 3), "float32")),
        gamma(volumes, np.ones(2, "float32")),
        bias_field(volumes, np.zeros((2, 4, 4, 4), "float32")),
        noise(volumes, np.zeros(2, "float32"), np.array([3, 4], "int32")),
        blur(volumes, none),
        thick_slices(volumes, none + 1),
        ghosting(volumes, none + 3, none),
        cutout(volumes, none, none),
        mix(volumes, np.ones(2, "float32")),
        paste(volumes, none, none),
    ):
        np.testing.assert_allclose(numpy(found), volumes, atol=2e-5)


@pytest.mark.parametrize("name", RANDOM)
def test_the_rate_is_the_share_of_volumes_that_change(name):
    layer = (
        type(LAYERS[name][0]())(rate=0.5) if name != "RandomElastic3D" else augmentation.RandomElastic3D(0.4, rate=0.5)
    )
    volumes, seeds = np.repeat(sample(VOLUMES), 16, axis=0), np.arange(32, dtype="int32")
    changed = np.abs(numpy(layer.transform(volumes, seeds)) - volumes).max(axis=(1, 2, 3, 4)) > 0
    assert 8 <= changed.sum() <= 24
    np.testing.assert_array_equal(changed, numpy(layer.chosen(seeds)))
    assert type(layer)(rate=0.0).still


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compiled in the pipeline on TensorFlow alone")
@pytest.mark.parametrize("name", RANDOM)
def test_a_pipeline_does_what_the_layer_does(name):
    import tensorflow as tf

    from keras_neurovit.data.pipeline import augmenter

    layer, volume = LAYERS[name][0](), sample(VOLUMES)[0]
    run = augmenter([layer], volume.shape)
    seeds = tf.data.Dataset.from_tensor_slices(np.arange(6, dtype="int32"))
    found = np.stack(list(seeds.map(lambda seed: run(tf.constant(volume), seed)).as_numpy_iterator()))
    expected = numpy(layer.transform(np.stack([volume] * 6), np.arange(6, dtype="int32")))
    np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compiled in the pipeline on TensorFlow alone")
@pytest.mark.parametrize("name", ["light", "standard", "strong"])
def test_a_pipeline_does_what_a_policy_does(name):
    import tensorflow as tf

    from keras_neurovit.data.pipeline import augmenter

    volume = sample((40, 44, 40, 1))
    run = tf.function(augmenter(policy(name), volume.shape))
    for seed in range(4):
        expected = numpy(augment(volume[None], np.array([seed], "int32"), policy(name)))[0]
        np.testing.assert_allclose(run(tf.constant(volume), tf.constant(seed)), expected, atol=1e-3)


def test_neighbours_that_change_voxels_by_themselves_are_changed_together():
    bend, shade, grain = augmentation.RandomGamma3D(0.4), augmentation.RandomBiasField3D(), augmentation.RandomNoise3D()
    place, still = augmentation.RandomAffine3D(), augmentation.RandomGamma3D(0.0)
    some = augmentation.RandomNoise3D(rate=0.5)
    for layers, expected in (
        ([place, bend, shade, grain], [[0], [1, 2, 3]]),
        ([place, grain, place, grain, grain], [[0], [1], [2], [3, 4]]),  # nothing is known of what must be measured
        ([bend, still, bend, shade], [[0, 2, 3]]),
        ([shade, bend], [[0], [1]]),  # how bright the brightest is after shading only looking tells
        ([shade, grain, shade], [[0, 1], [2]]),
        ([grain, some, grain], [[0], [1], [2]]),  # whether it is changed is drawn for the whole piece
        ([still], []),
    ):
        assert [[at for at, _ in piece] for piece in pieces(layers)] == expected
    volumes, layers = sample(VOLUMES), [bend, bend, shade, grain]
    drawn = [layer.fetch(volumes, *layer.draw(seeds_of(SEEDS, at), VOLUMES[1:4])) for at, layer in enumerate(layers)]
    found = numpy(change_together(layers, volumes, drawn, bend.measure(volumes)))
    np.testing.assert_allclose(found, numpy(augment(volumes, SEEDS, layers)), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_products_along_axes_agree_with_numpy(channels):
    volumes = sample((2, 5, 6, 7, channels))
    matrices = [sample((2, new, old)) for new, old in ((4, 5), (8, 6), (3, 7))]
    expected = np.einsum("bxyzc,bux,bvy,bwz->buvwc", volumes, *matrices)
    np.testing.assert_allclose(numpy(along_axes_each(volumes, matrices)), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(numpy(along_axes_each(volumes, [None] * 3)), volumes)


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_is_a_result_whatever_stands_beside_it_in_the_batch(name):
    layer = LAYERS[name][0]()
    both = numpy(layer.transform(sample(VOLUMES), SEEDS))
    one = numpy(layer.transform(sample(VOLUMES)[1:], SEEDS[1:]))
    rounded = 1e-5 if keras.backend.backend() == "torch" else 1e-6  # which adds in an order of its own for each batch
    np.testing.assert_allclose(both[1:], one, atol=rounded)


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


def test_elastic_agrees_with_scipy():
    volumes = sample((1, 12, 14, 20, 1))
    control = np.random.default_rng(2).uniform(-0.8, 0.8, (1, 6, 6, 6, 3)).astype("float32")
    shifts = numpy(smooth_field(control, volumes.shape[1:4]))[0]
    places = np.indices(volumes.shape[1:4]) + np.moveaxis(shifts, -1, 0)
    theirs = ndimage.map_coordinates(volumes[0, ..., 0], places, order=1, mode="nearest")
    np.testing.assert_allclose(numpy(elastic(volumes, control))[0, ..., 0], theirs, atol=1e-4)


def test_elastic_never_folds():
    shape, layer = (24, 28, 24), augmentation.RandomElastic3D(2.2)
    worst = 2.2 * (-1.0) ** np.indices((7, 7, 7)).sum(axis=0)[None, ..., None] * np.ones(3)
    drawn = [layer.draw(np.array([seed], "int32"), shape)[0] for seed in range(3)]
    for control in (worst.astype("float32"), *drawn):
        field = numpy(smooth_field(control, shape))[0]
        steps = [np.diff(field[..., axis], axis=axis).min() for axis in range(3)]
        assert min(steps) > -1  # no voxel overtakes the next
        jacobian = np.eye(3) + np.stack(np.gradient(field, axis=(0, 1, 2)), axis=-1)
        assert np.linalg.det(jacobian).min() > 0
    with pytest.raises(InputError, match="fold"):
        augmentation.RandomElastic3D(5.0)(np.zeros((1, *shape, 1)), training=True)


def test_bias_field_is_a_polynomial():
    volumes, coefficients = np.abs(sample((1, 5, 6, 7, 1))), np.zeros((1, 3, 3, 3), "float32")
    coefficients[0, 1, 0, 0], coefficients[0, 0, 1, 1] = 0.3, -0.2
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in volumes.shape[1:4]), indexing="ij")
    low = volumes.min()
    expected = low + (volumes[0, ..., 0] - low) * np.exp(0.3 * x - 0.2 * y * z)
    np.testing.assert_allclose(numpy(bias_field(volumes, coefficients))[0, ..., 0], expected, rtol=1e-5)


def test_noise_has_its_deviation_and_no_pattern():
    shape = (2, 40, 40, 40, 1)
    found = numpy(noise(np.zeros(shape, "float32"), np.float32([0.5, 2.0]), np.array([3, 700_000], "int32")))
    np.testing.assert_allclose(found.std(axis=(1, 2, 3, 4)), [0.5, 2.0], rtol=0.02)
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3, 4)), 0.0, atol=0.03)
    field = found[0, ..., 0]
    for axis in range(3):
        assert abs(np.corrcoef(field.ravel(), np.roll(field, 1, axis).ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(found[0].ravel(), found[1].ravel())[0, 1]) < 0.02


def test_blur_agrees_with_scipy():
    smooth = ndimage.gaussian_filter(sample((24, 28, 32)), 1.5, mode="reflect")[None, ..., None]
    widths = [0.8, 1.5, 2.2]
    theirs = ndimage.gaussian_filter(smooth[0, ..., 0], widths, mode="reflect", truncate=8)
    np.testing.assert_allclose(numpy(blur(smooth, np.float32([widths])))[0, ..., 0], theirs, atol=1e-3)


def test_blur_has_its_width():
    point = np.zeros((2, 25, 27, 31, 1), "float32")
    point[:, 12, 13, 15] = 1
    blurred = numpy(blur(point, np.float32([[0.4, 1.0, 1.8], [1.0, 1.0, 0.5]])))[..., 0]
    for row, deviations in zip(blurred, ([0.4, 1.0, 1.8], [1.0, 1.0, 0.5]), strict=True):
        for axis, deviation in enumerate(deviations):
            profile = row.sum(axis=tuple(a for a in range(3) if a != axis))
            places = np.arange(len(profile))
            mean = (profile * places).sum()
            assert (profile * (places - mean) ** 2).sum() == pytest.approx(deviation**2, rel=0.02)


def test_thick_slices_are_means():
    volumes = sample((1, 4, 4, 12, 1))
    thick = numpy(thick_slices(volumes, np.float32([[1, 1, 3]])))[0, ..., 0]
    means = volumes[0, ..., 0].reshape(4, 4, 4, 3).mean(axis=3)
    np.testing.assert_allclose(thick[..., 1::3], means, atol=1e-5)  # at the middles of slices
    np.testing.assert_allclose(thick[..., 2], (2 * means[..., 0] + means[..., 1]) / 3, atol=1e-5)
    np.testing.assert_allclose(thick[..., [0, -1]], means[..., [0, -1]], atol=1e-5)
    flat = numpy(thick_slices(np.ones((1, 7, 9, 11, 1), "float32"), np.float32([[2.5, 1, 3.3]])))
    np.testing.assert_allclose(flat, 1, atol=1e-5)


def test_ghosts_weaken_lines_of_the_spectrum():
    volumes, size = sample((1, 6, 8, 30, 1)), 30
    found = numpy(ghosting(volumes, np.float32([[3, 3, 3]]), np.float32([[0, 0, 0.5]])))[0, ..., 0]
    kept = np.ones(size)
    kept[::3] -= 0.5
    kept[size // 2] = 1
    spectrum = np.fft.fftshift(np.fft.fft(volumes[0, ..., 0], axis=2), axes=2)
    expected = np.fft.ifft(np.fft.ifftshift(spectrum * kept, axes=2), axis=2).real
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_cutout_fills_a_box():
    volumes = sample((2, 8, 12, 20, 1))
    found = numpy(cutout(volumes, np.float32([[1, 2, 3], [0, 0, 0]]), np.float32([[2, 3, 4], [0, 0, 0]]), 7.0))
    expected = volumes.copy()
    expected[0, 1:3, 2:5, 3:7] = 7
    np.testing.assert_array_equal(found, expected)


def test_torchio_does_the_same():
    t = pytest.importorskip("torchio", reason="the peer, in the extra 'bench'")
    torch = pytest.importorskip("torch")
    volumes = np.abs(sample((1, 10, 12, 30, 1)))
    image = t.ScalarImage(tensor=torch.as_tensor(volumes[..., 0]))
    theirs = t.Ghosting(num_ghosts=3, axis=2, intensity=0.5, restore=0.02)(image).numpy()[0]
    ours = numpy(ghosting(volumes, np.float32([[3, 3, 3]]), np.float32([[0, 0, 0.5]])))[0, ..., 0]
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.98  # TorchIO takes magnitudes
    theirs = t.Blur((0.8, 1.2, 1.6))(image).numpy()[0]
    ours = numpy(blur(volumes, np.float32([[0.8, 1.2, 1.6]])))[0, ..., 0]
    np.testing.assert_allclose(ours, theirs, atol=2e-2)
    theirs = t.Gamma(np.log(1.3))(image).numpy()[0]
    assert np.corrcoef(np.argsort(theirs.ravel()), np.argsort(volumes.ravel()))[0, 1] > 0.999


def test_monai_does_the_same():
    m = pytest.importorskip("monai.transforms", reason="the peer, in the extra 'bench'")
    volumes = sample((1, 12, 14, 30, 1))

    def theirs(transform, given=volumes):
        found = transform(given[..., 0])  # channels first, of which there is one
        return np.asarray(found[0] if isinstance(found, tuple) else found)[0]

    matrix = numpy(rotation_matrices(np.array([[0.2, -0.1, 0.3]], "float32"))) * 1.1
    whole = np.eye(4)
    whole[:3, :3], whole[:3, 3] = matrix[0], (0.5, -1.0, 2.0)
    moved = theirs(m.Affine(affine=whole, mode="bilinear", padding_mode="border"))
    ours = numpy(affine(volumes, matrix, np.float32([[0.5, -1.0, 2.0]])))[0, ..., 0]
    np.testing.assert_allclose(ours, moved, atol=1e-3)
    np.testing.assert_array_equal(numpy(flip(volumes, np.array([True])))[0, ..., 0], theirs(m.Flip(spatial_axis=0)))
    bent = numpy(gamma(volumes, np.float32([1.3])))[0, ..., 0]
    np.testing.assert_allclose(bent, theirs(m.AdjustContrast(1.3)), atol=1e-3)
    smooth = ndimage.gaussian_filter(sample((24, 28, 32)), 1.5, mode="reflect")[None, ..., None]
    inside = (slice(6, -6),) * 3  # beyond the edge theirs are zeros, ours the mirrored volume
    blurred = numpy(blur(smooth, np.float32([[0.8, 1.2, 1.4]])))[0, ..., 0]
    soft = theirs(m.GaussianSmooth((0.8, 1.2, 1.4), approx="sampled"), smooth)
    np.testing.assert_allclose(blurred[inside], soft[inside], atol=1e-3)


@pytest.mark.parametrize("mixing", [MixUp3D, CutMix3D])
def test_mixing(mixing):
    volumes, targets = np.ones((3, 8, 12, 20, 1)) * np.arange(3).reshape(3, 1, 1, 1, 1), np.eye(3)
    layer, seeds = mixing(1.0, rate=1.0, seed=1), np.array([1, 2, 3], "int32")
    mixed, shares = (numpy(part) for part in layer.transform(volumes, targets, seeds))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    # A volume's voxels tell its number, so that their mean tells what it was mixed of.
    np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3, 4)), shares @ np.arange(3), atol=1e-5)
    assert (np.abs(shares - np.eye(3)).max(axis=1) > 0.01).any()
    again = [numpy(part) for part in layer.transform(volumes, targets, seeds)]
    np.testing.assert_array_equal(again[0], mixed)
    for still in (layer((volumes, targets), training=False), mixing(rate=0.0).transform(volumes, targets, seeds)):
        np.testing.assert_allclose(numpy(still[0]), volumes, atol=1e-6)
        np.testing.assert_allclose(numpy(still[1]), targets, atol=1e-6)
    twin = mixing.from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    trained = layer((volumes, targets), training=True)
    assert trained[0].shape == (3, 8, 12, 20, 1)
    with pytest.raises(InputError, match="one_hot"):
        layer((volumes, np.arange(3)), training=True)


def test_mixing_weights_are_beta_distributed():
    kept = numpy(MixUp3D(0.4).weights_of(np.arange(20000, dtype="int32")))
    assert kept.mean() == pytest.approx(0.5, abs=0.01)
    assert kept.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.03)
    assert numpy(mix(np.float32([[1.0], [3.0]]), np.float32([1.0, 0.25]))).ravel().tolist() == [1.0, 1.5]


@pytest.mark.parametrize("name", ["none", "light", "standard", "strong"])
def test_policies(name):
    before = sample((2, 40, 44, 40, 1))
    volumes = numpy(augment(before, SEEDS, policy(name)))
    assert volumes.shape == before.shape
    assert np.array_equal(volumes, before) == (name == "none")
    assert not any(isinstance(layer, augmentation.RandomFlip3D) for layer in policy(name))


def test_unknown_policy_and_strength():
    with pytest.raises(InputError, match="Did you mean 'standard'"):
        policy("standart")
    with pytest.raises(InputError, match="rate"):
        augmentation.RandomFlip3D(1.5)
    with pytest.raises(InputError, match=r"rate is out of range .*received 'often'"):
        augmentation.RandomFlip3D("often")
    with pytest.raises(InputError, match=r"takes batches .*received \(8, 8, 8, 1\)\)\. Give one volume"):
        augmentation.RandomFlip3D()(np.zeros((8, 8, 8, 1), "float32"), training=True)
