"""Reading BIDS folders: what is found, what is left out and noted."""

import pytest

from keras_neurovit._checks import InputError
from keras_neurovit.cohorts import read_bids

TWO = "participant_id\tage\tsex\nsub-01\t70\tF\nsub-02\t81\tM\n"


def test_reads_people_labels_and_columns(bids, scan_path):
    folder = bids(TWO, scan_path("02"), scan_path("01"))
    cohort = read_bids(folder, "sex")
    assert cohort.paths == [folder / scan_path("01"), folder / scan_path("02")]
    assert cohort.participants.tolist() == ["sub-01", "sub-02"]
    assert (cohort.labels, cohort.targets.tolist()) == (("F", "M"), [0, 1])
    assert (cohort.target, cohort.source, cohort.notes) == ("sex", str(folder), ())
    assert cohort.records[0].columns == {"participant_id": "sub-01", "age": "70", "sex": "F"}
    assert cohort.records[0].session is None


def test_reads_what_spreadsheets_write(bids, scan_path):
    table = b"\xef\xbb\xbfParticipant_ID\tSex \r\n01\t F\r\nsub-02\tM\r\n\r\n"
    cohort = read_bids(bids(table, scan_path("01"), scan_path("02")), "sex")
    assert cohort.participants.tolist() == ["sub-01", "sub-02"]
    assert cohort.target == "Sex"
    assert cohort.targets.tolist() == [0, 1]


def test_finds_sessions_runs_and_every_extension(bids, scan_path):
    wanted = [
        scan_path("01", "M0", run=1),
        scan_path("01", "M0", run=2, extension=".nii"),
        scan_path("01", "M6", extension=".mgz"),
        scan_path("01", "M12"),
        scan_path("02"),
    ]
    others = [
        "sub-01/ses-M0/anat/sub-01_ses-M0_T2w.nii.gz",
        "sub-02/anat/sub-02_T1w.json",
        "sub-02/anat/._sub-02_T1w.nii",
    ]
    elsewhere = ["derivatives/sub-01/anat/sub-01_T1w.nii.gz", "sub-02/func/sub-02_T1w.nii.gz"]
    folder = bids(TWO, *wanted, *others, *elsewhere)
    cohort = read_bids(folder, "sex")
    assert cohort.paths == [folder / path for path in wanted]
    assert [r.session for r in cohort.records] == ["ses-M0", "ses-M0", "ses-M6", "ses-M12", None]
    assert cohort.notes == (
        "1 visit with several T1w scans, all kept: sub-01 ses-M0",
        "assumed: sex and all else that participants.tsv says of the person holds at 4 scans whose visit no table "
        "lists: sub-01 ses-M0, sub-01 ses-M12, sub-01 ses-M6",
    )
    assert read_bids(folder, "sex", suffix="T2w").paths == [folder / others[0]]


def test_takes_the_session_from_the_name_where_no_folder_tells_it(bids, scan_path):
    cohort = read_bids(bids(TWO, "sub-01/anat/sub-01_ses-M6_T1w.nii", scan_path("02")), "sex")
    assert [record.session for record in cohort.records] == ["ses-M6", None]


def test_sessions_file_goes_before_participants_file(bids, scan_path):
    table = "participant_id\tDiagnosis\tage\nsub-01\tCN\t70\nsub-02\tAD\t71\n"
    sessions = "session_id\tdiagnosis\tage\nses-M0\tCN\t70\nM12\tMCI\t71\n"
    scans = scan_path("01", "M0"), scan_path("01", "M12"), scan_path("01", "M24"), scan_path("02", "M0")
    cohort = read_bids(bids(table, *scans, sub_01=sessions), "diagnosis")
    assert [cohort.labels[label] for label in cohort.targets] == ["CN", "MCI", "CN", "AD"]
    assert cohort.column("age", float).tolist() == [70, 71, 70, 71]
    assert cohort.target == "Diagnosis"


