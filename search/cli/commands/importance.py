"""`sedn importance`: which axis mattered, in words and in tables."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_json

if TYPE_CHECKING:
    import pandas as pd

    from results import Importance

out = open_terminal()


def importance(
    name: NameArgument,
    label: Annotated[
        str | None, typer.Option("--label", help="Show this label alone, instead of the mean AUC.")
    ] = None,
    show_all: Annotated[
        bool,
        typer.Option(
            "--all", help="Show the values of every axis, not only of the axes that mattered."
        ),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Estimate which axes mattered, overall and per label, and the effect of their values."""
    from results import find_importance, open_store
    from results.axes.importance import check_label
    from results.axes.words import answer, assumptions

    effects = find_importance(open_store(store), name)
    if label is not None:
        check_label(effects, label)
    answers = answer(effects, label)
    if as_json:
        print_json(_as_json(effects, answers, label))
        return
    for line in answers:
        out.print(line, soft_wrap=True)
    _print_tables(effects, label, show_all)
    for line in assumptions(effects):
        out.print(line, soft_wrap=True)


def _print_tables(effects: "Importance", label: str | None, show_all: bool) -> None:
    from search.cli.importance_tables import axes_table, effects_table, labels_table

    part = effects.mean if label is None else effects.labels
    if part.effects is not None:
        axes = _of(effects.axes, label)
        out.print(axes_table(axes, effects.experiment, label))
        shown = axes["axis"] if show_all else axes.loc[axes["matters"], "axis"]
        values = _of(effects.values, label)
        if len(shown):
            out.print(effects_table(values[values["axis"].isin(list(shown))], label))
    if label is None and effects.labels.effects is not None:
        labels = effects.values[effects.values["label"].notna() & effects.values["significant"]]
        if len(labels):
            out.print(labels_table(labels))


def _of(frame: "pd.DataFrame", label: str | None) -> "pd.DataFrame":
    from results.axes.words import of_label

    return of_label(frame, label)


def _as_json(effects: "Importance", answers: list[str], label: str | None) -> dict[str, object]:
    """All that is known: of the mean AUC and all labels, or of one ``label``."""
    frames = {"axes": effects.axes, "values": effects.values}
    if label is not None:
        frames = {name: _of(frame, label) for name, frame in frames.items()}
    basis = effects.basis
    return {
        "experiment": effects.experiment,
        "answer": answers,
        "complete": basis.complete,
        "stopped": basis.stopped,
        "epoch": basis.epoch,
        "last_epoch": basis.last_epoch,
        "scores_read": effects.mean.read,
        **{name: json.loads(frame.to_json(orient="records")) for name, frame in frames.items()},
    }
