"""Reading tables that list one scan a line."""

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import read_csv

ROWS = "path,participant_id,session_id,sex\na.nii.gz,01,M0,F\nb.nii.gz,sub-01,M12,F\nc.nii.gz,02,,M\n"


@pytest.fixture
def table(tmp_path):
    """Writes a table beside the scans a, b and c."""
    for name in "abc":
        (tmp_path / f"{name}.nii.gz").write_bytes(b"a scan")

    def write(text, encoding="utf-8"):
        file = tmp_path / "scans.csv"
        file.write_bytes(text.encode(encoding))
        return file

    return write


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_reads_every_dialect(table, tmp_path, delimiter, line_end, encoding):
    cohort = read_csv(table(ROWS.replace(",", delimiter).replace("\n", line_end), encoding), "sex")
    assert cohort.paths == [tmp_path / f"{name}.nii.gz" for name in "abc"]
    assert cohort.participants.tolist() == ["01", "01", "02"]
    assert [record.session for record in cohort.records] == ["M0", "M12", None]
    assert (cohort.labels, cohort.targets.tolist()) == (("F", "M"), [0, 0, 1])


def test_reads_quoted_cells_absolute_paths_and_other_column_names(table, tmp_path):
    file = table(f'"Scan, T1";Who;SEX\n{tmp_path}/a.nii.gz;p;F\nb.nii.gz;"q; r";M\n')
    cohort = read_csv(file, "sex", path_column="scan, t1", participant_column="who")
    assert cohort.paths == [tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"]
    assert cohort.participants.tolist() == ["p", "q; r"]
    assert (cohort.target, cohort.source) == ("SEX", str(file))


def test_labels_and_missing_labels(table):
    text = ROWS.replace("M0,F", "M0,NaN")
    with pytest.raises(InputError, match=r"scans\.csv: no sex for 01 .*1 scan without a label"):
        read_csv(table(text), "sex")
    cohort = read_csv(table(text), "sex", missing="drop", labels=("M", "F"))
    assert cohort.targets.tolist() == [1, 0]
    assert cohort.notes == ("1 scan left out, no sex known: 01",)


def test_people_must_be_known(table):
    with pytest.raises(InputError, match=r"no column 'participant_id'.*no one is trained and tested on"):
        read_csv(table("path,sex\na.nii.gz,F\n"), "sex")
    with pytest.raises(InputError, match="line 2: no participant_id"):
        read_csv(table("path,participant_id,sex\na.nii.gz,,F\n"), "sex")


def test_refuses_unknown_columns(table):
    with pytest.raises(InputError, match=r"no column 'file'.*path_column="):
        read_csv(table(ROWS), "sex", path_column="file")
    with pytest.raises(InputError, match=r"unknown column in .*scans\.csv: 'sax'.*Did you mean 'sex'\?"):
        read_csv(table(ROWS), "sax")


def test_refuses_files_that_do_not_exist(table):
    lost = "".join(f"lost{i}.nii,03,,F\n" for i in range(7))
    with pytest.raises(InputError, match=r"7 files of 10 cannot be used: .*lost0\.nii, .*lost4\.nii and 2 more"):
        read_csv(table(ROWS + lost), "sex")


def test_notes_lines_without_a_path(table):
    assert read_csv(table(ROWS + ",03,,F\n"), "sex").notes == ("1 line left out, no path: 03",)


def test_repeated_lines(table):
    cohort = read_csv(table(ROWS + "./c.nii.gz,sub-02,,M\n"), "sex")
    assert len(cohort) == 3
    assert cohort.notes == ("1 repeated line left out: 5",)


@pytest.mark.parametrize("line", ["c.nii.gz,02,,F", "c.nii.gz,03,,M", "c.nii.gz,02,M0,M"])
def test_refuses_contradicting_lines(table, line):
    with pytest.raises(InputError, match=r"line 5: .*c\.nii\.gz was listed with other values in line 4"):
        read_csv(table(ROWS + line + "\n"), "sex")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("path,participant_id,sex,sex\n", "column 'sex' appears twice"),
        ("path,participant_id,sex\na.nii.gz,01\n", r"line 2: wrong number of cells \(expected 3, received 2\)"),
        ('path,participant_id,sex\n"a.nii.gz,01,F\n', "cannot be read as a table: .*stray quote"),
        ("path,participant_id,sex\n", "no labelled scan remains"),
    ],
)
def test_refuses_broken_tables(table, text, message):
    with pytest.raises(InputError, match=message):
        read_csv(table(text), "sex")


def test_refuses_other_encodings_and_missing_tables(table, tmp_path):
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_csv(table(ROWS.replace("F", "é"), "latin-1"), "sex")
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        read_csv(tmp_path / "none.csv", "sex")


def test_columns_without_a_name_keep_their_place(table):
    text = "".join(f"{number},{line}\n" for number, line in zip(["", "0", "1", "2"], ROWS.split(), strict=True))
    assert read_csv(table(text), "sex").column("column 1").tolist() == ["0", "1", "2"]
