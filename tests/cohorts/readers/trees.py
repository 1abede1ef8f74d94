"""Miniatures of cohorts in their true layout: every function writes one with `put` and gives its folder."""

COLUMNS = (
    *("RID", "PTID", "VISCODE", "SITE", "COLPROT", "ORIGPROT", "EXAMDATE", "DX_bl", "AGE", "PTGENDER", "APOE4", "MMSE"),
    *("FLDSTRENG", "IMAGEUID", "DX", "EXAMDATE_bl", "Years_bl", "Month_bl"),
)
ROWS = """
2,"011_S_0002","bl","11","ADNI1","ADNI1","2005-09-08","CN",74.3,"Male",0,28,"1.5 Tesla MRI",35475,"CN",2005-09-08,0,0
3,"011_S_0003","bl","11","ADNI1","","2005-09-12","AD",81.3,"Male",1,20,"1.5 Tesla MRI",32237,"Dementia",2005-09-12,0,0
295,"002_S_0295","bl","2","ADNI1","ADNI1","2006-04-18","CN",84.8,"Male",1,28,"1.5 Tesla MRI",45107,"CN",2006-04-18,0,0
295,"002_S_0295","m06","2","ADNI1","ADNI1","2006-11-02","CN",84.8,"Male",1,28,"1.5 Tesla MRI",,"MCI",2006-04-18,0.542,6
295,"002_S_0295","m36","2","ADNI1","ADNI1","2009-05-20","CN",84.8,"Male",1,26,"3 Tesla MRI",,"",2006-04-18,3.09,36
"""
ADNIMERGE = ",".join(f'"{name}"' for name in COLUMNS) + ROWS


def adni(put):
    """Several scans a visit, one processed in several ways, one years from any visit, one series of DICOM."""
    put("ADNIMERGE_16Aug2023.csv", ADNIMERGE)
    done, raw = "MPR__GradWarp__B1_Correction__N3__Scaled", "MP-RAGE"

    def image(person, series, date, number):
        name = f"ADNI_{person}_MR_{series}_Br_20070525135721811_S13408_I{number}.nii"
        put(f"ADNI/{person}/{series}/{date}/I{number}/{name}")

    image("011_S_0002", done, "2005-08-26_10_10_10.0", "35475")
    image("011_S_0003", done, "2005-09-01_09_09_09.0", "32237")
    image("002_S_0295", done, "2006-04-18_08_20_30.0", "45107")
    image("002_S_0295", "MPR-R__GradWarp__B1_Correction__N3__Scaled", "2006-04-18_08_20_30.0", "45108")
    image("002_S_0295", raw, "2006-11-02_08_16_44.0", "40966")
    image("002_S_0295", done, "2006-11-02_08_16_44.0", "64025")
    image("002_S_0295", done, "2009-05-22_07_00_00.0", "144500")
    image("002_S_0295", done, "2012-05-22_07_00_00.0", "300000")
    image("099_S_9999", done, "2006-01-01_07_00_00.0", "1")
    put("ADNI/002_S_0295/Axial_PD_T2_FSE/2006-04-18_08_20_30.0/I13407/ADNI_002_S_0295_MR_Axial_I13407.nii")
    for number in range(3):
        put(f"ADNI/011_S_0002/MP-RAGE/2006-03-06_10_10_10.0/S1/ADNI_011_S_0002_{number}_I9.dcm")
    return put.folder


def aibl(put):
    """Visits told by their days."""
    put(
        "clinical/aibl_pdxconv_01-Jun-2018.csv",
        "RID,SITEID,VISCODE,DXCURREN\n2,1,bl,1\n2,1,m18,2\n8,1,bl,3\n9,2,bl,7\n",
    )
    put(
        "clinical/aibl_ptdemog_01-Jun-2018.csv",
        "RID,SITEID,VISCODE,PTDOB,PTGENDER\n2,1,bl,/1930,1\n8,1,bl,/1924,2\n9,2,bl,/1940,2\n",
    )
    put("clinical/aibl_mrimeta_01-Jun-2018.csv", "RID,SITEID,VISCODE,EXAMDATE\n2,1,bl,11/15/2006\n9,2,bl,-4\n")
    put(
        "clinical/aibl_mri3meta_01-Jun-2018.csv",
        "RID,SITEID,VISCODE,EXAMDATE\n2,1,M18,05/20/2008\n8,1,bl,12/01/2006\n9,2,bl,01/02/2007\n",
    )
    for person, date in (("2", "2006-11-15"), ("2", "2008-05-20"), ("8", "2006-12-01"), ("9", "2007-01-02")):
        series = "MPRAGE_ADNI_confirmed"
        put(f"{person}/{series}/{date}_11_06_17.0/I112233/AIBL_{person}_MR_{series}_Br_2009_S1_I112233.nii")
    put("8/MPRAGESAGISOp2ND/2012-01-01_11_06_17.0/I5/AIBL_8_MR_MPRAGESAGISOp2ND_S5_I5.nii")
    put("2/AC_CT_BRAIN__H19s/2008-05-20_11_06_17.0/I6/AIBL_2_PT_I6.nii")
    return put.folder


