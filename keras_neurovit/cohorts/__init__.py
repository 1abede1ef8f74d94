"""Who: tables of people and their scans, labels, and splits that never share a person."""

from keras_neurovit.cohorts.bids import read_bids
from keras_neurovit.cohorts.cohort import Cohort
from keras_neurovit.cohorts.csv_file import read_csv, scan_paths
from keras_neurovit.cohorts.leak import refuse_leak
from keras_neurovit.cohorts.record import Record
from keras_neurovit.cohorts.split import Split

__all__ = ["Cohort", "Record", "Split", "read_bids", "read_csv", "refuse_leak", "scan_paths"]
