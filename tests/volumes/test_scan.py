import gzip

import nibabel
import numpy as np
import pytest

from keras_neurovit import InputError, read_scan

ARRAY = np.random.default_rng(0).integers(0, 200, (7, 8, 9)).astype("int16")


def save(folder, array, affine=None, name="scan.nii.gz", header=None):
    image = nibabel.MGHImage if name.endswith((".mgz", ".mgh")) else nibabel.Nifti1Image
    nibabel.save(image(array, np.eye(4) if affine is None else affine, header), folder / name)
    return folder / name


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # nibabel leaves .mgh files open
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.mgz", "scan.mgh", "ünï code.NII.GZ"])
def test_reads_every_kind(tmp_path, name):
    file = save(tmp_path, ARRAY.astype("float32"), np.diag([2.0, 3.0, 4.0, 1.0]), name.lower())
    file = file.rename(tmp_path / name)
    scan = read_scan(file)
    np.testing.assert_array_equal(scan.voxels, ARRAY)
    assert scan.voxels.dtype == np.float32
    assert scan.spacing_mm == (2.0, 3.0, 4.0)
    assert scan.path == str(file)


def test_scales_as_the_header_says(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_slope_inter(2.0, 5.0)
    image = nibabel.Nifti1Image(ARRAY, np.eye(4))
    image.header.set_data_dtype("int16")
    image.header.set_slope_inter(2.0, 5.0)
    nibabel.save(image, tmp_path / "scan.nii")
    np.testing.assert_allclose(
        read_scan(tmp_path / "scan.nii").voxels, np.asarray(nibabel.load(tmp_path / "scan.nii").dataobj)
    )


def test_one_volume_of_four_axes_is_accepted(tmp_path):
    assert read_scan(save(tmp_path, ARRAY[..., None])).voxels.shape == ARRAY.shape


def test_gzip_in_pieces(tmp_path):
    """As bgzip writes; here all pieces are equally long."""
    plain = save(tmp_path, np.repeat(ARRAY[..., :8], 3, axis=2), name="scan.nii").read_bytes()
    plain += bytes(-len(plain) % 4)
    quarter = len(plain) // 4
    pieces = [gzip.compress(plain[at : at + quarter]) for at in range(0, len(plain), quarter)]
    (tmp_path / "scan.nii.gz").write_bytes(b"".join(pieces))
    np.testing.assert_array_equal(read_scan(tmp_path / "scan.nii.gz").voxels, read_scan(tmp_path / "scan.nii").voxels)
    (tmp_path / "scan.nii.gz").write_bytes(b"".join(pieces[:3]))
    refused(tmp_path / "scan.nii.gz", "truncated or damaged")


def test_gzip_with_something_behind(tmp_path):
    """Padding, and what is neither a piece nor padding; the last four bytes tell no length then."""
    file = save(tmp_path, ARRAY)
    content = file.read_bytes()
    for more in (bytes(1), bytes(512), b"behind", content[:9][::-1], b"\xff" * 8):
        file.write_bytes(content + more)
        np.testing.assert_array_equal(read_scan(file).voxels, ARRAY)


def test_gzip_in_pieces_of_many_lengths(tmp_path):
    plain = save(tmp_path, ARRAY, name="scan.nii").read_bytes()
    for cuts in ((0, 100), (0, len(plain) - 3), (0, 0, 700)):
        pieces = [gzip.compress(plain[at:end]) for at, end in zip(cuts, (*cuts[1:], None), strict=True)]
        for last in (b"", gzip.compress(b"")):  # bgzip ends with nothing
            (tmp_path / "scan.nii.gz").write_bytes(b"".join(pieces) + last)
            np.testing.assert_array_equal(read_scan(tmp_path / "scan.nii.gz").voxels, ARRAY)


@pytest.mark.parametrize("place", [-1, -4, -5, -8, 40, 400])
def test_gzip_with_a_flipped_bit(tmp_path, place):
    """In the length, in the sum, in what is compressed."""
    file = save(tmp_path, ARRAY)
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    refused(file, "truncated or damaged")


def test_extensions_of_the_header_are_passed_over(tmp_path):
    image = nibabel.Nifti1Image(ARRAY, np.eye(4))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 5000))
    nibabel.save(image, tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(read_scan(tmp_path / "scan.nii.gz").voxels, ARRAY)


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_small_integers_stay_as_stored_where_asked(tmp_path, name):
    plain = read_scan(save(tmp_path, ARRAY, name=name), as_stored=True).voxels
    assert plain.dtype == "int16"
    np.testing.assert_array_equal(plain, ARRAY)
    image = nibabel.Nifti1Image(ARRAY, np.eye(4), nibabel.Nifti1Header(endianness=">"))
    nibabel.save(image, tmp_path / name)
    assert read_scan(tmp_path / name, as_stored=True).voxels.dtype == "float32"
    image.header.set_slope_inter(2.0, 5.0)
    nibabel.save(image, tmp_path / name)
    scaled = read_scan(tmp_path / name, as_stored=True).voxels
    assert scaled.dtype == "float32"
    np.testing.assert_allclose(scaled, read_scan(tmp_path / name).voxels)
    one = np.zeros((8, 8, 8), "int16")
    one[0, 0, 0] = 1  # where the middle plane does not tell
    assert read_scan(save(tmp_path, one, name=name), as_stored=True).voxels.sum() == 1


def test_second_version_and_other_byte_order(tmp_path):
    nibabel.save(nibabel.Nifti2Image(ARRAY, np.eye(4)), tmp_path / "two.nii.gz")
    big = nibabel.Nifti1Image(ARRAY, np.eye(4), nibabel.Nifti1Header(endianness=">"))
    nibabel.save(big, tmp_path / "big.nii.gz")
    for name in ("two.nii.gz", "big.nii.gz"):
        np.testing.assert_array_equal(read_scan(tmp_path / name).voxels, ARRAY)


def refused(file, *parts):
    with pytest.raises(InputError) as caught:
        read_scan(file)
    message = str(caught.value)
    assert str(file) in message
    for part in parts:
        assert part in message, message
    assert "\n" not in message


def test_missing(tmp_path):
    refused(tmp_path / "none.nii.gz", "no such file")


def test_dead_link(tmp_path):
    (tmp_path / "link.nii.gz").symlink_to(tmp_path / ".git/annex/gone")
    refused(tmp_path / "link.nii.gz", "a link whose file is missing", "datalad get link.nii.gz`")


def test_pointers_are_named_with_what_fetches_them(tmp_path):
    (tmp_path / "a scan.nii.gz").write_text("/annex/objects/SHA256E-s9--0a.nii.gz\n")
    refused(tmp_path / "a scan.nii.gz", "a git-annex pointer", f"`cd {tmp_path} && datalad get 'a scan.nii.gz'`")
    (tmp_path / "b.nii").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 9\n")
    refused(tmp_path / "b.nii", "a git-lfs pointer", f"`cd {tmp_path} && git lfs pull --include b.nii`")


def test_folder_and_other_names(tmp_path):
    (tmp_path / "x.nii.gz").mkdir()
    (tmp_path / "x.png").write_bytes(b"x")
    refused(tmp_path / "x.nii.gz", "a folder without any")
    refused(tmp_path / "x.png", "not a scan's file name", ".nii.gz")


@pytest.mark.parametrize("keep", [0, 1, 10, 300, 700])
def test_truncated_gzip(tmp_path, keep):
    file = save(tmp_path, ARRAY)
    file.write_bytes(file.read_bytes()[:keep])
    refused(file, "again" if keep > 1 else "")


@pytest.mark.parametrize("keep", [100, 400])
def test_truncated_plain(tmp_path, keep):
    file = save(tmp_path, ARRAY, name="scan.nii")
    file.write_bytes(file.read_bytes()[:keep])
    refused(file, "again")


def test_text_renamed(tmp_path):
    file = tmp_path / "notes.nii.gz"
    file.write_text("participant_id\tage\n" * 100)
    refused(file, "not gzip-compressed")
    file.write_bytes(gzip.compress(b"participant_id\tage\n" * 100))
    refused(file, "cannot be read as NIfTI")


def test_random_bytes(tmp_path):
    for seed in range(20):
        for name in ("a.nii", "a.nii.gz", "a.mgz"):
            noise = np.random.default_rng(seed).bytes(2000)
            (tmp_path / name).write_bytes(gzip.compress(noise) if name.endswith("z") else noise)
            refused(tmp_path / name)


@pytest.mark.parametrize("shape", [(64, 64), (8, 8, 8, 3), (8, 8, 8, 1, 2)])
def test_not_one_volume(tmp_path, shape):
    refused(save(tmp_path, np.ones(shape, "int16")), "expected 3 axes")


@pytest.mark.parametrize("value", [0, 7])
def test_constant(tmp_path, value):
    file = save(tmp_path, np.full((8, 8, 8), value, "int16"))
    refused(file, f"every voxel is {'zero' if value == 0 else 7}")
    with pytest.raises(InputError, match="every voxel is"):
        read_scan(file, as_stored=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, value):
    array = ARRAY.astype("float32")
    array[1, 2, 3] = value
    refused(save(tmp_path, array), "1 voxels are NaN or infinite", "nan_to_num")


def test_complex_and_colour(tmp_path):
    refused(save(tmp_path, ARRAY.astype("complex64")), "not real numbers")
    refused(save(tmp_path, np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])), "not real numbers")


