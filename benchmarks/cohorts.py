"""Indexing a large BIDS folder: seconds and memory of a fresh process, beside listing the same folder."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PEOPLE = 40_000
VISITS = ("ses-2", "ses-3")  # the second for every tenth, as where people come again

INDEX = """
import resource, sys, time
from keras_neurovit.cohorts import read_bids
opened = []
sys.addaudithook(lambda event, given: opened.append(given[0]) if event == "open" else None)
started = time.perf_counter()
worked = time.process_time()
cohort = read_bids(sys.argv[1], "sex")
seconds, worked = time.perf_counter() - started, time.process_time() - worked
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
images = sum(str(name).endswith((".nii.gz", ".nii")) for name in opened)
print(len(cohort), len(set(cohort.participants)), seconds, after / 1024, images, worked)
"""
LIST = """
import os, sys, time
started = time.perf_counter()
files = sum(len(files) for _, _, files in os.walk(sys.argv[1]))
print(files, time.perf_counter() - started)
"""


def make(folder: Path, people: int) -> int:
    """A BIDS folder of so many people, whose scans are too long for pointers and have no voxels; how many scans."""
    content, rows, scans = b"\0" * 400, ["participant_id\tage\tsex\tsite\tfield_strength"], 0
    for number in range(people):
        person = f"sub-{number:06d}"
        rows.append(f"{person}\t{45 + number % 40}\t{'FM'[number % 2]}\tsite{number % 4}\t3")
        for visit in VISITS[: 1 + (number % 10 == 0)]:
            place = folder / person / visit / "anat"
            os.makedirs(place)
            for name in (f"{person}_{visit}_T1w.nii.gz", f"{person}_{visit}_T1w.json"):
                (place / name).write_bytes(content)
            scans += 1
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return scans


def run(options) -> dict:
    """Medians of several fresh processes; the first pays for what the disk has not read yet."""
    with tempfile.TemporaryDirectory() as name:
        scans = make(Path(name), PEOPLE)
        indexed, listed = [], []
        for _ in range(options.rounds):
            indexed.append(_told(INDEX, name))
            listed.append(_told(LIST, name))
    found, people, _, _, opened, _ = indexed[0]
    assert (found, people, opened) == (scans, PEOPLE, 0), f"indexing went wrong: {indexed[0]}"
    seconds = statistics.median(told[2] for told in indexed)
    return {
        "participants": PEOPLE,
        "scans": scans,
        "index_s": round(seconds, 2),
        "index_cpu_s": round(statistics.median(told[5] for told in indexed), 2),
        "index_over_listing": round(seconds / statistics.median(told[1] for told in listed), 2),
        "peak_mb": round(max(told[3] for told in indexed), 1),
        "images_opened": int(opened),
    }


def _told(script: str, folder: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", script, folder], check=True, capture_output=True, text=True)
    return [float(number) for number in done.stdout.split()]
