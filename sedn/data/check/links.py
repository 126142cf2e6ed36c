"""Links by which files of a data set lie outside of its folder."""

import os
from collections import Counter
from pathlib import Path

from sedn.data.images.content import FileContent
from sedn.data.listing import Listing


def links_outside(listing: Listing) -> tuple[str, ...]:
    """A line for each link in the data set's folder that leads to files elsewhere.

    Links are followed: a folder often links to another disk, or to a store of files by content. A
    link of an archive from elsewhere may lead to files that nobody meant, though.
    """
    source = listing.source
    folder = os.path.normpath(source if source.is_dir() else source.parent)
    paths = _Links(folder)
    files = (content.path for content in listing.contents() if isinstance(content, FileContent))
    counts = Counter(link for path in files if (link := paths.first(path)) is not None)
    return tuple(
        f"{os.path.relpath(link, folder)} → {os.path.realpath(link)}: "
        f"{count:,} {'file' if count == 1 else 'files'}"
        for link, count in sorted(counts.items())
    )


class _Links:
    """The targets of the links below a folder, each resolved once."""

    def __init__(self, folder: str) -> None:
        self._inside = Path(os.path.realpath(folder))
        self._first: dict[str, str | None] = {folder: None}

    def first(self, path: str) -> str | None:
        """The first link on the way from the folder to ``path`` that leads out of it, if any; of
        a path that is none in the folder, as another one was named, ``None``.
        """
        if path not in self._first:
            above = os.path.dirname(path)  # noqa: PTH120 (of very many paths)
            # At the root there is nothing above.
            known = None if above == path else self.first(above)
            leads = known is None and Path(path).is_symlink() and self._leads_out(path)
            self._first[path] = path if leads else known
        return self._first[path]

    def _leads_out(self, link: str) -> bool:
        return not Path(os.path.realpath(link)).is_relative_to(self._inside)
