"""Small disks that can be filled: file systems in memory, of this process's own."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


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
            # Others may take the room meanwhile.
            with suppress(OSError):
                if room > 0:
                    os.posix_fallocate(file.fileno(), file.tell(), room)

    def keep_full(self, seconds: float) -> None:
        """Take all room for so long, also what others give back meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.fill()
            time.sleep(0.05)

    def free(self) -> None:
        """Give the room back."""
        self.filler.unlink(missing_ok=True)


@contextmanager
def mounted_disk(path: Path, mebibytes: int) -> Iterator[Disk]:
    """Mount a disk at ``path``.

    Raises:
        PermissionError: mounting takes rights that this process lacks.
    """
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "none", str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise PermissionError("mounting a small disk takes rights that this process lacks")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
