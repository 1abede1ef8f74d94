"""ComBat on features: learnt from training people, applied to others, by the real neuroHarmonize."""

import sys

import numpy as np
import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import fit_combat

SITES = ("A", "B", "C")


def people(seed, each=60):
    """Features that follow age, sex and site: the sites shift and stretch them."""
    random = np.random.default_rng(seed)
    site = np.repeat(SITES, each)
    age, sex = random.uniform(55, 90, len(site)), random.choice(["F", "M"], len(site))
    shift, stretch = np.repeat([0.0, 4.0, -3.0], each), np.repeat([1.0, 2.0, 0.5], each)
    noise = random.normal(size=(len(site), 5)) * stretch[:, None]
    features = 20 - 0.2 * age[:, None] + 1.5 * (sex == "M")[:, None] + shift[:, None] + noise
    return features, site, {"age": age, "sex": sex}


@pytest.fixture(scope="module")
def learnt():
    pytest.importorskip("neuroHarmonize")
    return fit_combat(*people(0))


def rest(features, known):
    return features - 20 + 0.2 * known["age"][:, None] - 1.5 * (known["sex"] == "M")[:, None]


def test_sites_go_and_covariates_stay_in_people_never_seen(learnt):
    features, site, known = people(1)
    even = learnt.apply(features, site, known)
    assert even.shape == features.shape
    before, after = rest(features, known), rest(even, known)
    means = {one: after[site == one].mean() for one in SITES}
    spreads = {one: after[site == one].std() for one in SITES}
    assert max(means.values()) - min(means.values()) < 0.5 < 6 < np.ptp([before[site == one].mean() for one in SITES])
    assert max(spreads.values()) / min(spreads.values()) < 1.25
    slope = np.polyfit(known["age"], even.mean(axis=1), 1)[0]
    assert slope == pytest.approx(-0.2, abs=0.03)
    men = known["sex"] == "M"
    corrected = even + 0.2 * known["age"][:, None]
    assert corrected[men].mean() - corrected[~men].mean() == pytest.approx(1.5, abs=0.5)


def test_nobody_else_decides_about_a_person(learnt):
    features, site, known = people(2, each=4)
    together = learnt.apply(features, site, known)
    for i in range(len(site)):  # a group of one has one sex and one site
        alone = learnt.apply(features[i : i + 1], site[i : i + 1], {name: v[i : i + 1] for name, v in known.items()})
        np.testing.assert_allclose(alone[0], together[i])
    np.testing.assert_array_equal(learnt.apply(features, site, known), together)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")  # the package's own
def test_it_is_what_neurocombat_gives_those_it_is_fitted_to(learnt):
    pandas, reference = pytest.importorskip("pandas"), pytest.importorskip("neuroCombat")
    features, site, known = people(0)
    table, how = pandas.DataFrame({"site": site} | known), {"categorical_cols": ["sex"], "continuous_cols": ["age"]}
    expected = reference.neuroCombat(features.T, table, "site", **how)["data"].T
    np.testing.assert_allclose(learnt.apply(features, site, known), expected)


def test_without_covariates():
    pytest.importorskip("neuroHarmonize")
    features, site, _ = people(3)
    even = fit_combat(features, site).apply(features, site)
    means = [even[site == one].mean() for one in SITES]
    assert np.ptp(means) < 0.2


def test_what_cannot_be_learnt_or_applied(learnt):
    features, site, known = people(4, each=5)
    wrong = [
        ("too few sites", (features, ["A"] * 15, known)),
        ("too few people at C", (features[:11], site[:11], {name: v[:11] for name, v in known.items()})),
        ("the site of some people is unknown", (features, [*site[:-1], "n/a"], known)),
        ("sites do not match", (features, site[:3], known)),
        ("features are missing", (np.where(features == features[0, 0], np.nan, features), site, known)),
        ("features is unusable", (features[0], site, known)),
        ("covariate 'age' is missing", (features, site, known | {"age": np.full(15, np.nan)})),
        ("covariate 'sex' is missing", (features, site, known | {"sex": ["n/a", *known["sex"][1:]]})),
        ("covariate 'age' does not match", (features, site, known | {"age": [70.0]})),
        ("sites and covariates cannot be told apart", (features, site, known | {"scanner": site})),
    ]
    for message, given in wrong:
        with pytest.raises(InputError, match=message):
            fit_combat(*given)
    for message, given in (
        ("has not learnt from D", (features, ["D", *site[1:]], known)),
        ("other features", (features[:, :2], site, known)),
        ("other covariates", (features, site, {"age": known["age"]})),
        ("was never O in training", (features, site, known | {"sex": ["O", *known["sex"][1:]]})),
    ):
        with pytest.raises(InputError, match=message):
            learnt.apply(*given)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "neuroHarmonize", None)
    with pytest.raises(InputError, match=r'pip install "keras-neurovit\[combat\]"'):
        fit_combat(*people(0, each=4))
