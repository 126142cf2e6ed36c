"""The verdict on a trial after an epoch."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """The action that a backend and the driver take on a trial."""

    GO_ON = "go on"
    PAUSE = "pause"
    """The trial waits at a rung, and may be promoted later."""
    STOP = "stop"
    COMPLETE = "complete"
    """The trial has reached its last epoch."""
    FAIL = "fail"


@dataclass(frozen=True)
class Verdict:
    """An action, and why a trial is stopped or has failed."""

    action: Action
    cause: str | None = None
    """The kind of the reason in one word; ``None`` where a scheduler stops the trial."""
    reason: str | None = None

    @property
    def ends_training(self) -> bool:
        """Whether the backend trains the trial no further."""
        return self.action is not Action.GO_ON


GO_ON = Verdict(Action.GO_ON)
