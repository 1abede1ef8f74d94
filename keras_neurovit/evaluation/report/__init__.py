"""Reports: one self-contained page about a cohort, or about a scan (needs the extra `report`)."""

from keras_neurovit.evaluation.report.cohort_report import report_cohort
from keras_neurovit.evaluation.report.scan_report import report_scan

__all__ = ["report_cohort", "report_scan"]
