"""All that is known of an experiment at one moment, for a page that agrees with itself."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from results.axes.importance import Importance, importance_of
from results.columns import Columns, is_among
from results.commands import address_of, store_words
from results.confirmed import confirmation_lines
from results.database.field_values import FieldValues
from results.database.models import BASELINE, Epoch, Experiment, Label, Trial, TrialState
from results.database.scanning.trials import COMPLETE_COLUMNS, Failures, StoppedTrial, TrialTimes
from results.database.store import Store
from results.effect_probe import EffectProbe, KnownEffects
from results.goals.objectives import Goals, shown_costs
from results.ranking.by_label import allowed, best_by_label, complete_columns, pool_labels
from results.ranking.leaders import order_configurations, with_details
from results.ranking.standing import Standing, standing, with_standing
from results.ranking.stopped import NumberStopped, count_stopped, scheduler_of, stopped_trials
from results.ranking.words import standing_lines
from results.report.calibration import Scored, read_scored
from results.report.thinning import MOST_STUDIED, choose, evenly, fronts, leading, room, table_room
from results.varied import varied_parameters

MOST_ROWS = 30
"""Configurations in the page's ranking; ``sedn rank`` shows them all."""
MOST_STOPPED = 10
"""Trials that were stopped early in the page's table of them; ``sedn rank --stopped`` has all."""
MOST_COLUMNS = 12
"""Configurations beside the baseline in the heat map of labels: more could not be read."""
MOST_FAILURES = 20
"""Reasons in the page's table of trials that failed."""


@dataclass(frozen=True)
class Findings:
    """An experiment with the trials that a page draws, and what follows from all of them."""

    experiment: Experiment
    labels: list[Label]
    counts: dict[TrialState, int]
    """How many trials there are in each state."""
    trained: tuple[int, float]
    """Epochs of all trials, and the seconds that these took."""
    trials: list[Trial]
    """Those that are drawn: of a large search, the leaders and an even choice of the others."""
    listed: list[Trial]
    """Those in the table of trials: all, or those that are drawn and an even choice."""
    number_leading: int
    """Of those that are drawn, how many are so because they lead; 0 where all are drawn."""
    epochs: dict[int, list[Epoch]]
    """Of the trials that are drawn, by number."""
    goals: Goals
    """Objectives and constraints."""
    best_so_far: list[tuple[int, float]]
    """As :func:`best_so_far` gives it."""
    ranked: pd.DataFrame
    """As :func:`results.ranking.leaders.with_details` gives it: the first of the ranking, the
    baseline, those that are drawn, and those that none beats on AUC and a cost."""
    standing: Standing
    """What the validation images say of the ranking as a whole."""
    confirmation: list[str]
    """What the newest confirmation came to, in words; nothing where there is none."""
    ranking_summary: list[str]
    """As :func:`results.ranking.words.standing_lines` gives it, of the whole ranking."""
    number_ranked: int
    """Configurations in the whole ranking."""
    stopped: pd.DataFrame
    """As :func:`results.ranking.stopped.stopped_trials` gives it, the first of them."""
    number_stopped: NumberStopped
    times: list[TrialTimes]
    """Of all trials."""
    failures: list[Failures]
    """As the store's ``failures`` gives them."""
    by_label: pd.DataFrame
    """As :func:`results.ranking.by_label.best_by_label` gives it."""
    pooled_labels: pd.DataFrame
    """As :func:`results.ranking.by_label.pool_labels` gives it, of the first of the ranking."""
    varied: pd.DataFrame
    """As :func:`results.varied.varied_parameters` gives it, of the trials that are listed."""
    scored: list[Scored]
    """The scores of the first of the ranking and of the baseline, those that can be read."""
    not_scored: str
    """Why a trial's scores cannot be read."""
    importance: Importance
    """Which axes mattered."""
    number_studied: int
    """Trials that ``importance`` was found from."""
    store_words: str
    """By what a command finds the database, as :func:`results.commands.store_words` gives it."""

    @property
    def number(self) -> int:
        """Trials of the experiment."""
        return sum(self.counts.values())

    @property
    def costs(self) -> list[str]:
        """The costs that a page shows, by the names of :data:`sedn.measures.COSTS`."""
        return shown_costs(self.goals)

    @property
    def best(self) -> dict[str, Any] | None:
        """The first of the ranking."""
        return _first(self.ranked)

    @property
    def baseline(self) -> dict[str, Any] | None:
        """The baseline's place in the ranking."""
        return _first(self.ranked[self.ranked["role"] == BASELINE])

    def in_state(self, state: TrialState) -> list[Trial]:
        """The trials that stand so, by number."""
        return [trial for trial in self.trials if trial.state is state]

    def parameters_of(self, number: int) -> dict[str, Any]:
        """What the trial has of the varied parameters that have an effect on it."""
        return {str(path): v for path, v in self.varied.loc[number].items() if v is not None}