@pytest.mark.parametrize("scale", [0.001, 1000.0])
def test_absurd_voxel_size(tmp_path, scale):
    refused(save(tmp_path, ARRAY, np.diag([scale, 1.0, 1.0, 1.0])), "impossible voxel size", "pixdim")


def test_zero_voxel_size(tmp_path):
    file = save(tmp_path, ARRAY, name="scan.nii")
    content = bytearray(file.read_bytes())
    content[80:84] = np.float32(0).tobytes()  # pixdim[1]
    content[252:256] = bytes(4)  # neither qform nor sform
    file.write_bytes(content)
    refused(file, "impossible voxel size")


def test_singular_affine(tmp_path):
    affine = np.eye(4)
    affine[:3, 1] = affine[:3, 0]
    image = nibabel.Nifti1Image(ARRAY, None)
    image.header.set_sform(affine, code=1)
    nibabel.save(image, tmp_path / "scan.nii")
    refused(tmp_path / "scan.nii", "singular")


def test_affine_with_nan(tmp_path):
    image = nibabel.Nifti1Image(ARRAY, None)
    affine = np.eye(4)
    affine[0, 3] = np.nan
    image.header.set_sform(affine, code=1)
    nibabel.save(image, tmp_path / "scan.nii")
    refused(tmp_path / "scan.nii", "NaN or infinity")


@pytest.mark.parametrize("name", ["lying.nii", "lying.nii.gz"])
def test_header_that_promises_more_than_memory_holds(tmp_path, name):
    file = save(tmp_path, ARRAY, name="lying.nii")
    content = bytearray(file.read_bytes())
    content[42:48] = np.array([32767] * 3, "int16").tobytes()
    (tmp_path / name).write_bytes(gzip.compress(bytes(content)) if name.endswith("gz") else content)
    refused(tmp_path / name, "truncated or damaged")


def test_unreadable_permissions(tmp_path, monkeypatch):
    file = save(tmp_path, ARRAY)

    def denied(path, *mode, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(file), "open", denied)
    refused(file, "Permission denied", "permissions")
