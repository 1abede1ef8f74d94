"""Reading scans from disk."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from keras_neurovit._checks import InputError
from keras_neurovit._pointers import ANNEX, fetching, pointer
from keras_neurovit.volumes.gunzip import DAMAGED, GZIP, gunzip
from keras_neurovit.volumes.pair import read_pair

_log = logging.getLogger(__name__)

SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh", ".img")
SMALL = ("int8", "uint8", "int16", "uint16")  # float32 holds each of them exactly
SPACING_RANGE_MM = (0.1, 20.0)  # outside it a header holds metres, microns or nonsense


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan as it lies on disk.

    Args:
        voxels: float32 intensities along the file's own three axes, or integers where `read_scan` was asked for them.
        affine: 4 × 4, from voxel indices to RAS+ millimetres.
        path: the file, for messages.
        oriented: whether the file says how its axes lie in the person; else the affine is a guess.
    """

    voxels: np.ndarray
    affine: np.ndarray
    path: str = "scan"
    oriented: bool = True

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Edge of a voxel along the file's own axes, millimetres."""
        return tuple(float(s) for s in np.linalg.norm(self.affine[:3, :3], axis=0))


def is_scan(path: str | os.PathLike) -> bool:
    """Whether a file's name ends as a scan's does.

    Example:
        >>> is_scan("sub-01_T1w.nii.gz"), is_scan("notes.txt")
        (True, False)
    """
    return os.fspath(path).lower().endswith(SUFFIXES)


def read_scan(path: str | os.PathLike, as_stored: bool = False) -> Scan:
    """Read a NIfTI (.nii, .nii.gz), FreeSurfer (.mgz, .mgh) or Analyze (.img with its .hdr) file.

    A fourth axis of length one is dropped. Intensities are scaled as the header says, in float32.

    Args:
        path: the file.
        as_stored: whether voxels may stay the integers of one or two bytes that many files hold, where the header does
            not scale them: for `conform`, which then has half as much to read, and gives the same volume. They may be
            read-only.

    Returns:
        The scan, not reoriented.

    Raises:
        InputError: a file that is missing, truncated, of another format, not one 3-D image of real numbers, all zero
            (or one constant), with NaN or infinite voxels, or with an impossible voxel size or affine. The message
            names the file and the mend.

    Example:
        >>> import nibabel, numpy, tempfile
        >>> file = tempfile.mkdtemp() + "/scan.nii.gz"
        >>> nibabel.save(nibabel.Nifti1Image(numpy.eye(4)[None].astype("float32"), numpy.eye(4)), file)
        >>> read_scan(file).voxels.shape
        (1, 4, 4)
    """
    path = Path(path)
    data = _read(path)
    image = _parse(path, data)
    affine = _checked_affine(path, data, image)
    voxels = _checked_voxels(path, data, image, as_stored)
    return Scan(voxels, affine, str(path), _is_oriented(image))


def _read(path: Path) -> bytes | bytearray:
    """A file's bytes, decompressed."""
    try:
        if path.is_symlink() and not path.exists():
            mend = f"Fetch it first, for example `{fetching(ANNEX, [path])}`."
            raise InputError(f"{path}: a link whose file is missing", mend=mend)
        if not path.exists():
            raise InputError(f"{path}: no such file", mend="Check the path.")
        if path.is_dir():
            wanted = "a scan, or a folder with .nii, .nii.gz, .mgz or .mgh files (of a BIDS folder, T1w)"
            raise InputError(f"{path}: no scan, but a folder without any", expected=wanted)
        if not is_scan(path):
            raise InputError(f"{path}: not a scan's file name", expected="one of " + ", ".join(SUFFIXES))
        data = path.read_bytes()
    except OSError as error:
        mend = "Check its permissions and the disk."
        raise InputError(f"{path}: cannot be opened ({error.strerror})", mend=mend) from None
    if what := pointer(data):
        raise InputError(
            f"{path}: a {what} in the place of the file", mend=f"Fetch it with `{fetching(what, [path])}`."
        )
    if not data or not path.name.lower().endswith("gz"):
        return data
    if data[:2] != GZIP:
        mend = "Rename it or compress it; is it an image at all?"
        raise InputError(f"{path}: is not gzip-compressed, whatever its name says", mend=mend)
    try:
        return gunzip(data)
    except DAMAGED as error:
        _log.debug("decompressing %s", path, exc_info=error)
        raise _damaged(path) from None


def _parse(path: Path, data: bytes | bytearray):
    if path.name.lower().endswith(".img"):
        return read_pair(path, data)
    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image, nibabel.MGHImage):
        try:
            if kind.path_maybe_image(str(path), (bytes(data[:1024]), str(path)))[0]:
                return kind.from_bytes(_before_voxels(kind, data))
        except Exception as error:  # on damaged bytes nibabel raises nearly anything, KeyError included
            _log.debug("parsing %s", path, exc_info=error)
            break
    raise _unreadable(path, data)


