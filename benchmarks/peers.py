"""The same work by peers, where they are installed (`pip install ".[bench]"`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

SHAPE, SPACING_MM = (96, 96, 96), 2.0


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def conforming(file: Path) -> dict[str, Callable[[], np.ndarray]]:
    """Read, to RAS+, to 2 mm, crop or pad to 96³, normalise: as each peer's own documentation puts it together."""
    works: dict[str, Callable] = {}
    if installed("monai"):
        from monai import transforms as m

        steps = m.Compose(
            [
                m.LoadImage(image_only=True, ensure_channel_first=True),
                m.Orientation("RAS", labels=None),
                m.Spacing((SPACING_MM,) * 3, mode="bilinear", dtype=np.float32),
                m.ResizeWithPadOrCrop(SHAPE),
                m.NormalizeIntensity(nonzero=True),
            ]
        )
        works["monai"] = lambda: np.asarray(steps(str(file)))[0]
    if installed("torchio"):
        import torchio as t

        normal = t.ZNormalization(t.ZNormalization.mean)
        chain = t.Compose([t.ToCanonical(), t.Resample(SPACING_MM), t.CropOrPad(SHAPE), normal])
        works["torchio"] = lambda: chain(t.ScalarImage(str(file))).numpy()[0]
    return works


def augmenting(volume: np.ndarray, strong: bool) -> dict[str, Callable[[], np.ndarray]]:
    """Affine, gamma, bias field, noise; with `strong` elastic deformation and blur too. Shape: (x, y, z, 1) → works"""
    works: dict[str, Callable] = {}
    turn, shift = np.deg2rad(8.0), 3.0
    if installed("monai"):
        import torch
        from monai import transforms as m

        steps = [
            m.RandAffine(1.0, (turn,) * 3, None, (shift,) * 3, (0.03,) * 3, mode="bilinear", padding_mode="border"),
            m.RandAdjustContrast(1.0, (0.78, 1.28)),
            m.RandBiasField(3, (-0.2, 0.2), prob=1.0),
            m.RandGaussianNoise(1.0, 0.0, 0.1),
        ]
        if strong:
            widths = ((0.1, 0.8),) * 3
            steps[1:1] = [
                m.RandSmoothDeform(SHAPE, (7, 7, 7), prob=1.0, def_range=0.06, grid_mode="bilinear"),
                m.RandGaussianSmooth(*widths, prob=1.0),
            ]
        monai, tensor = m.Compose(steps), torch.as_tensor(np.moveaxis(volume, -1, 0).copy())
        works["monai"] = lambda: np.asarray(monai(tensor))
    if installed("torchio"):
        import torch
        import torchio as t

        chain = [
            t.RandomAffine((0.97, 1.03), 8, shift),
            t.RandomGamma((-0.25, 0.25)),
            t.RandomBiasField(0.2, 3),
            t.RandomNoise(0, (0, 0.1)),
        ]
        if strong:
            chain[1:1] = [t.RandomElasticDeformation(7, 3), t.RandomBlur((0, 0.8))]
        torchio, image = t.Compose(chain), t.ScalarImage(tensor=torch.as_tensor(np.moveaxis(volume, -1, 0).copy()))
        works["torchio"] = lambda: torchio(image).numpy()
    return works
