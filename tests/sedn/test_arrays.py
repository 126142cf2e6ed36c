"""Reading arrays from files, in several threads."""

import gc
import io
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sedn.arrays import load_arrays


@pytest.fixture
def busy_collector() -> Iterator[None]:
    """Threads take turns in the middle of anything that makes objects: garbage is looked for all
    the time, and a callback lets others go on, as those of libraries do.
    """

    def give_way(*_: object) -> None:
        time.sleep(0)

    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(50, 100, 1000)
    gc.callbacks.append(give_way)
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.callbacks.remove(give_way)
        gc.set_threshold(*thresholds)


def test_several_threads_read_files_at_once(busy_collector: None) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, values=np.arange(3.0), header=np.frombuffer(b"{}", dtype=np.uint8))
    content = buffer.getvalue()
    with ThreadPoolExecutor(4) as threads:
        for arrays in threads.map(load_arrays, [content] * 1000):
            assert arrays["values"].tolist() == [0, 1, 2]
            assert arrays["header"].tobytes() == b"{}"
