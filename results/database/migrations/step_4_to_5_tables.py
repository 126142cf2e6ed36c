"""Tables in the shape that is read fast: of very many trials, a few columns."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations

from results.database.packing import pack

CHUNK = 1000
"""Rows that are written at once."""
MOST_VALUES = 3
"""Most values that are kept of each field of the configurations."""


def reshape_tables(operations: Operations) -> None:
    """Part configurations from trials, pack AUC by label, keep what each reading added up."""
    _keep_sums(operations)
    _part_setups(operations)
    _note_values(operations)
    _pack_label_aucs(operations)
    if operations.get_bind().dialect.name == "sqlite":
        _order_epochs(operations)


def _keep_sums(operations: Operations) -> None:
    for name, kind in (
        ("worst_auc", sa.Double),
        ("best_epoch", sa.Integer),
        ("best_auc", sa.Double),
        ("best_auc_stderr", sa.Double),
    ):
        operations.add_column("sedn_trial", sa.Column(name, kind))
    best = (
        "(SELECT {} FROM sedn_epoch WHERE trial_id = sedn_trial.id "
        "ORDER BY mean_auc DESC, epoch LIMIT 1)"
    )
    operations.execute(
        "UPDATE sedn_trial SET "
        "worst_auc = (SELECT min(auc) FROM sedn_label_auc WHERE trial_id = sedn_trial.id), "
        f"best_epoch = {best.format('epoch')}, best_auc = {best.format('mean_auc')}, "
        f"best_auc_stderr = {best.format('mean_auc_stderr')}"
    )


def _part_setups(operations: Operations) -> None:
    operations.create_table(
        "sedn_setup",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("sedn_trial.id"), primary_key=True),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
    )
    operations.execute("INSERT INTO sedn_setup SELECT id, params, config FROM sedn_trial")
    operations.drop_column("sedn_trial", "params")
    operations.drop_column("sedn_trial", "config")


def _note_values(operations: Operations) -> None:
    operations.create_table(
        "sedn_field_value",
        sa.Column(
            "experiment_id", sa.Integer, sa.ForeignKey("sedn_experiment.id"), primary_key=True
        ),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    values_of: dict[tuple[int, str], dict[str, Any]] = {}
    query = sa.text(
        "SELECT experiment_id, config FROM sedn_trial JOIN sedn_setup ON trial_id = id "
        "ORDER BY experiment_id, number"
    ).columns(sa.column("experiment_id", sa.Integer), sa.column("config", sa.JSON))
    rows = operations.get_bind().execute(query)
    for experiment, group in groupby(rows, key=lambda row: row[0]):
        for path, values in _first_values(dict(_leaves(row[1])) for row in group).items():
            values_of[experiment, path] = values
    table = sa.table(
        "sedn_field_value",
        *(sa.column(name) for name in ("experiment_id", "path", "position", "value")),
    )
    noted = [
        {
            "experiment_id": experiment,
            "path": path,
            "position": position,
            "value": json.dumps(value),
        }
        for (experiment, path), values in values_of.items()
        for position, value in enumerate(values.values())
    ]
    if noted:
        operations.get_bind().execute(table.insert(), noted)


def _first_values(trials: Iterator[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The first few values of each path, by how they are written; ``None`` where it is lacking."""
    values: dict[str, dict[str, Any]] = {}
    for number, fields in enumerate(trials):
        for path in values.keys() | fields.keys():
            of_path = values.setdefault(path, {"None": None} if number else {})
            if len(of_path) < MOST_VALUES:
                of_path.setdefault(repr(fields.get(path)), fields.get(path))
    return values


def _leaves(fields: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _pack_label_aucs(operations: Operations) -> None:
    operations.create_table(
        "sedn_label_aucs",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("sedn_trial.id"), primary_key=True),
        sa.Column("aucs", sa.LargeBinary, nullable=False),
        sa.Column("stderrs", sa.LargeBinary, nullable=False),
    )
    query = sa.text(
        "SELECT t.id, a.auc, a.stderr FROM sedn_trial t "
        "JOIN sedn_label l ON l.experiment_id = t.experiment_id "
        "LEFT JOIN sedn_label_auc a ON a.trial_id = t.id AND a.label_id = l.id "
        "WHERE EXISTS (SELECT 1 FROM sedn_label_auc o WHERE o.trial_id = t.id) "
        "ORDER BY t.id, l.position"
    )
    names = ("trial_id", "aucs", "stderrs")
    table = sa.table("sedn_label_aucs", *(sa.column(name) for name in names))
    packed: list[dict[str, Any]] = []
    for trial, rows in groupby(operations.get_bind().execute(query), key=lambda row: row[0]):
        _, aucs, stderrs = zip(*rows, strict=True)
        packed.append({"trial_id": trial, "aucs": pack(aucs), "stderrs": pack(stderrs)})
        if len(packed) == CHUNK:
            operations.get_bind().execute(table.insert(), packed)
            packed.clear()
    if packed:
        operations.get_bind().execute(table.insert(), packed)
    operations.drop_table("sedn_label_auc")


def _order_epochs(operations: Operations) -> None:
    """Keep the epochs of SQLite in the order of their key, without a table beside it."""
    operations.execute("ALTER TABLE sedn_epoch RENAME TO sedn_epoch_before")
    operations.create_table(
        "sedn_epoch",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("sedn_trial.id"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("mean_auc", sa.Double, nullable=False),
        sa.Column("mean_auc_stderr", sa.Double),
        sa.Column("train_loss", sa.Double),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sqlite_with_rowid=False,
    )
    names = "trial_id, epoch, mean_auc, mean_auc_stderr, train_loss, seconds, recorded_at"
    operations.execute(
        f"INSERT INTO sedn_epoch ({names}) SELECT {names} FROM sedn_epoch_before "
        "ORDER BY trial_id, epoch"
    )
    operations.drop_table("sedn_epoch_before")