def test_target_may_stand_in_sessions_files_only(bids, scan_path):
    folder = bids(
        TWO,
        scan_path("01", "M0"),
        scan_path("02", "M0"),
        sub_01="session_id\tCDR\nses-M0\t0\n",
        sub_02="session_id\tcdr\nses-M0\t0.5\n",
    )
    assert read_bids(folder, "cdr").labels == ("0", "0.5")


def test_unknown_at_a_visit_is_not_filled_from_the_person(bids, scan_path):
    table = "participant_id\tdiagnosis\nsub-01\tCN\nsub-02\tAD\n"
    folder = bids(table, scan_path("01", "M0"), scan_path("02"), sub_01="session_id\tdiagnosis\nses-M0\tn/a\n")
    with pytest.raises(InputError, match=r"sub-01_sessions\.tsv: no diagnosis for sub-01"):
        read_bids(folder, "diagnosis")


def test_missing_label_names_person_file_and_mend(bids, scan_path):
    folder = bids("participant_id\tsex\nsub-01\tn/a\nsub-02\tM\nsub-03\t\n", *map(scan_path, ("01", "02", "03")))
    with pytest.raises(InputError, match=r"participants\.tsv: no sex for sub-01, sub-03 .*2 scans.*missing='drop'"):
        read_bids(folder, "sex")
    cohort = read_bids(folder, "sex", missing="drop")
    assert cohort.participants.tolist() == ["sub-02"]
    assert cohort.notes == ("2 scans left out, no sex known: sub-01, sub-03",)
    with pytest.raises(InputError, match="unknown missing 'ignore'"):
        read_bids(folder, "sex", missing="ignore")


def test_label_missing_for_a_person_without_scan_is_no_error(bids, scan_path):
    cohort = read_bids(bids("participant_id\tsex\nsub-01\tF\nsub-02\tn/a\n", scan_path("01")), "sex")
    assert cohort.notes == ("1 participant without a T1w scan: sub-02",)


def test_notes_people_without_scans_and_scans_without_rows(bids, scan_path):
    cohort = read_bids(bids(TWO, scan_path("01"), scan_path("07"), scan_path("07", "M0")), "sex")
    assert len(cohort) == 1
    assert cohort.notes == (
        "2 scans left out, not listed in participants.tsv: sub-07",
        "1 participant without a T1w scan: sub-02",
    )


def test_notes_dead_links_and_annex_pointers(bids, scan_path):
    folder = bids(TWO, scan_path("01"), scan_path("01", run=1), scan_path("02"))
    dead, pointer = folder / scan_path("02"), folder / scan_path("01", run=1)
    dead.unlink()
    dead.symlink_to("../../.git/annex/objects/gone")
    pointer.write_text("/annex/objects/MD5E-s1234--abc.nii.gz\n")
    cohort = read_bids(folder, "sex")
    assert cohort.paths == [folder / scan_path("01")]
    note = cohort.notes[0]
    assert note.startswith("2 scans left out, file content is missing (git-annex pointer)")
    assert str(dead) in note
    assert f"`cd {folder} && datalad get sub-0*/anat/sub-0*_T1w.nii.gz`" in note


def test_follows_living_links(bids, scan_path, tmp_path):
    folder = bids(TWO, scan_path("01"), scan_path("02"))
    real = tmp_path / "store.nii.gz"
    (folder / scan_path("01")).replace(real)
    (folder / scan_path("01")).symlink_to(real)
    assert len(read_bids(folder, "sex")) == 2


def test_notes_scans_in_the_wrong_folder(bids, scan_path):
    folder = bids(
        TWO, scan_path("01"), scan_path("02"), "sub-01/anat/sub-02_T1w.nii", "sub-02/ses-M0/anat/sub-02_ses-M6_T1w.nii"
    )
    cohort = read_bids(folder, "sex")
    assert len(cohort) == 2
    assert cohort.notes[0].startswith("2 scans left out, named for another participant or session: ")


