"""Work in processes of its own, which a plain script may ask for as well as a command."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def in_processes(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], processes: int = -1
) -> Iterator[Outcome]:
    """Do each job in a process of its own kind, and give the outcomes in the order of the jobs.

    A new process neither copies this one, whose threads may hold locks, nor runs the user's script
    again, as :mod:`multiprocessing` would: a script need not say ``if __name__ == "__main__":``.

    Args:
        work: a function of a module, not of the script that is run.
        jobs: what ``work`` is called with.
        processes: at a time; -1: one for each core.

    Raises:
        Exception: what ``work`` raised.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    try:
        yield from Parallel(processes, return_as="generator")(delayed(work)(job) for job in jobs)
    finally:
        # The processes would wait for more work, and hold memory, for minutes.
        get_reusable_executor().shutdown(wait=True, kill_workers=True)
