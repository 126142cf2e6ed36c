"""The trials of a search, written to Optuna's study and to the store so that neither ever lies."""

from search.ledger.assignment import Assignment
from search.ledger.ledger import Ledger
from search.rebuilding import OPTUNA_STATES

__all__ = ["OPTUNA_STATES", "Assignment", "Ledger"]