def oasis3(put):
    """Visits told by their days."""
    tables = "OASIS3_data_files/scans/UDSb4-Form_B4/resources/csv/files"
    put(
        f"{tables}/OASIS3_UDSb4_cdr.csv",
        "OASISID,OASIS_session_label,days_to_visit,age at visit,MMSE,memory,CDRSUM,CDRTOT,dx1\n"
        "OAS30001,OAS30001_UDSb4_d0000,0,65.19,28,0,0,0,Cognitively normal\n"
        "OAS30001,OAS30001_UDSb4_d0722,722,67.17,27,0.5,0.5,0.5,uncertain dementia\n"
        "OAS30002,OAS30002_UDSb4_d0000,0,80.1,20,1,6,1,AD Dementia\n"
        "OAS30003,OAS30003_UDSb4_d0000,0,70,,,,,.\n",
    )
    put(
        "OASIS3_data_files/OASIS3_demographics.csv",
        "OASISID,Subject_accession,AgeatEntry,AgeatDeath,GENDER,EDUC,APOE\n"
        "OAS30001,,65.19,,2,12,23\nOAS30002,,80.1,84.2,1,16,34\nOAS30003,,70,,1,16,33\n",
    )
    put(
        "OASIS3_data_files/OASIS3_MR_json.csv",
        "subject_id,label,MagneticFieldStrength\nOAS30001,OAS30001_MR_d0129,2.89\n",
    )
    for session, name in (
        ("OAS30001_MR_d0129/anat2/NIFTI", "sub-OAS30001_ses-d0129_run-01_T1w"),
        ("OAS30001_MR_d0129/anat3/NIFTI", "sub-OAS30001_ses-d0129_run-02_T1w"),
        ("OAS30001_MR_d0757/anat2", "sub-OAS30001_ses-d0757_T1w"),
        ("OAS30001_MR_d0757/anat1", "sub-OAS30001_ses-d0757_acq-TSE_T2w"),
        ("OAS30002_MR_d0371/anat2", "sub-OAS30002_ses-d0371_acq-mprage_T1w"),
        ("OAS30002_MR_d0010/anat2", "sub-OAS30002_ses-d0010_T1w"),
        ("OAS30003_MR_d0001/anat2", "sub-OAS30003_ses-d0001_T1w"),
        ("OAS30009_MR_d0001/anat2", "sub-OAS30009_ses-d0001_T1w"),
    ):
        put(f"{session}/{name}.nii.gz")
        put(f"{session}/{name}.json", "{}")
    return put.folder


OASIS1 = """ID,M/F,Hand,Age,Educ,SES,MMSE,CDR,eTIV,nWBV,ASF,Delay
OAS1_0001_MR1,F,R,74,2,3,29,0,1344,0.743,1.306,N/A
OAS1_0003_MR1,F,R,73,4,3,27,0.5,1454,0.708,1.207,N/A
OAS1_0028_MR1,F,R,86,2,4,27,1,1449,0.738,1.211,N/A
OAS1_0004_MR1,M,R,28,,,,,1588,0.803,1.105,N/A
OAS1_0061_MR1,F,R,20,,,,,1329,0.803,1.321,N/A
OAS1_0061_MR2,F,R,20,,,,,1341,0.799,1.309,89
OAS1_0099_MR1,M,R,80,2,3,29,0,1500,0.7,1.2,N/A
"""


def oasis1_session(put, session, disc="disc1/", number=4):
    folder = f"{disc}{session}/PROCESSED/MPRAGE/T88_111/{session}_mpr_n{number}_anon_111_t88"
    for ending in ("_masked_gfc.img", "_masked_gfc.hdr", "_gfc.img", "_gfc.hdr", "_gfc_cor_110.gif"):
        put(folder + ending)
    for ending in (".img", ".hdr"):
        put(f"{disc}{session}/PROCESSED/MPRAGE/SUBJ_111/{session}_mpr_n{number}_anon_sbj_111{ending}")
        put(f"{disc}{session}/RAW/{session}_mpr-1_anon{ending}")
        put(f"{disc}{session}/FSL_SEG/{session}_mpr_n{number}_anon_111_t88_masked_gfc_fseg{ending}")


