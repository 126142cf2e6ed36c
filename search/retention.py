"""Removing checkpoints while a search runs, as soon as neither a trial nor a command needs them.

What is removed follows from what the store says, and only from what no longer changes there: a
trial that has ended for good, and is not among the best. So a search that is killed at any moment
finds all that it goes on from, and removes the rest when it does.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from results.database.models import Experiment
from results.database.store import Store
from search.cleaning import is_checkpoint, kept_by_search, removable_trials
from search.disk import checkpoint_folders
from search.pacing import BROKEN_OFF_SECONDS, FAILED_SECONDS, REST
from sedn.errors import UserError
from sedn.style import byte_text
from sedn.training.checkpoints.storage import list_files, remove_file
from spaces import parse_space

LEAST_SECONDS = 5.0
"""Between two looks at what has ended, at least."""


class Retention:
    """Removes the checkpoints of an experiment's trials that are not needed any more."""

    def __init__(
        self,
        store: Store,
        experiment: Experiment,
        storage: str,
        on_notice: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Read what the search is to keep.

        Args:
            store: has the experiment.
            experiment: of the store.
            storage: folder or URI of the trials' checkpoints at this start of the search.
            on_notice: called with a line where files of earlier runs are removed, and once where
                files cannot be.
        """
        self._store = store
        self._experiment = experiment
        self._storage = storage
        self._on_notice = on_notice
        keep = kept_by_search(experiment)
        self.is_needed = keep is not None
        """Whether anything is to be removed at all."""
        # With each seed more the mean of a configuration changes: one that is not among the best
        # now may be later.
        self._keep = None if _has_seeds(experiment) else keep
        self._done: set[str] = set()
        """The folders of trials in which nothing is left to remove."""
        self._was_told = False

    def begin(self) -> None:
        """Remove what earlier runs have left, and say so."""
        if freed := self.remove_all():
            self._on_notice(
                f"{byte_text(freed)} freed: checkpoints of ended trials that are not among the "
                f"best {kept_by_search(self._experiment)} (`keep_best`)"
            )

    def remove_new(self) -> int:
        """Look at the trials that have ended since the last call; gives the bytes removed."""
        return self._remove(whole=False)

    def remove_all(self) -> int:
        """Look at all trials, those too whose files a lost worker wrote late; gives the bytes
        removed.
        """
        return self._remove(whole=True)

    def _remove(self, *, whole: bool) -> int:
        # A database file that was deleted would be made again by a look at it, empty.
        if not self._store.is_in_place():
            return 0
        removable = removable_trials(self._store, self._experiment, self._keep)
        new = removable if whole else removable - self._done
        freed = 0
        for folder in checkpoint_folders(self._store, self._experiment, self._storage):
            for place in [folder] if whole else [f"{folder}/{trial}" for trial in sorted(new)]:
                for path, size in list_files(place):
                    if is_checkpoint(path, folder, new) and remove_file(path):
                        freed += size
        self._done |= new
        return freed

    def attempt(self, work: Callable[[], object]) -> bool:
        """Whether something could be done. Nothing that goes wrong here may end a search: what
        stays is removed later.
        """
        try:
            work()
        except UserError as error:
            if not self._was_told:
                self._was_told = True
                self._on_notice(
                    f"{error}. The search goes on, and tries again to free what is not needed"
                )
            return False
        except Exception:
            # The database is away, which its next write says.
            return False
        return True


@contextmanager
def retained(
    store: Store, experiment: Experiment, storage: str, on_notice: Callable[[str], None]
) -> Iterator[None]:
    """Remove, in a thread of its own, what is not needed any more while a search runs, and the
    rest in the end; nothing more where the search was broken off.

    Args:
        store: has the experiment.
        experiment: as the search goes on with it.
        storage: folder or URI of the trials' checkpoints at this start of the search.
        on_notice: as for :class:`Retention`.
    """
    retention = Retention(store, experiment, storage, on_notice)
    if not retention.is_needed:
        yield
        return
    ended = threading.Event()

    def run() -> None:
        work: Callable[[], object] = retention.begin
        rest = 0.0
        while not ended.wait(rest):
            began = time.thread_time()
            is_done = retention.attempt(work)
            busy = time.thread_time() - began
            rest = max(LEAST_SECONDS, REST * busy) if is_done else FAILED_SECONDS
            work = retention.remove_new if is_done else work

    thread = threading.Thread(target=run, name="sedn-retention", daemon=True)
    thread.start()
    try:
        yield
    except BaseException:
        ended.set()
        thread.join(BROKEN_OFF_SECONDS)
        raise
    ended.set()
    thread.join()
    retention.attempt(retention.remove_all)


def _has_seeds(experiment: Experiment) -> bool:
    """Whether the configurations of an experiment are trained with several seeds each."""
    listed = parse_space(experiment.space_yaml, experiment.space_name).configurations
    return listed is not None and len(listed.seeds) > 1
