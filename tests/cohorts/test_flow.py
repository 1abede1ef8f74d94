"""The account of what was found, left out and assumed."""

import pytest

from keras_neurovit.cohorts import Cohort, read_bids, read_csv
from keras_neurovit.cohorts.flow import Flow, Step, remaining, table

MESS = "participant_id\tage\tsex\tsite\tdx\nsub-01\t70\tF\tA\tCN\nsub-02\t81\tM\tB\tMCI\nsub-03\t\tM\t\tFTD\n"


def adds_up(cohort: Cohort) -> bool:
    return remaining(cohort.flow) == len(cohort)


def test_every_scan_is_accounted_for(bids, scan_path):
    folder = bids(
        MESS + "sub-04\t60\tF\tA\tn/a\n",
        *(scan_path(f"0{i}") for i in range(1, 7)),
        "sub-01/anat/sub-02_T1w.nii.gz",
        "sub-01/anat/sub-01_t1w.nii.gz",
        "sub-02/anat/sub-02_run-2_T1w.nii.gz.part",
    )
    (folder / scan_path("06")).write_bytes(b"")
    cohort = read_bids(folder, "dx", labels=("CN", "MCI"), missing="drop", keep={"sex": ["F", "M"]})
    assert len(cohort) == 2
    assert adds_up(cohort)
    assert {step.text.split(":")[0]: step.scans for step in cohort.flow if step.kind == "left out"} == {
        "named for another participant or session": 1,
        "not named as BIDS asks, *_T1w.nii.gz; rename it": 1,
        "download not finished": 1,
        "empty file, copy or download it again": 1,
        "not listed in participants.tsv": 1,
        "no dx known": 1,
        "dx 'FTD' is not among the labels CN, MCI": 1,
    }


def test_describe_shows_the_table(bids, scan_path):
    cohort = read_bids(bids(MESS, *map(scan_path, ("01", "02", "03"))), "dx", labels=("CN", "MCI", "FTD"))
    text = cohort.subset([0, 2]).describe()
    assert text.splitlines()[-6:] == [
        "age 70 to 70 years, median 70, unknown for 1 scan",
        "sex F 1, M 1 (scans)",
        "site A 1, unknown 1 (scans)",
        "found          3  T1w files in folders sub-*",
        "kept           3",
        "here           2  a part of those kept",
    ]


def test_many_sites_are_summed_up(bids, scan_path):
    rows = "".join(f"sub-{i}\tF\tsite{i:02d}\n" for i in range(20))
    text = read_bids(bids("participant_id\tsex\tsite\n" + rows, *map(scan_path, range(20))), "sex").describe()
    assert "site11 1, 8 more (scans)" in text


def test_sessions_are_counted(bids, scan_path):
    folder = bids(MESS, scan_path("01", "M0", 1), scan_path("01", "M0", 2), scan_path("01", "M12"), scan_path("02"))
    assert read_bids(folder, "dx").describe().startswith("4 scans of 2 people, 3 of them in 2 sessions, target dx")


def test_conversions_are_counted(bids, scan_path):
    sessions = "session_id\tdx\nses-M0\tMCI\nses-M12\tAD\n"
    stable = "session_id\tdx\nses-M0\tMCI\nses-M12\tMCI\n"
    scans = [scan_path(person, visit) for person in ("01", "02", "03") for visit in ("M0", "M12")]
    table = "participant_id\tsex\nsub-01\tF\nsub-02\tF\nsub-03\tM\n"
    cohort = read_bids(bids(table, *scans, sub_01=sessions, sub_02=sessions, sub_03=stable), "dx")
    assert cohort.notes == ("dx of 2 people changes between scans: MCI → AD",)


def test_hand_made_assignments_keep_the_account(bids, scan_path):
    cohort = read_bids(bids(MESS, *map(scan_path, ("01", "02", "03"))), "dx")
    sides = cohort.split_by({"train": ["sub-01"], "test": ["sub-02"]})
    assert remaining(sides["test"].flow) == 2
    assert sides["test"].notes == ("1 scan left out, assigned to no side: sub-03",)


def test_a_csv_is_accounted_for_too(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"a scan")
    (tmp_path / "b.nii").write_bytes(b"")
    (tmp_path / "t.csv").write_text("path,participant_id,sex\na.nii,1,F\nb.nii,2,F\nc.nii,3,M\n")
    cohort = read_csv(tmp_path / "t.csv", "sex", missing="drop")
    assert len(cohort) == 1
    assert adds_up(cohort)
    assert [step.text.split(":")[0] for step in cohort.flow if step.kind == "left out"] == [
        "empty file, copy or download it again",
        "no file",
    ]


def test_a_cohort_made_by_hand_has_no_account():
    assert remaining(()) is None
    assert table((Step("noted", 0, "by hand"),), 3) == ["noted             by hand"]


def test_nothing_left_out_is_no_step():
    flow = Flow()
    flow.left_out(0, "nobody")
    assert flow.steps == []
    assert flow.remaining is None


@pytest.mark.parametrize(
    ("part", "last"),
    [
        (2, "2 scans of 2 people CN: 1 MCI: 1 age 70 to 81 years, median 75.5 sex F 1, M 1 (scans) site A 1, B 1"),
        (1, "1 scan of 1 person CN: 1 MCI: 0 age 70 to 70 years, median 70 sex F 1 (scans) site A 1 (scans)"),
    ],
)
def test_figure(bids, scan_path, tmp_path, part, last, monkeypatch):
    pytest.importorskip("matplotlib")
    from matplotlib.axes import Axes
    from matplotlib.image import imread

    from keras_neurovit.evaluation import flow_figure

    drawn, really = [], Axes.text
    monkeypatch.setattr(Axes, "text", lambda *a, **k: drawn.append(a[3]) or really(*a, **k))
    folder = bids(MESS, *map(scan_path, ("01", "02", "03", "07")), "sub-01/anat/sub-01_t1.nii")
    cohort = read_bids(folder, "dx", labels=("CN", "MCI"))
    picture = imread(flow_figure(tmp_path / "flow.png", cohort.subset(range(part))))
    assert picture.shape[1] == 864
    assert (picture[..., :3] < 0.5).any()
    boxes = [text.replace("\n", " ") for text in drawn]
    assert "5 T1w files in folders sub-*" in boxes
    assert any(text.startswith("1 left out: not named as BIDS asks") for text in boxes)
    assert any(text.endswith(": sub-01/anat/sub-01_t1.nii") for text in boxes)
    assert any(text.startswith(last) for text in boxes)
