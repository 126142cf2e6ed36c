"""The columns that hold labels: of 1 and 0, of shares between, or a column that lists labels."""

from collections.abc import Mapping, Sequence

from sedn.data.faults import OPTION, SHOWN
from sedn.data.formats.columns.cells import (
    Column,
    as_number,
    given_words,
    is_binary,
    judge,
    plain_name,
    share_of_words,
)
from sedn.data.formats.columns.description import ColumnsDescription
from sedn.data.formats.columns.soft_labels import MEASUREMENTS, are_labels, is_share, soft_question
from sedn.errors import Question, UserError, did_you_mean, some_of

LIST_COLUMNS = (
    "labels", "label", "tags", "tag", "classes", "class", "categories", "category", "classname",
    "classnames", "labelname", "labelnames", "findinglabels", "findings", "attributes", "targets",
    "target", "choice", "choices",
)  # fmt: skip
_BOOKKEEPING = frozenset({
    "reviewed", "isreviewed", "verified", "isverified", "approved", "isapproved", "labeled",
    "labelled", "islabeled", "islabelled", "annotated", "isannotated", "completed", "iscompleted",
    "processed", "isprocessed", "deleted", "isdeleted", "skipped", "isskipped", "published",
    "ispublished", "archived", "isarchived", "ignored", "excluded", "iscrowd", "fold", "index",
    "idx", "id", "row", "confidence", "score",
})  # fmt: skip
"""Names of columns about an image's annotation, not about the image."""
_NEARLY_ALL = 0.9
"""The share of the rows of a column that have to be 1, 0 or nothing before the others count as
faulty.
"""


def nests(coarse: Column, fine: Column) -> bool:
    """Whether each cell of one column lies within one cell of the other."""
    return len(set(zip(coarse.codes.tolist(), fine.codes.tolist(), strict=True))) == len(fine.cells)


