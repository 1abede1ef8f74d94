"""Miniature BIDS folders: every scan an empty file, since cohorts never open one."""

from pathlib import Path

import pytest


@pytest.fixture
def bids(tmp_path):
    """Builds a BIDS folder: `bids("participant_id\\tsex\\n…", "sub-01/anat/sub-01_T1w.nii.gz", …)`."""

    def build(table: str | bytes | None, *scans: str, **files: str) -> Path:
        folder = tmp_path / "study"
        folder.mkdir(exist_ok=True)
        if table is not None:
            content = table if isinstance(table, bytes) else table.encode()
            (folder / "participants.tsv").write_bytes(content)
        for scan in scans:
            (folder / scan).parent.mkdir(parents=True, exist_ok=True)
            (folder / scan).write_bytes(b"a scan, for those who do not open it")
        for participant, text in files.items():
            name = participant.replace("_", "-")
            (folder / name / f"{name}_sessions.tsv").write_text(text)
        return folder

    return build


@pytest.fixture
def study(bids):
    """32 people, half CN, half AD, ages 60 to 91 with one unknown; the last eight came twice."""
    lines, scans, sessions = ["participant_id\tage\tsex\tdiagnosis"], [], {}
    for i in range(1, 33):
        age = "n/a" if i == 3 else str(59 + i)
        diagnosis = "CN" if i % 2 else "AD"
        lines.append(f"sub-{i}\t{age}\t{'F' if i % 4 < 2 else 'M'}\t{diagnosis}")
        if i <= 24:
            scans.append(t1w(i))
        else:
            scans += [t1w(i, "M0"), t1w(i, "M12")]
            sessions[f"sub_{i}"] = f"session_id\tdiagnosis\nses-M0\t{diagnosis}\nses-M12\t{diagnosis}\n"
    folder = bids("\n".join(lines) + "\n", *scans, **sessions)
    rows = "".join(f"{scans[i - 1]},sub-{i},{'CN' if i % 2 else 'AD'}\n" for i in range(1, 25))
    (folder / "scans.csv").write_text("path,participant_id,diagnosis\n" + rows)
    return folder


def t1w(participant: object, session: str | None = None, run: int | None = None, extension: str = ".nii.gz") -> str:
    """The path BIDS gives a scan."""
    folder, name = f"sub-{participant}", f"sub-{participant}"
    if session:
        folder, name = f"{folder}/ses-{session}", f"{name}_ses-{session}"
    if run:
        name += f"_run-{run}"
    return f"{folder}/anat/{name}_T1w{extension}"


@pytest.fixture
def scan_path():
    """`t1w` for tests, which cannot import from a conftest."""
    return t1w


@pytest.fixture
def left_out():
    """Reason → scans left out."""

    def told(cohort):
        steps = (step for step in cohort.flow if step.kind == "left out")
        return {step.text.split(":")[0].split(";")[0].split(" (")[0]: step.scans for step in steps}

    return told
