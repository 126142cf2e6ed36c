"""The driver of a search: which trial comes next, what becomes of each, and the record of both."""

from search.driver.assignment import Assignment, TrainFunction
from search.driver.driver import Driver
from search.driver.events import Listener, TrialEvent
from search.rebuilding import OPTUNA_STATES

__all__ = ["OPTUNA_STATES", "Assignment", "Driver", "Listener", "TrainFunction", "TrialEvent"]
