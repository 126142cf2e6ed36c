"""The tiny language of a constraint: a measure, a comparison, a number."""

import math
import re
from dataclasses import dataclass

from sedn.errors import UserError, did_you_mean
from sedn.measures import goals

UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}

_FORM = re.compile(r"([\w-]+)(<=|>=|<|>)([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)([kMGT]?)")
_LEAST = 1e-9
"""Excess of what lies on a bound that is not allowed itself."""
_MOST = 1e300
_UNMEASURED = 1.0


@dataclass(frozen=True)
class Constraint:
    """A bound on one measure."""

    measure: str
    sign: str
    bound: float
    text: str
    """The constraint as the user wrote it, without spaces."""

    def holds(self, value: float | None) -> bool:
        """Whether ``value`` satisfies it; what was not measured does not."""
        return self.excess(value) <= 0

    def excess(self, value: float | None) -> float:
        """How far ``value`` lies beyond the bound, as a share of it; at most 0 within.

        A share, so that milliseconds and bytes can be added up. What was not measured counts as
        beyond the bound by the whole of it.
        """
        if value is None or math.isnan(value):
            return _UNMEASURED
        beyond = value - self.bound if self.sign[0] == "<" else self.bound - value
        if beyond == 0 and len(self.sign) == 1:
            return _LEAST
        share = beyond / (abs(self.bound) or 1.0)
        return min(max(share, _LEAST), _MOST) if beyond > 0 else max(share, -_MOST)


def parse_constraint(text: str) -> Constraint:
    """Read a constraint such as ``latency_ms<5`` or ``parameters <= 5M``.

    Raises:
        UserError: the text has another form, or there is no such measure.
    """
    squeezed = "".join(text.split())
    match = _FORM.fullmatch(squeezed)
    bound = float(match[3]) * UNITS[match[4]] if match else math.inf
    if match is None or math.isinf(bound):
        raise UserError(
            f"`where` '{text}': must be a measure, one of <, <=, > and >=, and a number, such as "
            f"latency_ms<5 or parameters<=5M"
        )
    measure = match[1]
    if measure not in goals():
        hint = did_you_mean(measure, goals()) or f"; there is {', '.join(goals())}"
        raise UserError(f"`where` '{text}': no measure '{measure}'{hint}")
    return Constraint(measure, match[2], bound, squeezed)