def _before_voxels(kind: type, data: bytes | bytearray) -> bytes:
    """What nibabel is to read, which copies it: header and extensions; of MGH all, which has more behind the voxels."""
    if kind is nibabel.MGHImage:
        return bytes(data)
    return bytes(data[: max(1024, int(_as_written(kind.header_class, data)["vox_offset"]))])


def _as_written(kind: type, data: bytes | bytearray):
    """A NIfTI header as the file has it: loading replaces zeros by ones without an error."""
    return kind(bytes(data[: kind.sizeof_hdr]), check=False)


def _unreadable(path: Path, data: bytes | bytearray) -> InputError:
    if not data:
        return InputError(f"{path}: is empty", mend="Copy or download it again.")
    what = "cannot be read as NIfTI or MGH; truncated or of another format"
    return InputError(f"{path}: {what}", mend="Copy or convert it again.")


def _damaged(path: Path) -> InputError:
    expected, mend = "as many voxels as its header says", "Copy or download it again."
    return InputError(f"{path}: truncated or damaged", expected, None, mend)


def _checked_affine(path: Path, data: bytes | bytearray, image) -> np.ndarray:
    affine = np.asarray(image.affine, dtype="float64")
    zooms = _stored_zooms(data, image)
    edges = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = SPACING_RANGE_MM
    if not np.isfinite(affine).all():
        raise InputError(f"{path}: its affine holds NaN or infinity", mend="Set a valid sform or qform in the header.")
    for sizes in (zooms, edges):
        if not ((sizes >= low) & (sizes <= high)).all():
            raise InputError(
                f"{path}: impossible voxel size",
                expected=f"{low} to {high} mm",
                received=" × ".join(f"{s:g}" for s in sizes) + " mm",
                mend="Correct the header's pixdim or affine, or convert the scan again.",
            )
    # The volume of the unit parallelepiped of the axes: 1 where they are orthogonal, 0 where two coincide.
    if abs(np.linalg.det(affine[:3, :3] / edges)) < 0.1:
        raise InputError(
            f"{path}: its affine is singular: two axes point the same way",
            mend="Set a valid sform or qform in the header, or convert the scan again.",
        )
    return affine


def _is_oriented(image) -> bool:
    header = image.header
    return not isinstance(header, nibabel.Nifti1Header) or bool(header["sform_code"] > 0 or header["qform_code"] > 0)


def _stored_zooms(data: bytes | bytearray, image) -> np.ndarray:
    """Voxel edges as the file has them."""
    kind = type(image.header)
    if not issubclass(kind, nibabel.Nifti1Header) or issubclass(kind, nibabel.nifti1.Nifti1PairHeader):
        return np.asarray(image.header.get_zooms()[:3], dtype="float64")
    return np.asarray(_as_written(kind, data)["pixdim"][1:4], dtype="float64")


def _checked_voxels(path: Path, data: bytes | bytearray, image, as_stored: bool) -> np.ndarray:
    shape = image.shape
    if len(shape) > 3 and all(n == 1 for n in shape[3:]):
        shape = shape[:3]
    if len(shape) != 3 or min(shape) < 1:
        mend = "Take one volume or the mean of it." if len(shape) == 4 else "Give the whole 3-D scan."
        raise InputError(f"{path}: not one 3-D image", expected="3 axes", received=f"shape {image.shape}", mend=mend)
    if np.dtype(image.get_data_dtype()).kind not in "iufb":
        raise InputError(f"{path}: voxels are not real numbers", received=image.get_data_dtype())
    proxy = image.dataobj
    try:
        stored = np.frombuffer(data, proxy.dtype, int(np.prod(shape, dtype="int64")), proxy.offset)
        plain = as_stored and (proxy.slope, proxy.inter) == (1, 0) and stored.dtype in SMALL
        voxels = (stored if plain else _scaled(stored, proxy.slope, proxy.inter)).reshape(shape, order="F")
    except (ValueError, OverflowError, MemoryError) as error:
        _log.debug("reading %s", path, exc_info=error)
        raise _damaged(path) from None
    some = voxels[:, :, shape[2] // 2]
    if plain and some.min() < some.max():
        return voxels  # integers are finite, and these are not all alike
    if stored.dtype.kind in "iu":  # the ends of integers stay ends however they are scaled, and are found sooner before
        low, high = map(float, _scaled(np.array([stored.min(), stored.max()]), proxy.slope, proxy.inter))
    else:
        low, high = float(voxels.min()), float(voxels.max())  # a NaN anywhere makes both NaN
    if not np.isfinite([low, high]).all():
        bad = int((~np.isfinite(voxels)).sum())
        mend = "Replace them, for example with numpy.nan_to_num, if they are background."
        raise InputError(f"{path}: {bad} voxels are NaN or infinite", mend=mend)
    if low == high:
        word = "zero" if low == 0 else f"{low:g}"
        raise InputError(f"{path}: every voxel is {word}", mend="Check the step that wrote it.")
    return voxels


def _scaled(stored: np.ndarray, slope: float, inter: float) -> np.ndarray:
    voxels = stored.astype("float32")
    if slope != 1:
        voxels *= np.float32(slope)
    if inter != 0:
        voxels += np.float32(inter)
    return voxels
