"""Small disks that can be filled: file systems in memory, of this process's own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Disk:
    """A file system, and the file that takes its room."""

    path: Path

    @property
    def filler(self) -> Path:
        """The file that takes the room."""
        return self.path / "filler"

    def fill(self, leave: int = 0) -> None:
        """Take all room but ``leave`` bytes."""
        with self.filler.open("ab") as file:
            room = shutil.disk_usage(self.path).free - leave
            if room > 0:
                os.posix_fallocate(file.fileno(), file.tell(), room)

    def free(self) -> None:
        """Give the room back."""
        self.filler.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, mebibytes: int) -> Iterator[Disk]:
    """Mount a disk at ``path``, or skip the test where that takes rights that are lacking."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes rights that this process lacks")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
