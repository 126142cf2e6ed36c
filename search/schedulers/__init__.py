"""When trials stop early, or pause: the scheduler of a search, rebuilt from the store's epochs."""

from search.schedulers.choosing import (
    check_scheduler,
    cost_goals,
    make_promotion,
    make_rule,
)
from search.schedulers.futility import Decision
from search.schedulers.promotion import Promotion
from search.schedulers.rules import Rule

__all__ = [
    "Decision",
    "Promotion",
    "Rule",
    "check_scheduler",
    "cost_goals",
    "make_promotion",
    "make_rule",
]
