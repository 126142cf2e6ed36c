"""Waiting for the place of checkpoints to be writable again."""

import time
from collections.abc import Callable

from sedn.training.checkpoints.storage import StorageFault, has_room

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 60.0


class StorageWait:
    """No trial starts from a fault of the storage until there is room for what was to be written.

    A fault is reported once, and so is its end. Where trials go on and fail again before one of
    them has stored anything, as when a single machine has no access, the pauses grow.
    """

    def __init__(
        self, on_notice: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_notice = on_notice
        self._clock = clock
        self._needed: dict[str, int] = {}
        """Bytes for which there is to be room, by folder; empty where nothing is waited for."""
        self._is_reported = False
        """Whether a fault was reported since something was stored."""
        self._end_is_reported = True
        self._pause = FIRST_PAUSE
        self._next = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether no trial starts."""
        return bool(self._needed)

    def begin(self, fault: StorageFault) -> None:
        """Begin to wait, or go on waiting."""
        if not self._needed:
            self._next = self._clock() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._needed[fault.folder] = max(fault.size, self._needed.get(fault.folder, 0))
        if not self._is_reported:
            self._is_reported, self._end_is_reported = True, False
            self._on_notice(
                f"{fault}. No trial is charged with that: the search pauses, and goes on from the "
                f"last checkpoints when they can be written. Ctrl-C stops it; nothing is lost"
            )

    def stored(self) -> None:
        """Note that a trial has stored a checkpoint."""
        self._is_reported = bool(self._needed)
        self._pause = FIRST_PAUSE

    def is_over(self) -> bool:
        """Whether trials may start; looks at the storage now and then."""
        if not self._needed:
            return True
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + FIRST_PAUSE
        # Trials that failed together will write together.
        total = sum(self._needed.values())
        if not all(has_room(folder, total) for folder in self._needed):
            return False
        self._needed.clear()
        if not self._end_is_reported:
            self._end_is_reported = True
            self._on_notice("Checkpoints can be written again: the search goes on")
        return True
