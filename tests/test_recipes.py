"""What recipes share: arrays on disk that go on after a kill, batches that stay aligned, intervals that cover."""

import json

import numpy as np
import pytest
from brains import MIRRORED, Brains, moved, split_label_maps, write_brains
from reports import bootstrap, partial_r, r

from keras_neurovit import InputError
from keras_neurovit.synthesis import STRUCTURES

SHAPE, CELLS = (8, 4, 4), (4, 2, 2)


def make(places: np.ndarray, contrasts: int = 2) -> dict:
    """People whose scans, cells and truth all tell who they are, and where right is."""
    random = [np.random.default_rng(place) for place in places]
    cells = np.stack([r.integers(0, 256, (*CELLS, len(STRUCTURES))) / 255 for r in random])
    volumes = np.stack([np.full((*SHAPE, 1), 2.0 * place) for place in places for _ in range(contrasts)])
    volumes[:, SHAPE[0] // 2 :] += 1  # the right half
    return {"volumes": volumes, "cells": cells, "structures_mm3": cells.sum(axis=(1, 2, 3)), "anatomies": places % 3}


def test_a_killed_writer_goes_on(tmp_path):
    asked = []

    def dying(places):
        if len(asked) == 34:
            raise KeyboardInterrupt
        asked.append(places[0])
        return make(places)

    with pytest.raises(KeyboardInterrupt):
        write_brains(tmp_path / "a", 320, dying, {"seed": 1}, contrasts=2)
    assert json.loads((tmp_path / "a/progress.json").read_text()) == 256
    write_brains(tmp_path / "a", 320, make, {"seed": 1}, contrasts=2)
    write_brains(tmp_path / "b", 320, make, {"seed": 1}, contrasts=2)
    for name in ("volumes", "cells", "truth", "anatomies"):
        np.testing.assert_array_equal(*(np.load(tmp_path / side / f"{name}.npy") for side in "ab"))


def test_other_brains_are_refused(tmp_path):
    write_brains(tmp_path / "a", 8, make, {"seed": 1, "contract": (1.0, 2.0)}, contrasts=2)
    write_brains(tmp_path / "a", 8, make, {"seed": 1, "contract": (1.0, 2.0)}, contrasts=2)
    with pytest.raises(InputError, match="brains with another seed"):
        write_brains(tmp_path / "a", 8, make, {"seed": 2, "contract": (1.0, 2.0)}, contrasts=2)
    (tmp_path / "a/claim.json").unlink()
    with pytest.raises(InputError, match="holds something else"):
        write_brains(tmp_path / "a", 8, make, {"seed": 1}, contrasts=2)
    with pytest.raises(InputError, match="multiple of 8"):
        write_brains(tmp_path / "b", 12, make, {})


def test_batches_are_aligned_and_mirrored_whole(tmp_path):
    folder = write_brains(tmp_path / "a", 16, make, {}, contrasts=2)
    seen = []
    batches = Brains(folder, 4, seed=3, parts=2)
    for epoch in range(4):
        batches.start_epoch(epoch)
        for index in range(len(batches)):
            volumes, targets = batches[index]
            for volume, truth, cells in zip(volumes, targets["structures_mm3"], targets["cells"], strict=True):
                person = int(volume.min()) // 2
                mirrored = volume[0].mean() > volume[-1].mean()
                expected = make(np.array([person]))
                own = expected["cells"][0], expected["structures_mm3"][0]
                own = (own[0][::-1][..., MIRRORED], own[1][MIRRORED]) if mirrored else own
                np.testing.assert_allclose(cells, own[0], atol=1e-6)
                np.testing.assert_allclose(truth, own[1], rtol=1e-6)
                seen.append((epoch // 2, person, mirrored))
    people = [[p for whole, p, _ in seen if whole == w] for w in (0, 1)]
    assert all(sorted(p) == sorted([*range(16), *range(16)]) for p in people)  # both scans of everybody, each pass
    assert people[0] != people[1]
    assert 10 < sum(mirrored for *_, mirrored in seen) < 54


def test_scans_cells_and_truth_are_moved_together(tmp_path):
    folder = write_brains(tmp_path / "a", 16, make, {}, contrasts=2)
    plain, moving = Brains(folder, 4, seed=3), Brains(folder, 4, seed=3, most_moved=1)
    seen = set()
    for index in range(len(plain)):
        rows = np.sort(moving.order[index * 4 : index * 4 + 4])
        (still, told), (volumes, targets) = plain[index], moving[index]
        for place, move in enumerate(moving.moves[rows]):
            seen.add(tuple(move))
            expected = moved(still[place], 2 * move, fill=still[place].min())  # a cell has two voxels along each edge
            np.testing.assert_array_equal(volumes[place], expected)
            np.testing.assert_array_equal(targets["cells"][place], moved(told["cells"][place], move, fill=0))
            np.testing.assert_allclose(
                targets["structures_mm3"][place], targets["cells"][place].sum(axis=(0, 1, 2)), rtol=1e-5
            )
    assert len(seen) > 10
    np.testing.assert_array_equal(moving[0][0], moving[0][0])
    first = moving.moves.copy()
    moving.start_epoch(1)
    assert not np.array_equal(first, moving.moves)


def test_what_leaves_the_box_is_gone():
    assert moved(np.arange(1, 5).reshape(1, 4, 1, 1), np.array([0, -3, 0]), fill=9).ravel().tolist() == [4, 9, 9, 9]
    assert moved(np.arange(1, 5).reshape(1, 4, 1, 1), np.array([0, 0, 2]), fill=9).ravel().tolist() == [9, 9, 9, 9]


def test_targets_are_told_in_order(tmp_path):
    folder = write_brains(tmp_path / "a", 16, make, {}, contrasts=2)
    batches = Brains(folder, 8, targets=np.arange(16))
    assert [len(batches), *np.concatenate([batches[i][1] for i in range(4)])] == [4, *np.repeat(np.arange(16), 2)]
    with pytest.raises(InputError, match="16 rows"):
        Brains(folder, 8, targets=np.arange(15))


def test_held_out_label_maps_go_by_name(tmp_path):
    for number in range(1, 21):
        (tmp_path / f"training_seg_{number:02d}.nii.gz").touch()
    learn, test = split_label_maps(tmp_path)
    assert len(learn) == 16
    assert {file.name[13:15] for file in test} == {"03", "06", "10", "14"}
    (tmp_path / "training_seg_14.nii.gz").unlink()
    with pytest.raises(InputError, match="training_seg_14"):
        split_label_maps(tmp_path)


def test_partial_correlation_takes_out_what_is_held_constant():
    random = np.random.default_rng(0)
    size, noise = random.normal(size=400), random.normal(size=(2, 400))
    one, other = size + 0.5 * noise[0], size + 0.5 * noise[1]
    assert r(one, other) > 0.7
    assert abs(partial_r(one, other, size[:, None])) < 0.12
    found = bootstrap(partial_r, one, other, size[:, None], draws=300)
    assert found["low"] < 0 < found["high"]
    assert found["n"] == 400
