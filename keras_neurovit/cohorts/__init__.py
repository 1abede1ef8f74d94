"""Who: tables of people and their scans, labels, and splits that never share a person."""

from keras_neurovit.cohorts.bids import read_bids
from keras_neurovit.cohorts.checking import check_files
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.csv_file import read_csv, scan_paths
from keras_neurovit.cohorts.derivatives import read_derivatives
from keras_neurovit.cohorts.dicom import Converted, convert_dicom
from keras_neurovit.cohorts.dicom_cohort import read_dicom
from keras_neurovit.cohorts.harmonising import Combat, fit_combat
from keras_neurovit.cohorts.leak import refuse_leak
from keras_neurovit.cohorts.matching import match
from keras_neurovit.cohorts.nested import nested
from keras_neurovit.cohorts.processed import apply_masks, expect, expectations
from keras_neurovit.cohorts.record import Record
from keras_neurovit.cohorts.registry import instructions, load, names, options
from keras_neurovit.cohorts.sides import person_hash, side_of
from keras_neurovit.cohorts.sites import SiteFold, hold_out_sites, leave_one_site_out
from keras_neurovit.cohorts.split import Split
from keras_neurovit.cohorts.tasks import Task, tasks_of

__all__ = [
    "Cohort",
    "Combat",
    "Converted",
    "Record",
    "SiteFold",
    "Split",
    "Task",
    "apply_masks",
    "check_files",
    "convert_dicom",
    "expect",
    "expectations",
    "fit_combat",
    "hold_out_sites",
    "instructions",
    "leave_one_site_out",
    "load",
    "match",
    "names",
    "nested",
    "options",
    "person_hash",
    "read_bids",
    "read_csv",
    "read_derivatives",
    "read_dicom",
    "refuse_leak",
    "scan_paths",
    "side_of",
    "tasks_of",
]
