"""Whether maps find what differs: pairs of one synthetic person with and without a shrunken hippocampus."""

import numpy as np
import pytest
from scipy import ndimage

from keras_neurovit import from_preset, load_preset
from keras_neurovit.evaluation.explanations import integrated_gradients, score_of
from keras_neurovit.synthesis import STRUCTURES, BrainFactory, BrainGenerator, load_anatomies

PAIRS = 10
CODE = {"hippocampus_left": 17, "hippocampus_right": 53}


@pytest.mark.slow
def test_the_map_of_a_change_peaks_in_the_changed_hippocampus(shared_data):
    preset = load_preset("vit3d_ad")
    model, (_, score), contract = from_preset(preset, verbose=False), score_of(preset), preset.volume
    files = [shared_data / "synthseg_labels" / f"training_seg_{n}.nii.gz" for n in ("03", "06", "10", "14")]
    anatomies = load_anatomies(files, verbose=False)
    generator = BrainGenerator(
        anatomies, contract.shape, contract.spacing_mm[0], labels=True, t1_share=1.0, stripped_share=1.0
    )
    found, chance, factory = [], [], BrainFactory(generator)
    for index in range(PAIRS):
        shrunken = ("hippocampus_left", "hippocampus_right")[index % 2]
        asked = np.zeros((2, len(STRUCTURES)), "float32")
        asked[1, STRUCTURES.index(shrunken)] = np.log(0.6)
        pair = factory([900 + index] * 2, [index % len(anatomies)] * 2, asked, np.ones(2))
        inside = ndimage.binary_dilation((pair["labels"] == CODE[shrunken]).any(axis=0))
        assert inside.sum() * np.prod(contract.spacing_mm) / 1000 < 15  # millilitres: one hippocampus and its surface
        before, after = pair["volumes"]
        values = integrated_gradients(model, after, score, baseline=before, steps=8)
        spread = ndimage.gaussian_filter(np.abs(values), 1.0)
        found.append(bool(inside[np.unravel_index(spread.argmax(), spread.shape)]))
        chance.append(inside.mean())
    assert np.mean(found) >= 0.8
    assert np.mean(chance) < 0.01
