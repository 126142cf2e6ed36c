"""From what a column calls its images to the files.

Tables move: their paths are of another machine, of Windows, without the folder of the images or
without an extension. One rule for a whole column (leave out the beginning, put a folder before it,
an extension behind it) is looked for, and holds for all of its cells. Where two rules hold the data
is refused: a photograph and its mask often have one name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sedn.data.folders import files_of, folders_of
from sedn.data.images.content import FileContent, find_file, has_file
from sedn.data.images.names import SUFFIXES
from sedn.errors import Question, UserError
from sedn.seen import is_folder

_IMAGE_FOLDERS = frozenset(
    {"image", "images", "img", "imgs", "jpegimages", "photo", "photos", "picture", "pictures"}
)
MAP_FOLDERS = frozenset(
    {"map", "maps", "mask", "masks", "segmentation", "segmentations", "segmentationclass"}
)
_OTHER_FOLDERS = frozenset({"thumbnail", "thumbnails", "thumb", "thumbs"})
_EXTENSIONS = ("", *SUFFIXES)
_SAMPLE = 40
_MOST_FOLDERS = 2000
_DEPTH = 4


@dataclass(frozen=True)
class PathRule:
    """How each cell becomes a path relative to the folder of the data."""

    skipped: int = 0
    """Parts left out at the beginning."""
    folder: str = ""
    extension: str = ""

    def apply(self, name: str) -> str:
        """The relative path of a file."""
        if self == PathRule():
            return name
        name = name.replace("\\", "/")
        if self.skipped:
            name = "/".join(_parts(name)[self.skipped :])
        return (f"{self.folder}/{name}" if self.folder else name) + self.extension

    def describe(self) -> str:
        """The rule in words; nothing if cells are paths as they are."""
        words = []
        if self.skipped:
            words.append(f"without the first {self.skipped} parts of their paths")
        if self.folder:
            words.append(f"in '{self.folder}'")
        if self.extension:
            words.append(f"with '{self.extension}'")
        return ", ".join(words)


@dataclass(frozen=True)
class FileIndex:
    """Files of one column that lie in several folders, by name."""

    places: Mapping[str, str]

    def apply(self, name: str) -> str:
        """The relative path of a file."""
        parts = _parts(name)
        return self.places.get(parts[-1], name) if parts else name

    def describe(self) -> str:
        """The rule in words."""
        return "in several folders, by name"


Rule = PathRule | FileIndex


def find_rule(names: Sequence[str], root: Path, where: str, *, maps: bool = False) -> Rule | None:
    """The rule by which the files of a column are found; ``None`` if no rule finds most of them.

    Args:
        names: the cells that are not blank.
        root: the folder of the data.
        where: names the column in messages.
        maps: whether they are masks; where both are, masks lie in folders called so.

    Raises:
        Question: two rules find different files.
    """
    sample = list(dict.fromkeys(names[:: max(1, len(names) // _SAMPLE)]))
    if not sample or not is_folder(root):
        return None
    if _finds(PathRule(), sample, root) == len(sample):
        return PathRule()
    folders = _folders(root)
    rules = [rule for name in sample[:3] for rule in _rules(name, root, folders)]
    weighed = {rule: _finds(rule, sample, root) for rule in dict.fromkeys([PathRule(), *rules])}
    most = max(weighed.values())
    if most < len(sample):
        index = _index(root, folders, maps=maps)
        if _finds(index, sample, root) > most:
            return index
    # A rule for half of the files is none for the column.
    if most * 2 <= len(sample):
        return None
    best = [rule for rule, count in weighed.items() if count == most]
    if PathRule() in best:
        return PathRule()
    least = min(rule.skipped for rule in best)
    best = _preferred([rule for rule in best if rule.skipped == least], maps=maps)
    if len(best) > 1:
        one, other = (rule.apply(sample[0]) for rule in best[:2])
        raise Question(
            f"{where}: '{sample[0]}' may be the file {one} or {other}; say which folder with "
            f"images:",
            [{"images": rule.folder} for rule in best] if not maps else (),
        )
    return best[0]


def find_files(
    names: Sequence[str],
    rule: Rule,
    root: Path,
    place: Callable[[int], str],
    note: Callable[[int, UserError], None],
) -> list[FileContent | None]:
    """The file of each name, ``None`` where there is no name or no such file in the folder.

    Args:
        names: by row.
        rule: how they become paths.
        root: the folder of the data.
        place: names a row in messages.
        note: called with each row whose file is missing, and with the error.
    """
    contents: list[FileContent | None] = []
    for row, name in enumerate(names):
        try:
            contents.append(find_file(root, rule.apply(name), place(row)) if name else None)
        except UserError as error:
            contents.append(None)
            note(row, error)
    return contents


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _rules(name: str, root: Path, folders: Sequence[str]) -> list[PathRule]:
    """All rules that find the file of one name and keep as much of its path as can be."""
    parts = _parts(name)
    known = parts and parts[-1].lower().endswith(_EXTENSIONS[1:])
    for skipped in range(len(parts)):
        rules = [
            PathRule(skipped, folder, extension)
            for folder in ("", *folders)
            for extension in (_EXTENSIONS[:1] if known else _EXTENSIONS)
        ]
        if working := [rule for rule in rules if has_file(root, rule.apply(name))]:
            return working
    return []


def _index(root: Path, folders: Sequence[str], *, maps: bool) -> FileIndex:
    """All files below the root whose names lead to one place."""
    places: dict[str, list[PathRule]] = {}
    for folder in folders:
        for file in files_of(root / folder, SUFFIXES):
            places.setdefault(file.name, []).append(PathRule(0, folder))
            places.setdefault(file.stem, []).append(PathRule(0, folder, file.suffix))
    left = {name: _preferred(rules, maps=maps) for name, rules in places.items()}
    return FileIndex({n: rules[0].apply(n) for n, rules in left.items() if len(rules) == 1})


def _finds(rule: Rule, names: Sequence[str], root: Path) -> int:
    return sum(has_file(root, rule.apply(name)) for name in names)


def _folders(root: Path) -> tuple[str, ...]:
    """The folders below, relative, the nearest first; not all of very many."""
    folders: list[str] = []
    level = [""]
    for _ in range(_DEPTH):
        below = []
        for folder in level:
            names = [below.name for below in folders_of(root / folder)]
            below += [f"{folder}/{name}" if folder else name for name in names]
        folders += below
        if len(folders) > _MOST_FOLDERS:
            break
        level = below
    return tuple(folders[:_MOST_FOLDERS])


def _preferred(rules: list[PathRule], *, maps: bool) -> list[PathRule]:
    """The rules whose folder is named after its content, if there are any; else all rules."""
    ours, theirs = (MAP_FOLDERS, _IMAGE_FOLDERS) if maps else (_IMAGE_FOLDERS, MAP_FOLDERS)
    named = [rule for rule in rules if _called(rule, ours)]
    left = named or [rule for rule in rules if not _called(rule, theirs | _OTHER_FOLDERS)]
    return left or rules


def _called(rule: PathRule, names: frozenset[str]) -> bool:
    return any(part.lower() in names for part in rule.folder.split("/"))
