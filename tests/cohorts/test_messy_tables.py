"""What tables of real folders are like: each of these is survived, and said."""

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import read_bids, read_csv
from keras_neurovit.cohorts.flow import remaining

TWO = "participant_id\tage\tsex\nsub-01\t70\tF\nsub-02\t81\tM\n"


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_dialects_of_participants(bids, scan_path, delimiter, line_end, encoding):
    table = TWO.replace("sex", "SEX").replace("\t", delimiter).replace("\n", line_end).encode(encoding)
    cohort = read_bids(bids(table, scan_path("01"), scan_path("02")), "Sex")
    assert cohort.targets.tolist() == [0, 1]
    assert len(cohort.notes) == (delimiter != "\t")
    if cohort.notes:
        assert cohort.notes == (f"assumed: participants.tsv is separated by {delimiter!r}, where BIDS asks for tabs",)


def test_one_column_with_a_comma_inside_stays_one(bids, scan_path):
    table = "participant_id\tsex\tremark, free\nsub-01\tF\ta, b; c\nsub-02\tM\t\n"
    cohort = read_bids(bids(table, scan_path("01"), scan_path("02")), "sex")
    assert cohort.column("remark, free").tolist() == ["a, b; c", ""]


def test_a_line_a_visit_in_participants(bids, scan_path):
    table = (
        "participant_id\tsession_id\tage\tsex\tdx\n"
        "sub-01\tses-M0\t70\tF\tMCI\nsub-01\tM12\t71\tF\tAD\nsub-02\tM0\t60\tM\tCN\n"
    )
    scans = scan_path("01", "M0"), scan_path("01", "M12"), scan_path("01", "M24"), scan_path("02", "M0")
    folder = bids(table, *scans)
    with pytest.raises(InputError, match="no dx for sub-01"):
        read_bids(folder, "dx")
    cohort = read_bids(folder, "dx", missing="drop")
    assert [(r.session, cohort.labels[r.label]) for r in cohort.records] == [
        ("ses-M0", "MCI"),
        ("ses-M12", "AD"),
        ("ses-M0", "CN"),
    ]
    assert cohort.column("age", float).tolist() == [70, 71, 60]
    assert "participants.tsv has a line for each visit, told apart by session_id" in cohort.notes
    assert any(note.startswith("assumed: dx and all else") and "sub-01 ses-M24" in note for note in cohort.notes)
    assert read_bids(folder, "sex").records[2].columns["sex"] == "F"


def test_a_visit_without_a_line_is_assumed_to_be_like_the_person(bids, scan_path):
    folder = bids(TWO, scan_path("01", "M0"), scan_path("01", "M6"), scan_path("02", "M0"), sub_01="session_id\nM0\n")
    assert read_bids(folder, "sex").notes == (
        "assumed: sex and all else that participants.tsv says of the person holds at 1 scan whose visit no table "
        "lists: sub-01 ses-M6",
    )


def test_decimal_commas_of_semicolon_tables(tmp_path):
    text = "\ufeffPath;Participant_ID;Sex;Age;Remark\r\na b.nii;1;F;70,5;a, b\r\né.nii;2;M;71;1,2,3\r\n"
    (tmp_path / "t.csv").write_bytes(text.encode())
    for name in ("a b.nii", "é.nii"):
        (tmp_path / name).write_bytes(b"a scan")
    cohort = read_csv(tmp_path / "t.csv", "sex")
    assert cohort.ages.tolist() == [70.5, 71]
    assert cohort.column("remark").tolist() == ["a, b", "1,2,3"]
    assert "assumed: a comma in 1 number of t.csv, whose cells are parted by ';', is a decimal point" in cohort.notes
    (tmp_path / "t.csv").write_text('path,participant_id,sex,age\na b.nii,1,F,"70,5"\n')
    with pytest.raises(InputError, match=r"age of 1 is not a number .*'70,5'"):
        _ = read_csv(tmp_path / "t.csv", "sex").ages


def test_ages_that_are_open_above(bids, scan_path):
    table = "participant_id\tage\tsex\nsub-01\t89+\tF\nsub-02\t81\tM\n"
    cohort = read_bids(bids(table, scan_path("01", run=1), scan_path("01", run=2), scan_path("02")), "sex")
    assert cohort.ages.tolist() == [89, 89, 81]
    assert "assumed: age 89+ is that number for 2 scans, who may be older" in cohort.notes


def test_lines_that_contradict_each_other_or_are_nobodys(bids, scan_path):
    visits = "session_id\tage\nM0\t70\nM0\t71\nn/a\t72\n"
    table = TWO + "sub-02\t82\tM\nn/a\t60\tF\nsub-03\t60\tF\n"
    scans = scan_path("01", "M0"), scan_path("02"), scan_path("03")
    folder = bids(table, *scans, sub_01=visits)
    with pytest.raises(InputError, match="line 5: no participant_id"):
        read_bids(folder, "sex")
    cohort = read_bids(folder, "sex", missing="drop")
    assert cohort.participants.tolist() == ["sub-01", "sub-03"]
    assert cohort.ages.tolist() == [70, 60]
    assert remaining(cohort.flow) == 2
    for told in (
        "1 line of participants.tsv without participant_id left out: 5",
        "in several lines of participants.tsv with different values, none used: sub-02",
        "1 line of sub-01_sessions.tsv without session_id left out: 4",
        "in several lines of sub-01_sessions.tsv with different values, none used: M0",
        "1 scan left out, not listed in participants.tsv: sub-02",
    ):
        assert told in cohort.notes
    (folder / "t.csv").write_text(
        "path,participant_id,sex\n" + "".join(f"{s},{p},F\n" for s, p in zip(scans, "123", strict=True))
    )
    with open(folder / "t.csv", "a") as table:
        table.write(f"{scans[0]},1,M\n{scans[1]},,F\n")
    with pytest.raises(InputError, match="was listed with other values in line 2"):
        read_csv(folder / "t.csv", "sex")
    cohort = read_csv(folder / "t.csv", "sex", missing="drop")
    assert (cohort.participants.tolist(), remaining(cohort.flow)) == (["2", "3"], 2)
    assert "1 line left out, no participant_id: 6" in cohort.notes
    assert any(note.startswith("1 scan left out, listed again with other values: ") for note in cohort.notes)


def test_tables_that_are_not_fetched(bids, scan_path):
    folder = bids(None, scan_path("01"))
    table = folder / "participants.tsv"
    for fetch, place in (
        ("datalad get", lambda: table.symlink_to(".git/annex/objects/x/y/z.tsv")),
        ("datalad get", lambda: table.write_text("/annex/objects/SHA256E-s9--0a.tsv\n")),
        ("git lfs pull --include", lambda: table.write_text("version https://git-lfs.github.com/spec/v1\nsize 9\n")),
    ):
        place()
        command = rf"pointer in the place of the table\. Fetch it with `cd {folder} && {fetch} participants\.tsv`"
        with pytest.raises(InputError, match=command):
            read_bids(folder, "sex")
        table.unlink()
    table.symlink_to("gone.tsv")
    with pytest.raises(InputError, match=r"participants.tsv: no such file"):
        read_bids(folder, "sex")
