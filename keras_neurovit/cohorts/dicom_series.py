"""DICOM series: what lies in a folder, and which of it are T1 volumes, as far as headers tell."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from keras_neurovit._checks import InputError

T1 = r"mp.?rage|mpr\b|mpr[-_ ]|tfl3d|spgr|bravo|t1"
OTHER = re.compile(
    r"t2|flair|local|scout|survey|post|gado|contrast|\+c\b|dti|dwi|diff|bold|\basl|\bswi|mip\b|map", re.IGNORECASE
)
COMPUTED = {"DERIVED", "SECONDARY", "MPR", "PROJECTION IMAGE", "LOCALIZER"}


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A series of a person's visit, as its headers tell it.

    Args:
        folder: where its files lie.
        uid: its SeriesInstanceUID.
        images: how many volumes it would become.
        facts: of the header, as dcm2niix writes them into JSON.
    """

    folder: Path
    uid: str
    images: int
    facts: dict

    @property
    def name(self) -> str:
        """What the scanner calls it: description and protocol.

        Example:
            >>> Series(Path("a"), "1.2", 1, {"SeriesDescription": "MPRAGE", "ProtocolName": "MPRAGE"}).name
            'MPRAGE'
        """
        told = (str(self.facts.get(key) or "") for key in ("SeriesDescription", "ProtocolName"))
        return " / ".join(dict.fromkeys(filter(None, told)))

    @property
    def number(self) -> int:
        """Its place in the visit, 0 where unknown."""
        number = self.facts.get("SeriesNumber")
        return number if isinstance(number, int) else 0

    @property
    def day(self) -> str:
        """The day of the visit as digits, "" where unknown.

        Example:
            >>> Series(Path("a"), "1.2", 1, {"AcquisitionDateTime": "2020-01-02T10:11:12"}).day
            '20200102'
        """
        return re.sub(r"\D", "", str(self.facts.get("AcquisitionDateTime") or "")[:10])

    def unwanted(self, sequences: str = T1) -> str | None:
        """Why it is no T1 volume of a brain, or None.

        Example:
            >>> Series(Path("a"), "1.2", 1, {"Modality": "MR", "SeriesDescription": "T2 FLAIR"}).unwanted()
            'its name is not that of a T1 sequence'
        """
        if self.facts.get("Modality", "MR") != "MR":
            return "no MR images"
        if COMPUTED & {str(word).upper() for word in self.facts.get("ImageType", ())}:
            return "computed from other images, or a localizer (ImageType)"
        if not re.search(sequences, self.name, re.IGNORECASE) or (sequences == T1 and OTHER.search(self.name)):
            return "its name is not that of a T1 sequence"
        return "several images in one series, such as echoes" if self.images > 1 else None


def executable() -> str:
    """The path of dcm2niix: the wheel's own, else the one on the PATH.

    Raises:
        InputError: neither is there.
    """
    try:
        import dcm2niix
    except ModuleNotFoundError as error:
        found = shutil.which("dcm2niix")
        if found:
            return found
        raise InputError("dcm2niix is not installed", mend='Run pip install "keras-neurovit[dicom]".') from error
    return dcm2niix.bin


def run(program: str, *arguments: str) -> subprocess.CompletedProcess:
    """Run dcm2niix and keep what it says."""
    return subprocess.run([program, *arguments], capture_output=True, text=True, errors="replace", check=False)


def folders_of(folder: Path) -> Iterator[Path]:
    """The folders, hidden ones aside, that hold files at all."""
    for place, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if any(not name.startswith(".") for name in files):
            yield Path(place)


def list_series(program: str, folder: Path) -> list[Series]:
    """The series whose files lie in a folder itself; only headers are read."""
    with tempfile.TemporaryDirectory() as notes:
        run(program, "-b", "o", "-ba", "n", "-d", "0", "-f", "%j", "-o", notes, str(folder))
        told: dict[str, list[dict]] = {}
        for file in sorted(Path(notes).glob("*.json")):
            facts = json.loads(file.read_text(encoding="utf-8", errors="replace"))
            told.setdefault(str(facts.get("SeriesInstanceUID", file.stem)), []).append(facts)
    return [Series(folder, uid, len(parts), parts[0]) for uid, parts in told.items()]


def convert_folder(program: str, folder: Path, into: Path) -> str:
    """Convert what lies in a folder into files named by series, without names and dates; what dcm2niix said last."""
    done = run(program, "-b", "y", "-ba", "y", "-z", "y", "-d", "0", "-f", "%j", "-o", str(into), str(folder))
    said = (done.stdout + done.stderr).strip().splitlines()
    return next((line for line in reversed(said) if "rror" in line), said[-1] if said else f"exit {done.returncode}")


def volumes_of(series: Series, folder: Path) -> list[Path]:
    """The images that a series became."""
    own = re.compile(re.escape(series.uid) + r"([^0-9.].*)?\.nii\.gz")
    return sorted(file for file in folder.iterdir() if own.fullmatch(file.name))
