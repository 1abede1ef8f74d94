"""What real folders are like: each of these is survived, and said."""

import fnmatch
import gzip
import os
import subprocess
import unicodedata

import nibabel
import numpy as np
import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import check_files, read_bids, read_csv
from keras_neurovit.cohorts.flow import remaining

TWO = "participant_id\tage\tsex\nsub-01\t70\tF\nsub-02\t81\tM\n"


def test_spaces_and_accents_in_paths(tmp_path):
    folder = tmp_path / "Étude à l’hôpital n° 1"
    (folder / "sub-Zoë" / "anat").mkdir(parents=True)
    (folder / "sub-Zoë" / "anat" / "sub-Zoë_T1w.nii.gz").write_bytes(b"a scan")
    (folder / "participants.tsv").write_text("participant_id\tsex\nsub-Zoë\tF\n", encoding="utf-8")
    cohort = read_bids(str(folder), "sex")
    assert cohort.participants.tolist() == ["sub-Zoë"]
    assert cohort.paths[0].is_file()


def test_a_linked_person_and_a_link_in_a_circle(bids, scan_path, tmp_path):
    folder = bids(TWO, scan_path("01"), scan_path("02"))
    elsewhere = tmp_path / "archive"
    (folder / "sub-02").rename(elsewhere)
    (folder / "sub-02").symlink_to(elsewhere, target_is_directory=True)
    (folder / "sub-01" / "ses-loop").symlink_to(folder / "sub-01", target_is_directory=True)
    assert read_bids(folder, "sex").participants.tolist() == ["sub-01", "sub-02"]


def test_each_stand_in_is_named_with_what_fetches_it(bids, scan_path):
    folder = bids(TWO, scan_path("01"), scan_path("01", run=1), scan_path("01", run=2), scan_path("02"))
    (folder / scan_path("01", run=1)).write_text("/annex/objects/SHA256E-s9--0a.nii.gz\n")
    (folder / scan_path("01", run=2)).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 9\n")
    (folder / scan_path("02")).unlink()
    (folder / scan_path("02")).symlink_to("/nowhere/at/all.nii.gz")
    texts = [step.text for step in read_bids(folder, "sex").flow if step.kind == "left out"]
    assert any("dead link" in text and "link" in text for text in texts)
    assert any("git-annex pointer" in text and "datalad get sub-01_run-1_T1w.nii.gz`" in text for text in texts)
    assert any(
        "git-lfs pointer" in text and "git lfs pull --include sub-01_run-2_T1w.nii.gz`" in text for text in texts
    )


@pytest.mark.parametrize("tool", ["datalad", "git"])
def test_the_command_fetches_all_of_them(bids, scan_path, tool, tmp_path, monkeypatch):
    """The line that the flow prints is run by a shell, elsewhere, with something in the tool's place."""
    lost = [scan_path("01"), scan_path("02", "M0"), scan_path("02", "M12", run=1)]
    folder = bids(TWO, *lost, scan_path("01", run=2))
    folder = folder.rename(folder.with_name("a study, isn't it"))
    for scan in lost:
        (folder / scan).unlink()
        if tool == "datalad":
            (folder / scan).symlink_to("../../.git/annex/objects/x/y/z.nii.gz")
        else:
            (folder / scan).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 9\n")
    note = next(note for note in read_bids(folder, "sex").notes if "file content is missing" in note)
    stand_in = tmp_path / "bin" / tool
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    command = note.split("`")[1]
    here, *given = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.splitlines()
    if tool == "datalad":
        assert {os.path.join(here, path) for path in given[1:]} >= {str(folder / scan) for scan in lost}
    else:
        assert given[:3] == ["lfs", "pull", "--include"]
        assert all(fnmatch.fnmatch(os.path.basename(scan), given[3]) for scan in lost)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("sub-01/anat/sub-01_T1.nii.gz", "not named as BIDS asks"),
        ("sub-01/anat/sub-01_t1w.nii", "not named as BIDS asks"),
        ("sub-01/anat/T1w.nii.gz", "not named as BIDS asks"),
        ("sub-01/anat/sub-01_T1w.NII.GZ", "not named as BIDS asks"),
        ("sub-01/anat/sub-01_T1w.img", "not named as BIDS asks"),
        ("sub-01/anat/sub-01_run-1_T1w.nii.gz.part", "download not finished"),
        ("sub-01/anat/sub-01_run-1_T1w.nii.gz.crdownload", "download not finished"),
        ("sub-01/sub-01_T1w.nii.gz", "not in a folder anat"),
        ("sub-01/ses-M0/sub-01_ses-M0_T1w.nii.gz", "not in a folder anat"),
        ("sub-01/anat/sub-02_T1w.nii.gz", "named for another participant"),
    ],
)
def test_wrong_names_and_places(bids, scan_path, name, reason):
    cohort = read_bids(bids(TWO, scan_path("02"), name), "sex")
    (step,) = [step for step in cohort.flow if step.kind == "left out"]
    assert (step.scans, step.text.startswith(reason)) == (1, True)
    assert name.rsplit("/", 1)[1] in step.text
    assert remaining(cohort.flow) == len(cohort) == 1


def test_other_images_are_no_concern(bids, scan_path):
    others = ["sub-01_T2w.nii.gz", "sub-01_PDT1w.nii.gz", "sub-01_T1map.nii.gz", "sub-01_T1w.json", "T1.json"]
    cohort = read_bids(bids(TWO, scan_path("01"), *(f"sub-01/anat/{name}" for name in others)), "sex")
    assert [step.scans for step in cohort.flow if step.kind == "found"] == [1]