def oasis1(put):
    """Analyze images on discs, people too young to be rated, a second visit."""
    put("oasis_cross-sectional.csv", OASIS1)
    for disc, session in (("disc1/", "OAS1_0001_MR1"), ("disc1/", "OAS1_0003_MR1"), ("", "OAS1_0028_MR1")):
        oasis1_session(put, session, disc)
    oasis1_session(put, "OAS1_0004_MR1", "oasis_cross-sectional_disc2/", number=3)
    oasis1_session(put, "OAS1_0061_MR1"), oasis1_session(put, "OAS1_0061_MR2"), oasis1_session(put, "OAS1_0500_MR1")
    return put.folder


IXI = (
    'IXI_ID,"SEX_ID (1=m, 2=f)",HEIGHT,WEIGHT,ETHNIC_ID,MARITAL_ID,OCCUPATION_ID,QUALIFICATION_ID,DOB,'
    "DATE_AVAILABLE,STUDY_DATE,AGE\n"
    "1,1,170,80,1,2,5,2,1970-02-22,0,,\n"
    "2,2,164,58,1,4,1,5,1970-01-30,1,2005-11-18,35.80\n"
    "12,1,175,70,1,2,1,5,1966-08-20,1,2005-06-01,38.78\n"
    "12,1,175,70,1,2,1,5,1966-08-20,0,,38.78\n"
    "13,1,182,70,1,2,1,5,1958-09-15,1,2005-06-01,46.71\n"
    "13,2,182,70,1,2,1,5,1958-09-15,1,2005-06-01,46.71\n"
    "14,0,163,65,1,4,1,5,1971-03-15,1,2005-06-09,34.24\n"
)


def ixi(put):
    """Sites in the names of files, lines twice."""
    put("IXI.csv", IXI)
    for name in ("IXI002-Guys-0828", "IXI012-HH-1211", "IXI013-HH-1212", "IXI014-IOP-1236", "IXI035-IOP-0873"):
        put(f"IXI-T1/{name}-T1.nii.gz")
    put("IXI-T2/IXI002-Guys-0828-T2.nii.gz"), put("IXI-DTI/IXI002-Guys-0828-DTI-00.nii.gz")
    return put.folder


UKBIOBANK = (
    "eid,31-0.0,21003-0.0,21003-2.0,21003-3.0,54-2.0,54-3.0,20252-2.0\n"
    "1000223,0,50,62,65,11025,11026,x\n1000231,1,55,68,,11027,,x\n1000249,1,55,,,11027,,x\n",
    "eid,p31,p21003_i0,p21003_i2,p21003_i3,p54_i2,p54_i3\n"
    "1000223,Female,50,62,65,Cheadle,Reading\n1000231,Male,55,68,,Newcastle,\n1000249,Male,55,,,Newcastle,\n",
)


def ukbiobank(put, table=UKBIOBANK[1]):
    """Archives unpacked, packed and judged unusable."""
    put("fields.csv", table)
    for archive in ("1000223_20252_2_0", "1000223_20252_3_0", "10/1000231_20252_2_0", "1000249_20252_2_0"):
        put(f"{archive}/T1/T1.nii.gz"), put(f"{archive}/T1/T1_brain.nii.gz")
    put("1000223_20252_2_0.zip", b"PK"), put("1000300_20252_2_0.zip", b"PK"), put("1000223_20253_2_0.zip", b"PK")
    put("1000400_20252_2_0/T1/unusable/T1.nii.gz")
    put("1000500_20252_2_0/T1/T1.nii.gz")
    put("1000600_20252_2_0/T1/T1_brain.nii.gz")
    return put.folder


def ldm100k(put, sex="sex"):
    """Sexes as numbers, a scan that is not listed."""
    rows = (
        f"participant_id\tage\t{sex}\tventricular_volume\tbrain_volume\n"
        "sub-000000\t63.21\t0\t0.2\t0.6\nsub-000001\t48\t1.0\t0.1\t0.5\n"
    )
    put("LDM_100k/dataset_description.json", "{}"), put("LDM_100k/participants.json", "{}")
    put("LDM_100k/participants.tsv", rows)
    for number in range(3):
        put(f"LDM_100k/rawdata/sub-00000{number}/anat/sub-00000{number}_T1w.nii.gz")
    return put.folder
