"""Batches that a thread reads while the device works."""

import threading
import time
from collections.abc import Iterator
from itertools import count

import pytest

from sedn.training.inputs.fetching import read_ahead


def test_items_come_in_order_and_ahead_of_time() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(8):
            taken.append(item)
            yield item

    seen = []
    for item in read_ahead(items(), 2):
        seen.append(item)
        deadline = time.monotonic() + 60
        while len(taken) < min(8, len(seen) + 2) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(taken) == min(8, len(seen) + 2), "two are read while one is used, no more"
    assert seen == list(range(8))


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_few_items_are_all_of_them(length: int) -> None:
    assert list(read_ahead(iter(range(length)), 2)) == list(range(length))


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    ahead = read_ahead(items(), 2)
    assert next(ahead) == 1
    with pytest.raises(OSError, match="gone"):
        next(ahead)


def test_the_thread_ends_with_the_one_who_reads() -> None:
    ahead = read_ahead(count(), 2)
    assert next(ahead) == 0
    ahead.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 60
    while any(t.name.startswith("read-ahead") for t in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
