"""Diagnoses in three words: CN, MCI, AD."""

from __future__ import annotations

from keras_neurovit.cohorts.readers.tables import number

CDR_ASSUMED = "CDR 0 is CN, 0.5 is MCI, 1 and more is AD, whatever the cause of the dementia"
CDR_SOURCE = "Morris 1993 (Neurology 43:2412); Petersen 2004 (Journal of Internal Medicine 256:183)"
ADNI_DX = {
    "CN": "CN",
    "NL": "CN",
    "SMC": "CN",
    "MCI": "MCI",
    "EMCI": "MCI",
    "LMCI": "MCI",
    "AD": "AD",
    "Dementia": "AD",
}
COURSE = " to "


def from_cdr(cell: str) -> str:
    """The diagnosis that a global Clinical Dementia Rating stands for, "" where there is none.

    Source: Morris 1993 (Neurology 43:2412): 0 no, 0.5 questionable or very mild, 1 mild, 2 moderate, 3 severe dementia;
    0.5 as the stage of MCI: Petersen 2004 (Journal of Internal Medicine 256:183).

    Example:
        >>> [from_cdr(cell) for cell in ("0", "0.5", "1", "2.0", "")]
        ['CN', 'MCI', 'AD', 'AD', '']
    """
    rating = number(cell)
    if rating is None or rating < 0:
        return ""
    return "CN" if rating == 0 else "MCI" if rating < 1 else "AD"


def from_adni(cell: str) -> str:
    """The diagnosis in ADNIMERGE's DX or DX_bl; of a conversion such as "MCI to Dementia" the state it ends in.

    Source: ADNIMERGE data dictionary, DX (CN, MCI, Dementia; in older releases NL and conversions) and DX_bl (CN, SMC,
    EMCI, LMCI, AD).

    Example:
        >>> [from_adni(cell) for cell in ("CN", "Dementia", "NL to MCI", "LMCI", "")]
        ['CN', 'AD', 'MCI', 'MCI', '']
    """
    return ADNI_DX.get(cell.rsplit(COURSE, 1)[-1], "")


def sex_of(cell: str, female: str, male: str) -> str:
    """F or M of a table's own words, whatever their case, "" for others.

    Example:
        >>> sex_of("Female", "female", "male"), sex_of("2.0", "2", "1"), sex_of("0", "2", "1")
        ('F', 'F', '')
    """
    text = cell.casefold().removesuffix(".0")
    return {female.casefold(): "F", male.casefold(): "M"}.get(text, "")
