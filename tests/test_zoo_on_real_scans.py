"""What the cards promise of real scans, with the weights as they ship."""

import numpy as np
import pytest

from keras_neurovit import measure_scans, predict_scans, read_scan
from keras_neurovit.volumes import brain_volume_ml


@pytest.fixture(scope="module")
def scans(shared_data):
    return sorted((shared_data / "ds002748").glob("sub-*/anat/*_T1w.nii.gz"))


def test_brains_are_as_large_as_thresholding_says(scans):
    found = [result["volumes_mm3"]["brain"] for result in measure_scans(scans)]
    assert np.corrcoef(found, [brain_volume_ml(read_scan(scan)) for scan in scans])[0, 1] >= 0.95


@pytest.mark.parametrize("number", ["01", "02", "03", "04"])
def test_a_scan_and_its_original_have_the_same_volumes(shared_data, number):
    name = f"sub-{number}/anat/sub-{number}_T1w.nii.gz"
    one, other = (
        r["volumes_mm3"] for r in measure_scans([shared_data / f / name for f in ("ds002748", "ds002748_raw")])
    )
    for structure, volume in one.items():
        if volume >= 3000:
            assert other[structure] == pytest.approx(volume, rel=0.03), structure


def test_adults_without_dementia_are_not_called_ill(scans):
    called = [result["probabilities"]["AD"] > 0.5 for result in predict_scans(scans, "vit3d_ad")]
    assert sum(called) <= 0.05 * len(scans)


def test_an_aged_scan_looks_more_ill(scans, tmp_path):
    pytest.importorskip("nilearn", reason="the warp takes its places from the templates, which come with nilearn")
    from ageing import aged

    from keras_neurovit import conform, from_preset, load_preset

    contract, model = load_preset("vit3d_ad").volume, from_preset("vit3d_ad", verbose=False)
    for scan in map(read_scan, scans[:2]):
        logits = np.array(model(np.stack([conform(aged(scan, severity), contract) for severity in (0.0, 0.7, 1.4)])))
        assert (np.diff(logits[:, 1] - logits[:, 0]) > 0).all()