def test_labels_give_order_and_restrict(bids, scan_path):
    table = "participant_id\tgroup\nsub-01\tpatient\nsub-02\tcontrol\nsub-03\tother\n"
    folder = bids(table, *map(scan_path, ("01", "02", "03")))
    assert read_bids(folder, "group").labels == ("control", "other", "patient")
    cohort = read_bids(folder, "group", labels=["patient", "control"])
    assert cohort.targets.tolist() == [0, 1]
    assert cohort.notes == ("1 scan left out, group 'other' is not among the labels patient, control",)


def test_a_label_nobody_has_is_noted(bids, scan_path):
    cohort = read_bids(bids(TWO, scan_path("01"), scan_path("02")), "sex", labels=("F", "M", "X"))
    assert cohort.labels == ("F", "M", "X")
    assert cohort.notes == ("no scan has sex 'X'",)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("FM", "expected a list of class names, received 'FM'"),
        ([], "labels is unusable"),
        (["F", "F"], "class names, each once"),
        (["f", "M"], r"no scan has sex 'f' .*one of F, M.* Did you mean 'F'\?"),
        (["X", "Y"], "no labelled scan remains"),
    ],
)
def test_refuses_labels(bids, scan_path, labels, message):
    with pytest.raises(InputError, match=message):
        read_bids(bids(TWO, scan_path("01"), scan_path("02")), "sex", labels=labels)


@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["AD", "MCI", "CN"], ("CN", "MCI", "AD")),
        (["AD", "CN", "FTD"], ("AD", "CN", "FTD")),
        (["10", "9", "1"], ("1", "9", "10")),
    ],
)
def test_order_of_classes(bids, scan_path, values, order):
    rows = "".join(f"sub-{i}\t{value}\n" for i, value in enumerate(values))
    assert read_bids(bids("participant_id\tdx\n" + rows, *map(scan_path, range(3))), "dx").labels == order


def test_keep_takes_one_value_or_several(bids, scan_path):
    table = "participant_id\tsite\tsex\nsub-01\t1\tF\nsub-02\t2\tM\nsub-03\t3\tM\n"
    folder = bids(table, *map(scan_path, ("01", "02", "03")))
    cohort = read_bids(folder, "sex", keep={"Site": [1, 2]})
    assert cohort.participants.tolist() == ["sub-01", "sub-02"]
    assert cohort.notes == ("1 scan left out, Site is not 1 or 2",)
    assert len(read_bids(folder, "sex", keep={"site": 1})) == 1
    with pytest.raises(InputError, match=r"no labelled scan remains \(received 3 scans left out, site is not 9\)"):
        read_bids(folder, "sex", keep={"site": "9"})
    with pytest.raises(InputError, match=r"unknown column in .*participants\.tsv: 'sight'.*Did you mean 'site'\?"):
        read_bids(folder, "sex", keep={"sight": "1"})


def test_repeated_rows(bids, scan_path):
    cohort = read_bids(bids(TWO + "02\t81\tM\n", scan_path("01"), scan_path("02")), "sex")
    assert cohort.notes == ("repeated line for 02 left out of participants.tsv",)
    with pytest.raises(InputError, match="line 4: sub-02 stands there twice with different values"):
        read_bids(bids(TWO + "sub-02\t81\tF\n", scan_path("01"), scan_path("02")), "sex")


def test_indexes_thousands_of_people(bids, scan_path):
    ids = [f"{i:04d}" for i in range(5000)]
    rows = "".join(f"sub-{name}\t{'FM'[int(name) % 2]}\n" for name in ids)
    cohort = read_bids(bids("participant_id\tsex\n" + rows, *map(scan_path, ids)), "sex")
    assert len(cohort) == 5000
    assert [len(side) for side in cohort.split()] == [3500, 750, 750]


def test_real_cohort(shared_data):
    cohort = read_bids(shared_data / "ds002748", "sex", labels=("F", "M"))
    assert len(set(cohort.participants)) == len(cohort) == 72
    assert [(cohort.targets == label).sum() for label in (0, 1)] == [53, 19]
    assert (cohort.ages.min(), cohort.ages.max()) == (19, 55)
    assert cohort.notes == ()
    assert all(len(set(test.targets)) == 2 for _, test in cohort.folds(k=5, seed=3))