def read_findings(store: Store, name: str, known: KnownEffects | None = None) -> Findings:
    """Read an experiment.

    Args:
        store: has the experiment.
        name: of the experiment.
        known: what earlier readings found of the effects of fields; what this one finds is added.

    Raises:
        UserError: there is no experiment ``name``.
    """
    experiment = store.experiment(name)
    labels, goals = store.labels(experiment.id), Goals.of(experiment.settings)
    costs = tuple(dict.fromkeys((*goals.costs, *shown_costs(goals))))
    rows = store.complete(experiment.id, costs)
    width = len(COMPLETE_COLUMNS) + len(goals.costs)
    ordered = order_configurations([row[:width] for row in rows], goals, labels)
    certainty = standing(store, experiment.id, ordered)
    values = store.field_values(experiment.id)
    failures = store.failures(experiment.id)
    # Trials after what is found of them: they must be there.
    stopped = store.stopped(experiment.id, MOST_STOPPED)
    last = store.last_number(experiment.id)
    choice = _choose(ordered, rows, costs, values, last, failures, stopped)
    every = store.some_trials(experiment.id, sorted(choice.listed))
    trials = [trial for trial in every if trial.number in choice.drawn]
    scored, not_scored = read_scored(_leading(ordered, every))
    studied = _studied(store, experiment.id, last, every)
    probe = EffectProbe(known)
    details = with_details(store, experiment, choice.detailed, probe)
    return Findings(
        experiment=experiment,
        labels=labels,
        counts=dict(store.counts(experiment.id)),
        trained=store.totals(experiment.id),
        trials=trials,
        listed=every,
        number_leading=choice.number_leading,
        epochs=store.epochs(experiment.id, [trial.number for trial in trials]),
        goals=goals,
        best_so_far=best_so_far(rows, ordered),
        ranked=with_standing(details, certainty).frame(),
        standing=certainty,
        confirmation=confirmation_lines(store, experiment),
        ranking_summary=standing_lines(certainty, ordered),
        number_ranked=len(ordered),
        stopped=stopped_trials(stopped, ordered, labels, scheduler_of(experiment)).frame(),
        number_stopped=count_stopped(store, experiment),
        times=store.times(experiment.id),
        failures=failures,
        by_label=_best_by_label(store, experiment.id, labels, rows, allowed(ordered)),
        pooled_labels=_pooled_labels(store, experiment.id, labels, rows, ordered),
        varied=_varied(every, values, probe),
        scored=scored,
        not_scored=not_scored,
        importance=importance_of(store, experiment.id, name, studied, probe),
        number_studied=len(studied),
        store_words=store_words(address_of(store.engine.url)),
    )


@dataclass(frozen=True)
class _Choice:
    """The trials that a page shows: of a small search all."""

    drawn: set[int]
    """Numbers of the trials in the figures."""
    listed: set[int]
    """Numbers of the trials in the table of trials, those that are drawn included."""
    number_leading: int
    """Of those that are drawn, how many are so because they lead; 0 where all are drawn."""
    detailed: Columns
    """The part of the ranking that is shown with its details."""


