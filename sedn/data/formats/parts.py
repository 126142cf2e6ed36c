"""Parts that the formats of objects share: a path for each split, and regions of maps."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sedn.data.formats.description import BySplit, Regions
from sedn.data.splits.cutting import split_name
from sedn.errors import UserError, did_you_mean
from sedn.style import count_of

BOXES_HINT = "'boxes: true' in data.yaml draws their boxes"


def say_boxes(count: int) -> str:
    """A note that boxes are drawn, to append to another note; empty where no boxes are drawn."""
    if not count:
        return ""
    return f", and the boxes of {count_of(count, 'object')}, which hold background too"


def by_split(paths: BySplit, where: str) -> dict[str, str]:
    """The path of each split; a single path is that of the split ``""``.

    Raises:
        UserError: there is none, or one is of an unknown split.
    """
    if isinstance(paths, str):
        return {"": paths}
    named: dict[str, str] = {}
    for key, path in paths.items():
        split = split_name(key, where)
        if not split or split in named:
            raise UserError(f"{where}: split '{key}' is empty or there twice")
        named[split] = path
    if not named:
        raise UserError(f"{where}: no path is given")
    return named


def folders_by_split(folders: Iterable[Path], where: str) -> dict[str, Path]:
    """The folders that are named after a split, by split.

    Raises:
        UserError: two are of one split.
    """
    named: dict[str, Path] = {}
    for folder in folders:
        other = named.setdefault(split_name(folder.name, where), folder)
        if other != folder:
            split = split_name(folder.name, where)
            raise UserError(
                f"{where}: {other.name} and {folder.name} are both of split '{split}'; make one of "
                f"them"
            )
    return named


def path_of(paths: BySplit, split: str, where: str) -> str:
    """The path of one split.

    Raises:
        UserError: the split has no path.
    """
    paths_by_split = by_split(paths, where)
    if "" in paths_by_split:
        return paths_by_split[""]
    if not split:
        raise UserError(f"{where}: a path for each split, but these images have none")
    if split not in paths_by_split:
        raise UserError(f"{where}: no path for split '{split}'")
    return paths_by_split[split]


def choose_regions(
    regions: Regions, present: Sequence[str], known: Sequence[str], where: str
) -> tuple[tuple[str, ...], dict[str, int]]:
    """The names of the regions, and the region of each category that is in one.

    Args:
        regions: what the description asks for.
        present: the categories of which there are objects; each is a region if ``each`` is.
        known: all categories.
        where: names the data in messages.

    Raises:
        UserError: a region is no category, or there is none.
    """
    if regions == "any":
        return ("region",), dict.fromkeys(known, 0)
    names = tuple(dict.fromkeys(present if regions == "each" else regions))
    for name in names:
        if name not in known:
            raise UserError(f"{where}: regions: no category '{name}'{did_you_mean(name, known)}")
    if not names:
        raise UserError(f"{where}: regions: there is none; expected any, each or categories")
    return names, {name: index for index, name in enumerate(names)}
