"""DeLong's theory: against its own definition, other implementations, and the coverage it promises."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from keras_neurovit import InputError
from keras_neurovit.evaluation import compare, corrected_t_test, delong_auc, delong_difference, holm, roc_auc


def binormal(rng, rows, shift=1.0, noise=0.0):
    targets = rng.permutation(np.arange(rows) % 2)
    hidden = rng.normal(size=rows) + shift * targets
    return targets, hidden, hidden + noise * rng.normal(size=rows)


def test_area_and_variance_by_definition():
    rng = np.random.default_rng(0)
    targets, one, other = binormal(rng, 40, noise=1.0)
    one = one.round(0)  # ties
    assert delong_auc(targets, one).value == pytest.approx(roc_auc_score(targets, one))
    difference, _ = delong_difference(targets, one, other)
    assert difference.value == pytest.approx(roc_auc_score(targets, one) - roc_auc_score(targets, other))

    def parts(scores):
        up, down = scores[targets == 1], scores[targets == 0]
        right = (up[:, None] > down) + 0.5 * (up[:, None] == down)
        return right.mean(axis=1), right.mean(axis=0)

    (a_up, a_down), (b_up, b_down) = parts(one), parts(other)
    variance = (a_up - b_up).var(ddof=1) / len(a_up) + (a_down - b_down).var(ddof=1) / len(a_down)
    assert difference.high - difference.low == pytest.approx(2 * 1.959964 * np.sqrt(variance))


@pytest.mark.parametrize(("rows", "shift"), [(60, 1.0), (100, 2.5)])
def test_intervals_cover_what_they_promise(rows, shift):
    from scipy.stats import norm

    truth, covered = norm.cdf(shift / np.sqrt(2)), []
    for seed in range(1500):
        targets, scores, _ = binormal(np.random.default_rng(seed), rows, shift)
        found = delong_auc(targets, scores)
        covered.append(found.low <= truth <= found.high)
    assert 0.93 <= np.mean(covered) <= 0.97


def test_tests_are_level_and_see_differences():
    p_equal, p_other = [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        targets = np.arange(80) % 2
        truth = rng.normal(size=80) + 1.2 * targets
        one, other = (truth + rng.normal(size=80) for _ in range(2))
        p_equal.append(delong_difference(targets, one, other)[1])
        p_other.append(delong_difference(targets, truth, rng.normal(size=80))[1])
    assert 0.03 <= np.mean(np.array(p_equal) < 0.05) <= 0.075
    assert np.mean(np.array(p_other) < 0.05) > 0.95


def test_permutations_agree_with_theory():
    rng = np.random.default_rng(3)
    targets, one, other = binormal(rng, 120, noise=0.8)
    theory, p_theory = delong_difference(targets, one, other)
    drawn, p_drawn = compare(targets, one, other, draws=1500)
    assert drawn.value == pytest.approx(theory.value)
    assert drawn.low == pytest.approx(theory.low, abs=0.02)
    assert p_drawn == pytest.approx(p_theory, abs=0.03)


def test_people_with_several_scans_count_once():
    rng = np.random.default_rng(4)
    targets, one, other = binormal(rng, 60, noise=1.0)
    twice = [np.repeat(values, 3) for values in (targets, one, other)]
    people = np.repeat(np.arange(60), 3)
    single, p_single = compare(targets, one, other, draws=800)
    clustered, p_clustered = compare(*twice, participants=people, draws=800)
    assert clustered.low == pytest.approx(single.low, abs=0.02)
    assert p_clustered == pytest.approx(p_single, abs=0.06)
    with pytest.raises(InputError, match="several rows"):
        delong_auc(twice[0], twice[1], participants=people)


def test_perfect_and_useless_scores():
    perfect = delong_auc([0, 0, 0, 1, 1, 1], [1, 2, 3, 4, 5, 6])
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.025 ** (1 / 3))
    assert delong_auc([0, 0, 1, 1], [4, 3, 2, 1]).low == 0.0
    useless = delong_auc([0, 1, 0, 1], [1, 1, 1, 1])
    assert (useless.value, useless.low, useless.high) == (0.5, 0.0, 1.0)
    three = delong_auc([0, 1, 1], [0.1, 0.3, 0.2])
    assert 0 <= three.low <= three.value <= three.high <= 1
    assert roc_auc([0, 1, 1], [0.1, 0.3, 0.2]).value == three.value


def test_correction_for_repeated_cross_validation():
    """Two models that differ by nothing: the plain t-test cries wolf, the corrected one does not."""
    from scipy import stats

    plain, corrected = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        features, labels = rng.normal(size=(60, 6)), rng.integers(0, 2, 60)
        differences = []
        for repetition in range(6):
            for fold in np.array_split(np.random.default_rng((seed, repetition)).permutation(60), 5):
                rest = np.setdiff1d(np.arange(60), fold)
                rights = []
                for half in (slice(0, 3), slice(3, 6)):
                    weights = np.linalg.lstsq(features[rest, half], 2.0 * labels[rest] - 1, rcond=None)[0]
                    rights.append(((features[fold, half] @ weights > 0) == labels[fold]).mean())
                differences.append(rights[0] - rights[1])
        plain.append(stats.ttest_1samp(differences, 0).pvalue)
        corrected.append(corrected_t_test(differences, 0.2)[1])
    assert np.mean(np.array(plain) < 0.05) > 0.15
    assert np.mean(np.array(corrected) < 0.05) < 0.10
    assert corrected_t_test([0.0, 0.0], 0.2)[1] == 1.0
    with pytest.raises(InputError, match="two folds"):
        corrected_t_test([0.1], 0.2)


def test_holm_is_holm():
    found = holm({"a": 0.01, "b": 0.02, "c": 0.03, "d": 0.5})
    assert found == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.5})
    assert list(found) == ["a", "b", "c", "d"]
    with pytest.raises(InputError, match="p-value of x"):
        holm({"x": 1.2})
