"""Other experiments beside the one that a page is on: what each reached, and how fast."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from results.columns import Columns
from results.database.models import BASELINE, Experiment, TrialState
from results.database.store import Store
from results.goals.objectives import Goals
from results.ranking.leaders import order_configurations
from results.ranking.standing import with_intervals_of_seeds
from results.report.contents import Findings, best_so_far
from sedn import page
from sedn.style import (
    SERIES,
    duration,
    gain_text,
    interval_text,
    layout,
    plain,
)


@dataclass(frozen=True)
class Summary:
    """What an experiment came to, in a row."""

    experiment: Experiment
    trials: int
    asked: int
    """Trials that it has in the end."""
    ended: int
    seconds: float
    """Of all epochs."""
    best: dict[str, Any] | None
    baseline: dict[str, Any] | None
    best_so_far: list[tuple[int, float]]
    """Number and mean AUC of each trial that was better than all before it."""


def read_summaries(store: Store, names: Sequence[str]) -> list[Summary]:
    """Read the summaries of experiments.

    Raises:
        UserError: there is no experiment of one of the ``names``.
    """
    return [_read(store, store.experiment(name)) for name in names]


def _read(store: Store, experiment: Experiment) -> Summary:
    goals = Goals.of(experiment.settings)
    rows = store.complete(experiment.id, tuple(goals.costs))
    ordered = order_configurations(rows, goals, store.labels(experiment.id))
    ordered = with_intervals_of_seeds(store, experiment.id, ordered)
    counts = store.counts(experiment.id)
    return Summary(
        experiment=experiment,
        trials=counts.total(),
        asked=experiment.settings.get("trials", counts.total()),
        ended=counts.total() - counts[TrialState.RUNNING],
        seconds=store.totals(experiment.id)[1],
        best=_first(ordered),
        baseline=_first(ordered.rows(ordered["role"] == BASELINE)),
        best_so_far=best_so_far(rows, ordered),
    )


def _first(rows: Columns) -> dict[str, Any] | None:
    return next(iter(rows.head(1).records()), None)


def summaries_section(findings: Findings, summaries: Sequence[Summary]) -> str:
    """The section of the page; the experiment of ``findings`` is among the ``summaries``."""
    text = (
        "Each experiment's highest mean AUC on its own data, with 95 % intervals; "
        "the highest of many trials is optimistic. `sedn compare` tests two configurations on the "
        "same images."
    )
    prints = {one.experiment.data_fingerprint for one in summaries}
    if len(prints) > 1:
        text += " The experiments have different data or splits: their AUC cannot be compared."
    heads = ["experiment", "space", "trials", "best mean AUC", "baseline", "gain", "training"]
    rows = [
        [page.text(cell) for cell in (
            one.experiment.name, one.experiment.space_name, f"{one.ended:,} of {one.asked:,}",
            _auc(one.best), _auc(one.baseline),
            gain_text(one.best["gain"] if one.best else None), duration(one.seconds),
        )]
        for one in summaries
    ]  # fmt: skip
    own = [one.experiment.id == findings.experiment.id for one in summaries].index(True)
    content = page.table(heads, rows, right=heads[2:], broken=heads[:2], marked=[own])
    content += page.figure(
        _figure(summaries),
        "experiments",
        "No trial has been trained to its last epoch yet.",
        "Best mean AUC so far by trial, of each experiment",
    )
    return page.section("experiments", "Experiments side by side", text, content)


def _auc(row: dict[str, Any] | None) -> str:
    return "–" if row is None else interval_text(row["mean_auc"], row["low"], row["high"])


def _figure(summaries: Sequence[Summary]) -> go.Figure | None:
    if not any(one.best_so_far for one in summaries):
        return None
    figure = go.Figure(layout=layout(380))
    for position, one in enumerate(summaries):
        steps = one.best_so_far
        if steps:
            figure.add_scatter(
                x=[*(number for number, _ in steps), max(one.trials - 1, steps[-1][0])],
                y=[*(auc for _, auc in steps), steps[-1][1]],
                mode="lines",
                name=plain(one.experiment.name),
                line={"color": SERIES[position % len(SERIES)], "width": 2, "shape": "hv"},
                hovertemplate="trial %{x}: %{y:.4f}<extra>%{fullData.name}</extra>",
            )
    figure.update_xaxes(title_text="trial", tickformat="d")
    figure.update_yaxes(title_text="best mean AUC so far")
    return figure
