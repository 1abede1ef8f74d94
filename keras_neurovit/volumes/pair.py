"""Images in two files, a header and voxels: Analyze 7.5 and NIfTI pairs."""

from __future__ import annotations

import io
from pathlib import Path

import nibabel
import numpy as np
from nibabel.fileholders import FileHolder

from keras_neurovit._checks import InputError

HEADER_BYTES = 348
ORIENT = 252  # the byte of `orient` in an Analyze header
# Where each of the file's axes leads: Analyze keeps slices from the person's right to the left, unlike NIfTI.
AXES = {0: "LAS", 1: "LSA", 2: "ASL", 3: "LPS", 4: "LIA", 5: "AIL"}
PLANES = "0 to 5 (transverse, coronal or sagittal, unflipped or flipped)"


def read_pair(path: Path, voxels: bytes):
    """The image whose voxels are in `path` (.img) and whose header lies beside it (.hdr).

    A NIfTI header tells its affine. An Analyze header knows a plane and voxel sizes only: the axes are taken as its
    `orient` says, the origin from the middle of the image.

    Raises:
        InputError: no header, a damaged one, or one of an unknown orientation.

    Source: Analyze 7.5 file format (Mayo Clinic), `data_history.orient`.
    """
    file = path.with_suffix(".HDR" if path.suffix == ".IMG" else ".hdr")
    if not file.is_file():
        raise InputError(f"{path}: its header {file.name} is not there", mend="Copy both files of the pair.")
    header = file.read_bytes()
    if len(header) < HEADER_BYTES:
        raise InputError(f"{file}: truncated", f"{HEADER_BYTES} bytes", len(header), "Copy it again.")
    kind = nibabel.Nifti1Pair if header[344:347] == b"ni1" else nibabel.AnalyzeImage
    try:
        holders = {
            "header": FileHolder(fileobj=io.BytesIO(header)),
            "image": FileHolder(fileobj=io.BytesIO(voxels)),
        }
        image = kind.from_file_map(holders)
    except Exception as error:  # on damaged bytes nibabel raises nearly anything
        raise InputError(f"{file}: cannot be read as an Analyze or NIfTI header", mend="Copy it again.") from error
    if kind is nibabel.Nifti1Pair:
        return image
    return nibabel.AnalyzeImage(image.dataobj, _affine(file, image, header[ORIENT]), image.header)


def _affine(file: Path, image, orient: int) -> np.ndarray:
    # SPM writes nothing there and means transverse, which is 0 as well; some tools write digits as text.
    orient -= ord("0") if ord("0") <= orient <= ord("5") else 0
    if orient not in AXES:
        raise InputError(f"{file}: unknown orientation", PLANES, orient, "Convert the scan to NIfTI.")
    zooms = np.asarray(image.header.get_zooms()[:3], dtype="float64")
    middle = np.asarray(image.shape[:3]) / 2
    signs = nibabel.orientations.axcodes2ornt(AXES[orient])
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(signs):
        affine[int(world), axis] = sign * zooms[axis]
    affine[:3, 3] = -affine[:3, :3] @ middle
    return affine
