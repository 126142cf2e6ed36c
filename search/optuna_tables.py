"""The private parts of Optuna and its dashboard by which notes, attributes and plots are written.

Writes to Optuna's tables, many rows in one transaction. The public functions write an attribute in
a transaction each, refuse a trial that has ended, and ``optuna_dashboard.save_note`` reads all
notes of a study for each one: with thousands of trials they would hold up the search. The keys and
the cutting into pieces are those of ``optuna_dashboard._note`` and
``optuna_dashboard._custom_plot_data``, so that its pages and ``optuna_dashboard.get_note`` read
what is written here. They stand here once more, as importing the dashboard costs a search as much
as its notes do; the tests in ``tests/search/dashboard/test_tables.py`` compare them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from optuna.storages import RDBStorage
from sqlalchemy import ColumnElement, Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

ROWS = 500
"""Rows in one statement."""
MOST_OF_KEY = 500
"""Characters of an attribute's name; the column has 512."""
PIECE = 2045
"""Characters of a note or plot that one attribute holds."""


@dataclass
class Changes:
    """What is to be written of a study, each value by its key."""

    user: dict[int, dict[str, Any]] = field(default_factory=dict)
    """User attributes of trials, by the trials' ids."""
    system: dict[int, dict[str, Any]] = field(default_factory=dict)
    """System attributes of trials, by the trials' ids."""
    study: dict[str, Any] = field(default_factory=dict)
    """System attributes of the study."""
    dropped: set[str] = field(default_factory=set)
    """System attributes of the study that are deleted."""
    without: dict[int, set[str]] = field(default_factory=dict)
    """User attributes that trials are not to have, by the trials' ids."""

    def __bool__(self) -> bool:
        return bool(self.user or self.system or self.study or self.dropped)


class StudyRows:
    """The attributes of one study and of its trials, read and written many at a time."""

    def __init__(self, storage: RDBStorage, study_id: int) -> None:
        from optuna.storages._rdb import models

        self.study_id = study_id
        self._engine = storage.engine
        self._trials: Any = models.TrialModel.__table__
        self._study: Any = models.StudySystemAttributeModel.__table__
        self._user: Any = models.TrialUserAttributeModel.__table__
        self._system: Any = models.TrialSystemAttributeModel.__table__

    def trial_ids(self, first: int = 0) -> dict[int, int]:
        """The id of each trial in Optuna's tables, by its number, from the number ``first`` on."""
        table = self._trials
        query = select(table.c.number, table.c.trial_id).where(
            table.c.study_id == self.study_id, table.c.number >= first
        )
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def keys_of_study(self) -> list[str]:
        """The names of the study's system attributes."""
        query = select(self._study.c.key).where(self._study.c.study_id == self.study_id)
        with self._engine.connect() as connection:
            return list(connection.scalars(query))

    def of_study(self, key: str) -> dict[str, Any]:
        """One system attribute of the study by its key; empty where it has none."""
        return self._read(self._study.c.key == key)

    def note_versions(self) -> dict[int | None, int]:
        """How often each note was written, by the trial's id; that of the study by ``None``."""
        is_version = self._read(self._study.c.key.endswith(":note_ver"))
        versions: dict[int | None, int] = {}
        for key, version in is_version.items():
            owner = key.removeprefix("dashboard:").removesuffix("note_ver").rstrip(":")
            if not owner or owner.isdecimal():
                versions[int(owner) if owner else None] = int(version)
        return versions

    def _read(self, condition: ColumnElement[bool]) -> dict[str, Any]:
        query = select(self._study.c.key, self._study.c.value_json).where(
            self._study.c.study_id == self.study_id, condition
        )
        with self._engine.connect() as connection:
            return {key: json.loads(value) for key, value in connection.execute(query)}

    def of_trials(self, key: str) -> dict[int, Any]:
        """One system attribute of each trial that has it, by the trials' ids."""
        table, trials = self._system, self._trials
        query = (
            select(table.c.trial_id, table.c.value_json)
            .join(trials, trials.c.trial_id == table.c.trial_id)
            .where(trials.c.study_id == self.study_id, table.c.key == key)
        )
        with self._engine.connect() as connection:
            return {trial: json.loads(value) for trial, value in connection.execute(query)}

    def write(self, changes: Changes) -> None:
        """Write all of it, or nothing; an attribute that is there gets the new value."""
        table = self._study
        with self._engine.begin() as connection:
            keys = sorted(changes.dropped - changes.study.keys())
            for some in _chunks(keys):
                connection.execute(
                    delete(table).where(table.c.study_id == self.study_id, table.c.key.in_(some))
                )
            for trial_id, unwanted in changes.without.items():
                connection.execute(
                    delete(self._user).where(
                        self._user.c.trial_id == trial_id, self._user.c.key.in_(sorted(unwanted))
                    )
                )
            of_study = {self.study_id: changes.study}
            for of_table, owner, values in (
                (table, "study_id", of_study),
                (self._user, "trial_id", changes.user),
                (self._system, "trial_id", changes.system),
            ):
                _upsert(connection, of_table, owner, values)


