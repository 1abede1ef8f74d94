"""What several rooms' tests need: real data if it is there, a head that is not symmetric, a small preset."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

SHARED = Path(os.environ.get("NEUROVIT_SHARED", Path(__file__).parents[2] / "shared")) / "data"

LONG = ("test_examples.py", "test_tuning.py", "test_generator.py")
"""Files that take minutes, the longest first."""


def pytest_collection_modifyitems(items):
    """Long files first: begun last, one keeps a worker busy while the others have nothing left to do."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans, label maps and norms."""
    if not SHARED.is_dir():
        pytest.skip(f"needs real data at {SHARED}; set NEUROVIT_SHARED to the folder that holds data/")
    return SHARED


def make_head(shape=(150, 180, 140), spacing_mm=1.0) -> np.ndarray:
    """A smooth egg with an inner structure on its right: no mirror image of it is the same."""
    from scipy import ndimage

    x, y, z = (
        ((np.arange(n) - (n - 1) / 2) * spacing_mm).reshape([-1 if a == axis else 1 for a in range(3)])
        for axis, n in enumerate(shape)
    )
    skull = (x / 65) ** 2 + (y / 82) ** 2 + (z / 60) ** 2 < 1
    white = (x / 45) ** 2 + (y / 62) ** 2 + (z / 42) ** 2 < 1
    spot = ((x - 28) / 14) ** 2 + ((y - 20) / 20) ** 2 + ((z + 8) / 12) ** 2 < 1
    voxels = 90.0 * skull + 70.0 * white - 100.0 * (spot & white)
    return ndimage.gaussian_filter(voxels, 1.5 / spacing_mm).astype("float32")


@pytest.fixture(scope="session")
def head() -> np.ndarray:
    """Voxels of an asymmetric head, 1 mm, RAS+."""
    return make_head()


@pytest.fixture(scope="session")
def head_file(head, tmp_path_factory) -> Path:
    """That head as NIfTI."""
    file = tmp_path_factory.mktemp("head") / "sub-01_T1w.nii.gz"
    nibabel.save(nibabel.Nifti1Image(head, np.diag([1.0, 1.0, 1.0, 1.0])), file)
    return file


@pytest.fixture(scope="session")
def small_preset(tmp_path_factory):
    """A saved preset of a very small ViT at 8 mm: grid 6 × 7 × 6 as the zoo's, labels a and b."""
    from keras_neurovit import VolumeContract, from_preset, load_preset, save_to_preset
    from keras_neurovit.presets import write_golden

    described = dataclasses.replace(
        load_preset("vit3d_tiny"),
        name="small",
        arguments={"patch_size": (4, 4, 4), "num_layers": 2, "num_heads": 2, "hidden_dim": 24, "mlp_dim": 48},
        volume=VolumeContract((8.0, 8.0, 8.0), (24, 28, 24)),
    )
    model = from_preset(described, num_classes=2, load_weights=False)
    folder = tmp_path_factory.mktemp("presets") / "small"
    saved = save_to_preset(model, folder, dataclasses.replace(described, labels=("a", "b")))
    write_golden(saved, np.random.default_rng(0).normal(size=(24, 28, 24, 1)))
    return saved


@pytest.fixture
def put(tmp_path):
    """Writes a file below a folder; scans are any bytes, as no one opens them."""

    def write(path, content=b"a scan, for those who do not open it"):
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    write.folder = tmp_path / "data"
    return write


@pytest.fixture
def head_study(head, tmp_path):
    """Writes a BIDS folder of so many noisy heads, every second one of group b; `more` are further columns."""

    def write(people: int, more: dict[str, str] | None = None) -> Path:
        random, more = np.random.default_rng(0), more or {}
        rows = ["\t".join(["participant_id", "group", *more])]
        for person in range(people):
            file = tmp_path / "study" / f"sub-{person}" / "anat" / f"sub-{person}_T1w.nii.gz"
            file.parent.mkdir(parents=True)
            small = head[::4, ::4, ::4]
            noisy = small + (small > 20) * random.normal(0, 9, small.shape).astype("float32")
            nibabel.save(nibabel.Nifti1Image(noisy, np.diag([4.0, 4.0, 4.0, 1.0])), file)
            rows.append("\t".join([f"sub-{person}", "ab"[person % 2], *more.values()]))
        (tmp_path / "study" / "participants.tsv").write_text("\n".join(rows) + "\n")
        return tmp_path / "study"

    return write
