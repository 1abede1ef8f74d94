"""A table of predictions with hostile names, and the browser where there is one."""

import csv
import shutil

import numpy as np
import pytest

from .browser import Browser

EVIL = "<script>window.hacked = 1</script>"


@pytest.fixture
def table(tmp_path):
    """120 scans of 100 people whose age, sex and site are told; the site's name is a script."""
    random, file = np.random.default_rng(0), tmp_path / "predictions.csv"
    with file.open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(
            ["participant_id", "session_id", "target", "probability_CN", "probability_AD", "age", "sex", "site"]
        )
        for row in range(120):
            person, session = (row, "ses-1") if row < 100 else (row - 100, "ses-2")
            ill = person % 2
            p = 1 / (1 + np.exp(-1.3 * random.normal() - 2.4 * (ill - 0.5)))
            told = ["", ""] if row in (3, 4) else [f"{1 - p:.5f}", f"{p:.5f}"]
            who = [f"sub-{person:03d}", session, "AD" if ill else "CN"]
            sex = "FM"[int(random.random() < 0.5)]
            rows.writerow([*who, *told, f"{random.normal(72, 7):.1f}", sex, EVIL if person % 3 else "A & B"])
    return file


@pytest.fixture
def browser(tmp_path):
    """Headless Chromium."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with Browser(program, tmp_path / "profile") as opened:
        yield opened