def find_rows(storage: RDBStorage, name: str) -> StudyRows | None:
    """The attributes of the study called ``name``; ``None``: there is no such study."""
    try:
        return StudyRows(storage, storage.get_study_id_from_name(name))
    except KeyError:
        return None


def note_rows(body: str, version: int, trial_id: int | None = None) -> dict[str, Any]:
    """The system attributes of a study that are the note of a trial, or of the study."""
    counted, start = _note_names(trial_id)
    return {counted: version, **_pieces(body, start)}


def note_keys(pieces: int | None, trial_id: int | None, attrs: Iterable[str] = ()) -> set[str]:
    """The system attributes of a study that are the note of a trial, or of the study.

    Args:
        pieces: into which it is cut; ``None``: those among ``attrs``.
        trial_id: of the trial; ``None``: the study's.
        attrs: the names of the study's system attributes.
    """
    counted, start = _note_names(trial_id)
    if pieces is None:
        return {key for key in attrs if key == counted or key.startswith(start)}
    return {counted, *(f"{start}{piece}" for piece in range(pieces))}


def plot_rows(figure: str, name: str) -> dict[str, Any]:
    """The system attributes of a study that are a plot, from the figure's JSON."""
    return dict(_pieces(figure, _plot_start(name)))


def plot_keys(attrs: Iterable[str], name: str) -> set[str]:
    """Those of a study's system attributes that are the plot of this name."""
    return {key for key in attrs if key.startswith(_plot_start(name))}


def artifact_rows(artifact_id: str, filename: str, mimetype: str) -> dict[str, Any]:
    """The system attribute of a trial, or of a study, that names one of its artifacts."""
    from optuna.artifacts._upload import ARTIFACTS_ATTR_PREFIX

    artifact = {
        "artifact_id": artifact_id, "filename": filename, "mimetype": mimetype, "encoding": None,
    }  # fmt: skip
    return {ARTIFACTS_ATTR_PREFIX + artifact_id: json.dumps(artifact)}


def _note_names(trial_id: int | None) -> tuple[str, str]:
    """The attribute that counts how often a note was written, and the beginning of the names of
    those that hold its pieces.
    """
    owner = "dashboard:" if trial_id is None else f"dashboard:{trial_id}:"
    return f"{owner}note_ver", f"{owner}note_str:"


def _plot_start(name: str) -> str:
    return f"dashboard:plot_data:{name}:"


def _pieces(text: str, start: str) -> dict[str, str]:
    firsts = range(0, len(text), PIECE)
    return {f"{start}{i}": text[first : first + PIECE] for i, first in enumerate(firsts)}


def _upsert(
    connection: Connection, table: Any, owner: str, values: Mapping[int, Mapping[str, Any]]
) -> None:
    """Insert attributes, or change those that are there."""
    insert: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [
        {owner: one, "key": key[:MOST_OF_KEY], "value_json": json.dumps(value)}
        for one, attrs in values.items()
        for key, value in attrs.items()
    ]
    # Executed for each row: one of many rows is compiled anew for each number of rows.
    statement = insert.insert(table)
    statement = statement.on_conflict_do_update(
        index_elements=[owner, "key"], set_={"value_json": statement.excluded["value_json"]}
    )
    if rows:
        connection.execute(statement, rows)


def _chunks(things: list[Any]) -> Iterator[list[Any]]:
    for first in range(0, len(things), ROWS):
        yield things[first : first + ROWS]