def _choose(
    ordered: Columns,
    rows: list[tuple[Any, ...]],
    costs: tuple[str, ...],
    values: FieldValues,
    last: int | None,
    failures: list[Failures],
    stopped: list[StoppedTrial],
) -> _Choice:
    """Choose the trials to show.

    Args:
        ordered: the whole ranking.
        rows: the complete trials, as the store's ``complete`` gives them with ``costs``.
        costs: names of the costs.
        values: the first few values of each field.
        last: the highest number of a trial; ``None``: there is no trial.
        failures: as the store gives them; one trial of each is drawn.
        stopped: trials that were stopped early, the best first.
    """
    most = room(values, rows, len(costs))
    leaders, nearest = ordered["trial"].tolist(), [trial.number for trial in stopped]
    examples = [failure.numbers[0] for failure in failures[:MOST_FAILURES]]
    drawn = {*choose(last, most, leaders, nearest), *examples}
    shown = drawn | fronts(ordered, rows, costs)
    is_shown = np.isin(ordered["trial"], list(shown)) | (ordered["role"] == BASELINE)
    detailed = ordered.rows((ordered["rank"] <= MOST_ROWS) | is_shown)
    in_table = choose(last, table_room(values), leaders, nearest)
    return _Choice(
        drawn,
        shown | {*detailed["trial"].tolist(), *in_table},
        leading(most) if last is not None and last >= most else 0,
        detailed,
    )


def _best_by_label(
    store: Store,
    experiment_id: int,
    labels: list[Label],
    rows: list[tuple[Any, ...]],
    may_lead: set[str],
) -> pd.DataFrame:
    """The best configuration for each label."""
    parts = store.label_auc_parts(experiment_id)
    read = partial(store.label_auc_arrays, experiment_id)
    return best_by_label(labels, rows, parts, read, may_lead).frame()


def _pooled_labels(
    store: Store,
    experiment_id: int,
    labels: list[Label],
    rows: list[tuple[Any, ...]],
    ordered: Columns,
) -> pd.DataFrame:
    """The AUC by label of the first configurations of the ranking and of the baseline."""
    is_compared = (ordered["role"] == BASELINE) | (ordered["rank"] <= MOST_COLUMNS + 1)
    complete = complete_columns(rows)
    of_configuration = np.isin(complete["config_hash"], ordered["config_hash"][is_compared])
    compared = complete.rows(of_configuration)
    arrays = store.label_auc_arrays(experiment_id, compared["trial"].tolist())
    return pool_labels(labels, compared, arrays).frame()


def _studied(store: Store, experiment_id: int, last: int | None, known: list[Trial]) -> list[Trial]:
    """The trials that tell what mattered: all, or an even choice that prefers none."""
    if last is None or len(known) > last:
        return evenly(known, MOST_STUDIED)
    return store.some_trials(experiment_id, evenly(range(last + 1), MOST_STUDIED))


def _varied(trials: list[Trial], values: FieldValues, probe: EffectProbe) -> pd.DataFrame:
    """The varied parameters, by trial number."""
    by_number = {trial.number: trial for trial in trials}
    varied = varied_parameters(by_number, values, probe).frame()
    numbers = pd.Index([trial.number for trial in trials], dtype=int, name="trial")
    return varied.set_axis(numbers) if len(varied.columns) else pd.DataFrame(index=numbers)


def _leading(ordered: Columns, trials: list[Trial]) -> dict[str, Trial]:
    """The trials of the first of the ranking and of the baseline, by what they are called."""
    by_number = {trial.number: trial for trial in trials}
    baseline = ordered["trial"][ordered["role"] == BASELINE][:1]
    named = [("baseline", int(number)) for number in baseline]
    if len(ordered) and ordered["role"][0] != BASELINE:
        named.insert(0, ("rank 1", int(ordered["trial"][0])))
    return {title: by_number[number] for title, number in named if number in by_number}


def best_so_far(rows: list[tuple[Any, ...]], ordered: Columns) -> list[tuple[int, float]]:
    """Number and mean AUC of each complete trial that was better than all before it, of those whose
    configurations satisfy the constraints.
    """
    trials, feasible = complete_columns(rows), ordered["config_hash"][ordered["feasible"]]
    may_lead = trials.rows(is_among(trials["config_hash"], set(feasible)))
    reached = zip(may_lead["trial"].tolist(), may_lead["auc"].tolist(), strict=True)
    steps: list[tuple[int, float]] = []
    for number, auc in sorted(reached):
        if not steps or auc > steps[-1][1]:
            steps.append((number, auc))
    return steps


def _first(rows: pd.DataFrame) -> dict[str, Any] | None:
    return None if rows.empty else {str(k): v for k, v in rows.iloc[0].items()}
