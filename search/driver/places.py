"""How many trials may run at a time, and what each of them gets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from search.packing import Grant


@dataclass
class Places:
    """The limits on the number of trials at a time, and what each trial gets."""

    on_notice: Callable[[str], None]
    asked: int | None = None
    """The limit by the command, and then by `sedn set`; ``None``: no limit."""
    room: int | None = None
    """Trials for which the machine or the cluster has room now; ``None``: not known."""
    grant: Grant = field(default_factory=Grant)
    """What each trial that starts from now on gets of the machine or the cluster."""

    def is_free(self, running: int) -> bool:
        """Whether one more trial may run beside so many; a first one always may, and waits for a
        node where the cluster has none.
        """
        limits = (self.asked, self.room)
        return not running or all(limit is None or running < limit for limit in limits)

    def ask(self, number: int | None) -> None:
        """Take up what another terminal asks for, if anything, and say so."""
        if number is None or number == self.asked:
            return
        self.asked = number
        room = "" if self.room is None else f"; there is room for {self.room}"
        self.on_notice(f"`sedn set`: at most {number} trials at a time from now on{room}")
