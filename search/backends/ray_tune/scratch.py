"""The temporary folders of Ray Tune; imports nothing, as it is asked for when a process ends."""

import os
import shutil
import tempfile
from pathlib import Path


def scratch_prefix() -> str:
    """How the names of this process's temporary folders begin."""
    return f"sedn-tune-{os.getpid()}-"


def remove_scratch() -> None:
    """Remove the scratch folders that this process has left."""
    for scratch in Path(tempfile.gettempdir()).glob(f"{scratch_prefix()}*"):
        shutil.rmtree(scratch, ignore_errors=True)
