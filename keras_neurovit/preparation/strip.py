"""Skull stripping by the field's tools, run as commands: their packages may lie in another environment."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from keras_neurovit._checks import InputError, one_of
from keras_neurovit.volumes import Scan, read_scan

_log = logging.getLogger(__name__)

MINUTES = 60  # after which a tool is given up: HD-BET takes some minutes on a slow processor


@dataclass(frozen=True, slots=True)
class Tool:
    """A command that strips the skull.

    Args:
        command: its name.
        package: what to install for it.
        arguments: from the file of a scan and the file of its brain.
    """

    command: str
    package: str
    arguments: Callable[[Path, Path], list[str]]


def _hd_bet(scan: Path, brain: Path) -> list[str]:
    call = ["-i", str(scan), "-o", str(brain)]
    # Without a GPU, as its authors advise: their default device is one, and averaging over mirrored copies takes long.
    return call if shutil.which("nvidia-smi") else [*call, "-device", "cpu", "--disable_tta"]


def _deepbet(scan: Path, brain: Path) -> list[str]:
    return ["-i", str(scan), "-o", str(brain)]


TOOLS = {"hd-bet": Tool("hd-bet", "hd-bet", _hd_bet), "deepbet": Tool("deepbet-cli", "deepbet", _deepbet)}


def find_tool(name: str) -> str:
    """Where the command of a tool lies: on the PATH, or beside this Python.

    Raises:
        InputError: an unknown tool, or one that is not installed.
    """
    tool = TOOLS[one_of("tool", name, TOOLS)]
    found = shutil.which(tool.command) or shutil.which(tool.command, path=str(Path(sys.executable).parent))
    if found is None:
        mend = f"Install it, in this environment or another: pip install {tool.package}"
        raise InputError(f"{name} is not installed", f"a command {tool.command} on the PATH", mend=mend)
    return found


def strip_skull(scan: Scan, tool: str) -> Scan:
    """The scan with all that is not brain set to nothing; the brain's voxels and the affine stay as they are.

    Args:
        scan: with skull.
        tool: "hd-bet" (HD-BET 2, Isensee et al. 2019) or "deepbet" (Fisch et al. 2024).

    Raises:
        InputError: a tool that is not installed, that fails, or whose brain is empty or on another grid.

    Source: arXiv 1901.11341 and arXiv 2308.07003.
    """
    command = find_tool(tool)
    with tempfile.TemporaryDirectory(prefix="neurovit-") as folder:
        whole, brain = Path(folder) / "scan.nii.gz", Path(folder) / "brain.nii.gz"
        image = nibabel.Nifti1Image(scan.voxels, scan.affine)
        image.set_sform(scan.affine, 1)
        image.set_qform(scan.affine, 1)  # what ITK reads
        nibabel.save(image, whole)
        _run([command, *TOOLS[tool].arguments(whole, brain)], scan.path, tool)
        if not brain.is_file():
            raise InputError(f"{scan.path}: {tool} wrote no brain", mend="Run it by hand, and give what it writes.")
        try:
            stripped = read_scan(brain)
        except InputError as error:
            what = f"{scan.path}: what {tool} wrote is unusable ({error.what.split(': ', 1)[-1]})"
            raise InputError(what, mend="Is it a T1 scan of a whole head?") from None
    return _within(scan, stripped, tool)


def _run(call: list[str], path: str, tool: str) -> None:
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{path}: {tool} did not finish in {MINUTES} minutes", mend="Run it by hand.") from None
    except OSError as error:
        raise InputError(f"{call[0]}: cannot be run ({error.strerror})", mend=f"Install {tool} again.") from None
    _log.debug("%s wrote: %s%s", tool, done.stdout, done.stderr)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        what = f"{path}: {tool} failed with exit status {done.returncode} ({lines[-1] if lines else 'no message'})"
        raise InputError(what, mend="Run it by hand to see why, and give what it writes.")


def _within(scan: Scan, stripped: Scan, tool: str) -> Scan:
    if stripped.voxels.shape != scan.voxels.shape or not np.allclose(stripped.affine, scan.affine, atol=1e-2):
        mend = "Run it by hand, and give what it writes."
        raise InputError(
            f"{scan.path}: {tool} wrote a brain on another grid", scan.voxels.shape, stripped.voxels.shape, mend
        )
    brain = stripped.voxels != 0
    nothing = min(0.0, float(scan.voxels[brain].min()))
    return dataclasses.replace(scan, voxels=np.where(brain, scan.voxels, np.float32(nothing)))
