"""Telling a data set's format from its path alone, by the formats of the registry."""

from collections.abc import Iterator
from pathlib import Path

from sedn.data.formats.data_format import Fields
from sedn.data.formats.foreign import name_foreign
from sedn.data.formats.registry import FORMATS
from sedn.document import parse_value, read_text
from sedn.errors import Question, UserError
from sedn.seen import is_file


def recognise(path: Path, format: str | None = None) -> tuple[Fields, Path]:
    """The fields of a ``data.yaml`` for the data at ``path``, and the folder they are relative to.

    Args:
        path: of the data.
        format: the only one that is looked for, where a folder may be of several.

    Raises:
        UserError: the format is not recognised.
    """
    if is_file(path):
        for entry in FORMATS.values():
            if fields := entry.of_file(path):
                return fields, path.parent
        if description := describe_own_yaml(path):
            return description[1], path.parent
    for entry in FORMATS.values():
        if (fields := entry.of_folder(path)) and format in (None, fields["format"]):
            return fields, path
    return _recognise_loose(path, format), path


def describe_own_yaml(path: Path) -> tuple[str, Fields] | None:
    """For a YAML that the tools of a format write: the title of the format, and the fields of a
    ``data.yaml`` of ours; ``None`` for another file.

    Raises:
        UserError: a field of it is wrong.
    """
    if path.suffix.lower() not in (".yaml", ".yml") or not is_file(path):
        return None
    try:
        content = parse_value(read_text(path), str(path))
    except UserError:
        return None
    for entry in FORMATS.values() if isinstance(content, dict) else ():
        if fields := entry.of_yaml(content, path):
            return entry.title, fields
    return None


def _recognise_loose(path: Path, format: str | None) -> Fields:
    """The fields for a folder that may be of several formats.

    Raises:
        UserError: the folder is of no format, or of several.
    """
    candidates = [fields for fields in _may_be(path) if format in (None, fields["format"])]
    if len(candidates) > 1:
        formats = [str(fields["format"]) for fields in candidates]
        raise Question(
            f"{path}: may be read as {' or as '.join(formats)}; say which with 'format: "
            f"{formats[0]}' or 'format: {formats[1]}' in a data.yaml",
            [{"format": name} for name in formats],
        )
    if candidates:
        return candidates[0]
    if foreign := name_foreign(path):
        raise UserError(f"{path}: its format cannot be read: {foreign}")
    raise UserError(
        f"{path}: its format is not recognised; expected a table (CSV, TSV, Parquet, lines of "
        f"JSON), COCO's JSON, a folder of COCO, Pascal VOC, YOLO or Hugging Face's datasets, or a "
        f"data.yaml that describes it"
    )


def _may_be(path: Path) -> Iterator[Fields]:
    folders: set[str] = set()
    for entry in FORMATS.values():
        if not folders & {*entry.yields_to} and (fields := entry.may_be(path)):
            folders.add(fields["format"])
            yield fields
