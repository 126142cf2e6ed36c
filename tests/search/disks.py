"""Small disks that can be filled, where this process may mount them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from benchmarks.machines.disk import Disk, mounted_disk


@contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[Disk]:
    """Mount a disk at ``path``, or skip the test where that takes rights that are lacking."""
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(mounted_disk(path, mebibytes))
        except PermissionError as error:
            pytest.skip(str(error))
        yield disk
