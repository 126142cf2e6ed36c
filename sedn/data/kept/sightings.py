"""A file that records which paths a listing was read from, and their state at that time."""

import hashlib
import io
import zipfile
import zlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import sedn
from sedn.files import write_bytes
from sedn.seen import UNSURE, Kind, Sighting

_KINDS: tuple[Kind, ...] = ("file", "folder", "nothing")
_DIGEST = 32
_DECIDING = (
    "numpy",
    "pandas",
    "pillow",
    "pillow-heif",
    "pyarrow",
    "datasets",
    "pycocotools",
    "pyyaml",
)
"""Libraries that read the data; another release may read otherwise."""


@dataclass(frozen=True)
class Reading:
    """A kept listing's fingerprint, and the files that the listing was read from."""

    fingerprint: str
    """A hash of all that decided the reading."""
    code: str
    sightings: tuple[Sighting, ...]

    @classmethod
    def of(cls, sightings: tuple[Sighting, ...]) -> "Reading":
        """A reading by the code of now."""
        digest = hashlib.sha256(code_digest().encode())
        for seen in sightings:
            stamp = "" if seen.digest else seen.stamp
            digest.update(repr((seen.path, seen.kind, stamp, seen.digest)).encode())
        return cls(digest.hexdigest()[:16], code_digest(), sightings)

    def renewed(self) -> "Reading | None":
        """A copy with the current stamps; ``None`` if reading again might give another listing."""
        if self.code != code_digest():
            return None
        renewed = []
        for sighting in self.sightings:
            now = sighting.renewed()
            if now is None:
                return None
            renewed.append(now)
        return Reading(self.fingerprint, self.code, tuple(renewed))

    def save(self, path: Path) -> None:
        """Write the record as one file, whole or not at all.

        Raises:
            UserError: the record cannot be written.
        """
        seen = self.sightings
        buffer = io.BytesIO()
        np.savez(
            buffer,
            reading=np.array([self.fingerprint, self.code]),
            paths=_joined(sighting.path for sighting in seen),
            kinds=np.array([_KINDS.index(sighting.kind) for sighting in seen], dtype=np.uint8),
            looked=np.array([sighting.stamp is not None for sighting in seen], dtype=bool),
            stamps=np.array([s.stamp or UNSURE for s in seen], dtype=np.int64).reshape(-1, 4),
            hashed=np.array([bool(sighting.digest) for sighting in seen], dtype=bool),
            digests=_bytes(sighting.digest.ljust(_DIGEST) for sighting in seen),
        )
        write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Reading | None":
        """Load a record; ``None`` if the file is damaged or missing."""
        try:
            with np.load(path) as arrays:
                names = arrays["paths"].tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]
                kinds = [_KINDS[kind] for kind in arrays["kinds"].tolist()]
                rows = zip(arrays["stamps"].tolist(), arrays["looked"].tolist(), strict=True)
                stamps = [tuple(stamp) if looked else None for stamp, looked in rows]
                joined, hashed = arrays["digests"].tobytes(), arrays["hashed"].tolist()
                starts = range(0, len(joined), _DIGEST)
                digests = [
                    joined[start : start + _DIGEST] if there else b""
                    for start, there in zip(starts, hashed, strict=True)
                ]
                parts = zip(names, kinds, stamps, digests, strict=True)
                sightings = tuple(map(Sighting._make, parts))
                fingerprint, code = arrays["reading"].tolist()
        # An archive of arrays tells damaged bytes by its own checksums.
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        return cls(fingerprint, code, sightings)


def _joined(texts: Iterable[str]) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """The bytes of texts without a zero byte, each with one behind it."""
    return _bytes(f"{text}\0".encode("utf-8", "surrogatepass") for text in texts)


def _bytes(pieces: Iterable[bytes]) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    return np.frombuffer(array("B", b"".join(pieces)), dtype=np.uint8)


@lru_cache(maxsize=1)
def code_digest() -> str:
    """A hash of the code that reads data, and of the releases of the libraries that it uses.

    Not a number that somebody raises: one that is forgotten makes old readings of new code.
    """
    digest = hashlib.sha256()
    root = Path(sedn.__file__).parent
    for path in _sources(root):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    for library in ("sedn-search", *_DECIDING):
        digest.update(f"{library} {_release(library)}\0".encode())
    return digest.hexdigest()[:16]


def _sources(root: Path) -> Sequence[Path]:
    above = (root / name for name in ("document.py", "errors.py", "seen.py", "config/reading.py"))
    return [*above, *sorted((root / "data").rglob("*.py"))]


def _release(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