def binary_labels(
    columns: Mapping[str, Column],
    listed: str | None,
    description: ColumnsDescription,
    source: str,
    *,
    skip: bool,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Columns of 1 and 0, or of shares between, and why others that are nearly so are none.

    Raises:
        Question: a column may hold soft labels or measurements, or is nearly one of 1 and 0,
            unless few cells are wrong and ``skip`` leaves them out.
    """
    labels, left_out = [], {}
    nearly: dict[str, Sequence[float | None]] = {}
    soft: list[Column] = []
    given = given_words(description.values)
    has_list = bool(_named_lists(columns, ()))
    for name, column in columns.items():
        meanings = judge(column, given)
        if name == listed:
            continue
        if is_binary(column, given):
            if why := _why_no_label(name, meanings):
                left_out[name] = why
            else:
                labels.append(name)
        elif listed is None and _may_be_labels(name, column, has_list=has_list):
            share = share_of_words(column, meanings)
            if plain_name(name) not in MEASUREMENTS and is_share(column, given):
                soft.append(column)
            elif skip and share >= _NEARLY_ALL:
                labels.append(name)
            elif share >= 0.5:
                nearly[name] = meanings
    if nearly:
        raise _nearly_binary([columns[name] for name in nearly], [*nearly.values()])
    if soft:
        names = {*labels, *(column.name for column in soft)}
        labels = [name for name in columns if name in names]
        if not are_labels(soft):
            raise soft_question(soft, labels, source)
    return tuple(labels), left_out


def _why_no_label(name: str, meanings: Sequence[float | None]) -> str:
    """The reason why a column of 1 and 0 is no label; empty if the column is one."""
    if plain_name(name) in _BOOKKEEPING:
        return "says nothing of what an image shows"
    if plain_name(name) == "nofinding" and 0.0 not in meanings:
        return "says that no other label applies"
    return ""


def _may_be_labels(name: str, column: Column, *, has_list: bool) -> bool:
    """Whether a column with other cells than 1 and 0 may be meant as a label."""
    is_other = plain_name(name) in (*LIST_COLUMNS, *_BOOKKEEPING)
    return not is_other and not (has_list and kind_of(column) == "numbers")


def _nearly_binary(
    columns: Sequence[Column], meanings: Sequence[Sequence[float | None]]
) -> Question:
    """The question about columns of 1 and 0 that have a few other cells, with the rows of those
    cells.
    """
    places = sorted(
        (
            (row, column, column.cells[code])
            for column, of_cells in zip(columns, meanings, strict=True)
            for row, code in enumerate(column.codes.tolist())
            if of_cells[code] is None
        ),
        key=lambda place: place[0],
    )
    row, column, cell = places[0]
    others = ", ".join(
        f"{column.where(row).rpartition(': ')[2]} '{column.name}': '{str(cell)[:20]}'"
        for row, column, cell in places[1:SHOWN]
    )
    more = f" ({len(places)} such cells: also {others}{', …' * (len(places) > SHOWN)})"
    names = some_of(column.name for column in columns)
    few = all(share_of_words(c, m) >= _NEARLY_ALL for c, m in zip(columns, meanings, strict=True))
    skip = f", or leave such rows out with {OPTION}" if few else ""
    return Question(
        f"{column.where(row)}: label '{column.name}' is '{str(cell)[:40]}'; expected 1, 0, or "
        f"nothing where it is unknown{more if others else ''}; say what words mean with values:"
        f"{skip}; a column that is no label is named under leave_out: [{names}]",
        [{"leave_out": [column.name for column in columns]}],
    )


def find_list(
    columns: Mapping[str, Column],
    labels: Sequence[str],
    description: ColumnsDescription,
    source: str,
) -> str | None:
    """The column that lists the labels, if there is such a column."""
    named = _named_lists(columns, labels)
    if len(named) > 1:
        named = _one_of_equals(columns, named)
    if len(named) > 1:
        raise Question(
            f"{source}: columns '{named[0]}' and '{named[1]}' both may list the labels; say which "
            f"with label_list:",
            [{"label_list": name} for name in named],
        )
    if description.labels and not named:
        missing = next(label for label in description.labels if label not in columns)
        hint = did_you_mean(missing, columns)
        raise UserError(f"{source}: no column for label '{missing}'{hint}")
    if named and labels and not description.labels:
        some = ", ".join(labels[:3]) + (", …" if len(labels) > 3 else "")
        raise Question(
            f"{source}: the labels may be listed in column '{named[0]}', or be the "
            f"{len(labels)} columns of 1 and 0 ({some}); say which with label_list: {named[0]}, or "
            f"with leave_out: [{named[0]}]",
            [{"label_list": named[0]}, {"leave_out": [named[0]]}],
        )
    if named or labels:
        return named[0] if named else None
    repeating = [n for n, c in columns.items() if kind_of(c) == "text" and plain_name(n) not in
                 _BOOKKEEPING]  # fmt: skip
    if len(repeating) > 1:
        some = "' or '".join(repeating[:5])
        raise Question(
            f"{source}: no label column: none holds 1 and 0; the labels may be listed in "
            f"'{some}'; say where with label_list:",
            [{"label_list": name} for name in repeating],
        )
    return repeating[0] if repeating else None


def _named_lists(columns: Mapping[str, Column], labels: Sequence[str]) -> list[str]:
    """Columns that are called so, hold something, and are no labels themselves."""
    return [
        name
        for name, column in columns.items()
        if plain_name(name) in LIST_COLUMNS and name not in labels and not is_binary(column)
        and any(cell is not None for cell in column.cells)
    ]  # fmt: skip


def _one_of_equals(columns: Mapping[str, Column], names: Sequence[str]) -> list[str]:
    """Of columns that say the same, such as the name and the number of a class, the name."""
    first = columns[names[0]]
    for name in names[1:]:
        other = columns[name]
        if not nests(first, other) or len(first.cells) != len(other.cells):
            return list(names)
    texts_first = sorted(
        names, key=lambda n: all(as_number(c) is not None for c in columns[n].cells)
    )
    return texts_first[:1]


def kind_of(column: Column) -> str:
    """The kind of a column's cells, in a word or two."""
    cells = [cell for cell in column.cells if cell is not None]
    if not cells:
        return "blank"
    if all(isinstance(cell, tuple) for cell in cells):
        return "lists"
    if all(as_number(cell) is not None for cell in cells):
        return "numbers"
    counts = column.counts()
    return "text" if counts.max() > 1 and len(cells) * 2 <= len(column) else "another in each row"
