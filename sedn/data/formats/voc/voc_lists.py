"""The lists of ``ImageSets``, which say the split of each image."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from sedn.data.dataset import SPLITS
from sedn.data.faults import Faults
from sedn.data.folders import files_of
from sedn.data.images.names import is_image
from sedn.data.splits.cutting import is_split, split_name
from sedn.errors import UserError
from sedn.seen import read_file

_PLACES = ("ImageSets/Main", "ImageSets/Segmentation", "ImageSets/Layout", "ImageSets")
_FLAGS = ("-1", "0", "1")
"""Behind a name in the lists of a class: whether the image has it."""


def read_lists(
    root: Path, described: Collection[str], faults: Faults
) -> tuple[dict[str, str | None], str]:
    """The split of each image that a list names, ``None`` for one with a fault, and the folder of
    the lists; nothing if there are none.

    Args:
        root: of the data.
        described: the images that have an XML.
        faults: the faults noted so far; images that are there twice or have no XML are added.

    Raises:
        UserError: a list cannot be read.
    """
    for place in _PLACES:
        lists = {path.stem.lower(): path for path in files_of(root / place, (".txt",))}
        named = {name: path for name, path in lists.items() if is_split(name)}
        trained = {split_name(name, str(path)) for name, path in named.items()}
        if "trainval" in lists and not trained & {"train", "validation"}:
            # Without lists of the two, validation is drawn from them together.
            named["train"] = lists["trainval"]
        if named:
            return _read_all(named, described, faults), place
    return {}, ""


def _read_all(
    lists: dict[str, Path], described: Collection[str], faults: Faults
) -> dict[str, str | None]:
    split_of: dict[str, str | None] = {}
    in_order = sorted(lists.items(), key=lambda item: SPLITS.index(split_name(item[0], "")))
    for name, path in in_order:
        split = split_name(name, str(path))
        for number, image in _read_list(path, described):
            where = f"{path}: line {number}"
            if image in split_of:
                faults.add("duplicate", f"{where}: image '{image}' is listed twice")
                split_of[image] = split if split_of[image] == split else None
            elif image not in described:
                faults.add("missing file", f"{where}: no Annotations/{image}.xml")
                split_of[image] = None
            else:
                split_of[image] = split
    return split_of


def _read_list(path: Path, described: Collection[str]) -> list[tuple[int, str]]:
    """The number of each line that is not blank, and the image that it names.

    Lines are names, which may have blanks; names with the extension of the image, with a flag
    behind them, or with a path before them. One of these holds for a whole list.
    """
    try:
        text = read_file(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    # CVAT puts names with blanks in quotes.
    lines = [(n, line[1:-1] if line[:1] == line[-1:] == '"' else line) for n, line in lines if line]
    readings: Sequence[Callable[[str], str]] = (
        str,
        _stem,
        _without_flag,
        lambda line: _stem(_without_flag(line)),
        lambda line: _stem(line.replace("\\", "/").rpartition("/")[2]),
    )
    counts = [sum(read(line) in described for _, line in lines) for read in readings]
    read = readings[counts.index(max(counts))]
    return [(number, read(line)) for number, line in lines]


def _without_flag(line: str) -> str:
    name, _, flag = line.rpartition(" ")
    return name.strip() if flag in _FLAGS else line


def _stem(name: str) -> str:
    return name.rpartition(".")[0] if is_image(name.rpartition("/")[2]) else name
