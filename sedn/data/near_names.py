"""Files whose names differ from those that are asked for only in how they are written.

Tables move between systems: Windows and macOS take ``IMG_1.JPG`` for ``img_1.jpg``, macOS writes an
``é`` as two signs, and programs on Windows part folders by ``\\``.
"""

import os
import unicodedata
from functools import lru_cache
from pathlib import Path

from sedn.seen import exists, is_file, see_content


def slash_variants(name: str) -> list[str]:
    r"""The name with its folders parted by ``/`` or by ``\`` throughout, where the result
    differs.
    """
    variants = (name.replace("\\", "/"), name.replace("/", "\\"))
    return [variant for variant in dict.fromkeys(variants) if variant != name]


def plain(name: str) -> str:
    """A form of a name that is equal for names that are near each other."""
    return _nfc(name).casefold()


def near_name(path: str, root: str = "") -> str:
    """Says which file is there instead of a missing one: ``; there is 'a/B.JPG', which differs in
    upper and lower case``; nothing if no file is near.

    Args:
        path: that is missing.
        root: from which on a path is shown; if there is none, the last two parts are.
    """
    folder, *parts = Path(os.path.normpath(path)).parts
    if not Path(path).is_absolute():
        folder, parts = os.curdir, [folder, *parts]
    near = []
    for part in parts:
        entry = part if exists(os.path.join(folder, part)) else _near(folder, part)  # noqa: PTH118
        if entry is None:
            return ""
        near.append(entry)
        folder = os.path.join(folder, entry)  # noqa: PTH118
    differing = [k for k, (a, b) in enumerate(zip(parts, near, strict=True)) if a != b]
    if not differing or not is_file(folder):
        return ""
    least = min(differing[0], max(len(near) - 2, 0))
    above = len(Path(os.path.normpath(root)).parts) - Path(root).is_absolute()
    shown = "/".join(near[above if root else least :])
    wanted = "/".join(parts)
    there = "/".join(near)
    ways = []
    if _nfc(wanted) != _nfc(there):
        ways.append("in upper and lower case")
    if _is_composed(wanted) != _is_composed(there):
        ways.append("in its Unicode form (NFC, NFD)")
    return f"; there is '{shown}', which differs {' and '.join(ways)}"


def _near(folder: str, name: str) -> str | None:
    see_content(folder)
    try:
        changed = os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return None
    return _by_plain_name(folder, changed).get(plain(name))


@lru_cache(maxsize=64)
def _by_plain_name(folder: str, _changed: int) -> dict[str, str]:
    """The entries of a folder by their plain names; read again when the folder has changed."""
    try:
        return {plain(entry): entry for entry in sorted(os.listdir(folder), reverse=True)}  # noqa: PTH208
    except OSError:
        return {}


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _is_composed(name: str) -> bool:
    return unicodedata.is_normalized("NFC", name)
