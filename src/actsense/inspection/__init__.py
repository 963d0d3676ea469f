"""Finished results, opened for notebooks and the explorer: read only, and only what is asked."""

__all__ = ["NetworkResults", "RunResults", "StudyResults", "open_study"]

from actsense.inspection.network import NetworkResults
from actsense.inspection.run import RunResults
from actsense.inspection.study import StudyResults, open_study
