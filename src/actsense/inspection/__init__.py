"""Finished results, opened for notebooks and the explorer: read only, and only what is asked."""

__all__ = ["NetworkResults", "RunResults", "StudyResults", "open_study"]

from actsense.inspection.network_results import NetworkResults
from actsense.inspection.run_results import RunResults
from actsense.inspection.study_results import StudyResults, open_study
