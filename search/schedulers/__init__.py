"""When trials stop early, or pause: the scheduler of a search, rebuilt from the store's epochs."""

from search.schedulers.choosing import check_scheduler, make_decision
from search.schedulers.decision import Decision
from search.schedulers.promotion import Promotion
from search.schedulers.rules import Rule
from search.schedulers.verdict import GO_ON, Action, Verdict

__all__ = [
    "GO_ON",
    "Action",
    "Decision",
    "Promotion",
    "Rule",
    "Verdict",
    "check_scheduler",
    "make_decision",
]