def test_entities_choose(bids, scan_path):
    names = [f"sub-01/anat/sub-01_{middle}T1w.nii.gz" for middle in ("", "run-01_", "run-2_", "acq-x_run-1_")]
    folder = bids(TWO, *names, scan_path("02"))
    cohort = read_bids(folder, "sex", entities={"run": 1, "acq": None})
    assert [path.name for path in cohort.paths] == ["sub-01_run-01_T1w.nii.gz"]
    assert "4 scans left out, name is not run-1, no acq" in cohort.notes
    assert len(read_bids(folder, "sex", entities={"run": None})) == 2
    assert "1 visit with several T1w scans, all kept: sub-01" in read_bids(folder, "sex").notes
    with pytest.raises(InputError, match="entities is unusable"):
        read_bids(folder, "sex", entities=["run-1"])


def test_outputs_of_a_pipeline_read_as_raw_are_told(bids, scan_path):
    names = [f"sub-01/anat/sub-01_{middle}desc-preproc_T1w.nii.gz" for middle in ("", "space-MNI152NLin6Asym_")]
    cohort = read_bids(bids(TWO, *names, scan_path("02")), "sex")
    assert (
        "2 scans written by a pipeline, as names tell (desc-preproc, space-MNI152NLin6Asym): read_derivatives also "
        "knows what it did to them"
    ) in cohort.notes
    assert not any("pipeline" in n for n in read_bids(cohort.source, "sex", entities={"desc": None}).notes)


@pytest.fixture
def images(tmp_path):
    """Real images by name, whole or spoilt, with a table of them."""
    volume = np.random.default_rng(0).normal(size=(8, 12, 20)).astype("float32")

    def save(name, voxels=volume):
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / name)
        return tmp_path / name

    save("whole.nii.gz"), save("whole.nii"), save("one.nii", volume[..., None])
    nibabel.save(nibabel.MGHImage(volume, np.eye(4)), tmp_path / "whole.mgz")
    content = save("pieces.nii.gz").read_bytes()
    raw = gzip.decompress(content)
    (tmp_path / "pieces.nii.gz").write_bytes(gzip.compress(raw[:3000]) + gzip.compress(raw[3000:]))
    save("series.nii.gz", np.stack([volume] * 3, axis=-1))
    (tmp_path / "torn.nii.gz").write_bytes(content[: len(content) // 2])
    (tmp_path / "torn.nii").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "page.nii.gz").write_text("<html>" + "Please log in. " * 100 + "</html>")
    rows = [f"{path.name},{path.name},{'FM'[i % 2]}" for i, path in enumerate(sorted(tmp_path.iterdir()))]
    (tmp_path / "scans.csv").write_text("\n".join(["path,participant_id,sex", *rows]) + "\n")
    return read_csv(tmp_path / "scans.csv", "sex")


def test_headers_tell_what_is_unusable(images):
    usable = check_files(images)
    assert [path.name for path in usable.paths] == [
        "one.nii",
        "pieces.nii.gz",
        "whole.mgz",
        "whole.nii",
        "whole.nii.gz",
    ]
    assert remaining(usable.flow) == len(usable)
    left_out = {step.text.split(",")[0].split(";")[0]: step for step in usable.flow if step.kind == "left out"}
    assert [(text, step.scans) for text, step in sorted(left_out.items())] == [
        ("half there: shorter than its header says", 2),
        ("no image inside", 1),
        ("not one volume but 8 × 12 × 20 × 3", 1),
    ]


def test_indexing_opens_no_image(images, monkeypatch, tmp_path):
    opened = []
    really = open
    monkeypatch.setattr("builtins.open", lambda file, *a, **k: opened.append(os.fspath(file)) or really(file, *a, **k))
    read_csv(tmp_path / "scans.csv", "sex")
    assert [name for name in opened if not name.endswith(".csv")] == []


def test_pairs_of_image_and_header(tmp_path):
    volume = np.random.default_rng(0).normal(size=(8, 12, 20)).astype("float32")
    for name in "abc":
        nibabel.save(nibabel.Nifti1Pair(volume, np.eye(4)), tmp_path / f"{name}.img")
    (tmp_path / "b.hdr").unlink()
    rows = [f"{name},{name},F" for name in ("a.img", "b.img", "c.hdr")]
    (tmp_path / "t.csv").write_text("\n".join(["path,participant_id,sex", *rows]) + "\n")
    cohort = check_files(read_csv(tmp_path / "t.csv", "sex", missing="drop"))
    assert [path.name for path in cohort.paths] == ["a.img"]
    assert [step.text.split(":")[0] for step in cohort.flow if step.kind == "left out"] == [
        "a header, not an image; give its .img",
        "its .hdr is not there",
    ]


def test_accents_as_a_mac_encodes_them(tmp_path):
    """Tables have é as one character, names of files that a Mac has written as two."""
    one, two = (unicodedata.normalize(form, "Zoé") for form in ("NFC", "NFD"))
    scan = tmp_path / f"sub-{two}" / "anat" / f"sub-{two}_T1w.nii.gz"
    scan.parent.mkdir(parents=True)
    scan.write_bytes(b"a scan")
    (tmp_path / "participants.tsv").write_text(f"participant_id\tsex\nsub-{one}\tF\n", encoding="utf-8")
    assert read_bids(tmp_path, "sex").paths == [scan]
    named = unicodedata.normalize("NFC", str(scan.relative_to(tmp_path)))
    (tmp_path / "t.csv").write_text(f"path,participant_id,sex\n{named},{one},F\n", encoding="utf-8")
    cohort = read_csv(tmp_path / "t.csv", "sex")
    assert cohort.paths == [scan]
    note = f"assumed: t.csv means 1 file whose accents are encoded otherwise than in it: {one}"
    assert note in cohort.notes
