"""The check of a data set: what is in it, and everything that is wrong with it."""

from sedn.data.check.check import DataCheck, check_data
from sedn.data.check.findings import Finding

__all__ = ["DataCheck", "Finding", "check_data"]
