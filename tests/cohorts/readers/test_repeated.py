"""Lines that stand twice in the tables of named cohorts: one of those that agree, none of those that do not."""

import pytest

from keras_neurovit.cohorts import load
from keras_neurovit.cohorts.flow import remaining
from tests.cohorts.readers import trees

# Cohort → table, a line that is in it, and the same with something else in a column that matters.
TABLES = {
    "adni": (
        "ADNIMERGE_16Aug2023.csv",
        '3,"011_S_0003","bl","11","ADNI1","","2005-09-12","AD",81.3,"Male",1,20,"1.5 Tesla MRI",32237,"{}",,0,0',
        ("Dementia", "MCI"),
        "1 of ADNIMERGE_16Aug2023.csv stand there with different DX or EXAMDATE or AGE or PTGENDER",
    ),
    "aibl": ("clinical/aibl_pdxconv_01-Jun-2018.csv", "8,1,bl,{}", ("3", "1"), "different DXCURREN"),
    "oasis1": (
        "oasis_cross-sectional.csv",
        "OAS1_0028_MR1,F,R,86,2,4,27,{},1449,0.738,1.211,N/A",
        ("1", "0"),
        "different M/F or Age or CDR",
    ),
    "oasis3": (
        "OASIS3_data_files/scans/UDSb4-Form_B4/resources/csv/files/OASIS3_UDSb4_cdr.csv",
        "OAS30002,OAS30002_UDSb4_d0000,0,80.1,20,1,6,{},AD Dementia",
        ("1", "0"),
        "different CDRTOT",
    ),
    "ukbiobank": ("fields.csv", "1000231,{},55,68,,11027,,x", ("1", "0"), "different 31-0.0 or "),
}


@pytest.mark.parametrize("name", TABLES)
def test_repeated_and_contradicting_lines(name, put):
    folder = trees.ukbiobank(put, trees.UKBIOBANK[0]) if name == "ukbiobank" else getattr(trees, name)(put)
    file, line, (same, other), told = TABLES[name]
    table, before = folder / file, load(name, folder)
    text = table.read_text()
    text += "" if text.endswith("\n") else "\n"
    table.write_text(text + line.format(same) + "\n")
    again = load(name, folder)
    assert [r.path for r in again.records] == [r.path for r in before.records]
    assert again.targets.tolist() == before.targets.tolist()
    assert any("that say the same, taken as one" in note for note in again.notes)
    table.write_text(text + line.format(other) + "\n")
    torn = load(name, folder)
    assert len(torn) < len(before)
    assert any(told in note and "are not used" in note for note in torn.notes)
    assert remaining(torn.flow) == len(torn)


def test_people_of_the_fourth_phase_of_adni(put, classes):
    row = (
        '10002,"941_S_10002","bl","941","ADNI4","ADNI4","2023-03-01","CN",72.9,"Female",0,29,"3 Tesla MRI",,"CN",,0,0\n'
    )
    put("ADNIMERGE.csv", trees.ADNIMERGE + row)
    name = "ADNI_941_S_10002_MR_Accelerated_Sagittal_MPRAGE_Br_2023_S1_I1650000.nii"
    put(f"ADNI/941_S_10002/Accelerated_Sagittal_MPRAGE/2023-03-02_10_00_00.0/I1650000/{name}")
    assert classes(load("adni", put.folder)) == {("941_S_10002", "bl"): "CN"}


def test_a_day_in_both_tables_of_aibl(put):
    folder = trees.aibl(put)
    table = folder / "clinical" / "aibl_mri3meta_01-Jun-2018.csv"
    table.write_text(table.read_text() + "2,1,bl,11/15/2006\n")
    cohort = load("aibl", folder)
    assert cohort.column("field_strength").tolist() == ["", "3", "3"]
    assert any(note.endswith("whose field strength is unknown: 2 11/15/2006") for note in cohort.notes)
