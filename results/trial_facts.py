"""What is known of trials that have ended, for their notes and attributes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from results.commands import address_of, store_words
from results.database.models import BASELINE, Experiment, Label, Trial, TrialState
from results.database.store import Store
from results.goals.objectives import Goals, shown_costs
from results.held_out import measured_on
from results.ranking.pooling import of_labels, of_means
from results.ranking.stopped import scheduler_of, stopped_by
from sedn.arrays import Floats
from sedn.config.reading import flatten
from sedn.measures import COSTS
from sedn.style import duration, gain_text, interval_text, number_text, one_line

PLACEMENT = "embedding.placement"


@dataclass(frozen=True)
class Baseline:
    """The trial that trained the plain backbone to the last epoch."""

    number: int
    mean_auc: float
    label_aucs: dict[str, float]


@dataclass(frozen=True)
class LabelResult:
    """What a trial reached for one label."""

    name: str
    positives: int
    """Validation images that have it."""
    auc: float
    low: float
    high: float
    baseline: float | None

    @property
    def difference(self) -> float | None:
        """To the baseline's AUC."""
        return None if self.baseline is None else self.auc - self.baseline


@dataclass(frozen=True)
class TrialFacts:
    """What is known of a trial that has ended."""

    experiment: str
    trial: Trial
    low: float
    high: float
    """Both ends of the interval of its mean AUC; NaN where it is not known."""
    labels: tuple[LabelResult, ...]
    """Those with an AUC, in the order of the data."""
    baseline: Baseline | None
    """``None`` for the baseline itself too."""
    outcome: str
    """What became of it, in a line."""
    costs: dict[str, float]
    """Those of :data:`sedn.measures.COSTS` that a page shows, where they are known."""
    store_words: str
    """By what a command finds the database, as :func:`results.commands.store_words` gives it."""

    @property
    def difference(self) -> float | None:
        """Of its mean AUC to the baseline's; ``None`` where not both ended their last epoch."""
        auc, is_complete = self.trial.mean_auc, self.trial.state is TrialState.COMPLETE
        if self.baseline is None or auc is None or not is_complete:
            return None
        return auc - self.baseline.mean_auc

    @property
    def placement(self) -> str:
        """Where the map is embedded, in canonical form."""
        return str(flatten(self.trial.config).get(PLACEMENT, "–"))


class FactReader:
    """Reads what is known of trials of one experiment."""

    def __init__(self, store: Store, experiment: Experiment) -> None:
        self._store = store
        self._experiment = experiment
        self._labels = store.labels(experiment.id)
        self._costs = shown_costs(Goals.of(experiment.settings))
        self.baseline = self._read_baseline()

    def read(self, numbers: Sequence[int]) -> list[TrialFacts]:
        """What is known of the trials of these numbers."""
        trials = self._store.some_trials(self._experiment.id, numbers)
        known = [t for t in trials if t.state is not TrialState.RUNNING]
        if not known:
            return []
        rows = {
            "auc": [_known(trial.mean_auc) for trial in known],
            "stderr": [_known(trial.mean_auc_stderr) for trial in known],
        }
        ends = of_means(self._labels)(rows)
        by_label = self._label_results([trial.trained_number for trial in known])
        return [
            self._facts(trial, pair, by_label.get(trial.trained_number, ()))
            for trial, pair in zip(known, ends.tolist(), strict=True)
        ]

    def _facts(
        self, trial: Trial, ends: tuple[float, float], labels: tuple[LabelResult, ...]
    ) -> TrialFacts:
        return TrialFacts(
            experiment=self._experiment.name,
            trial=trial,
            low=ends[0],
            high=ends[1],
            labels=labels,
            baseline=None if trial.role == BASELINE else self.baseline,
            outcome=outcome(trial, scheduler_of(self._experiment)),
            costs={name: trial.costs[name] for name in self._costs if name in trial.costs},
            store_words=store_words(address_of(self._store.engine.url)),
        )

    def _label_results(self, numbers: Sequence[int]) -> dict[int, tuple[LabelResult, ...]]:
        """By the number of the trial."""
        arrays = self._store.label_auc_arrays(self._experiment.id, sorted(set(numbers)))
        if not arrays.trials:
            return {}
        results: dict[int, tuple[LabelResult, ...]] = {}
        stderrs = arrays.aucs if arrays.stderrs is None else arrays.stderrs
        of_trials = _label_ends(self._labels, arrays.aucs, stderrs)
        for number, aucs, ends in zip(arrays.trials, arrays.aucs, of_trials, strict=True):
            of_baseline = {} if self.baseline is None else self.baseline.label_aucs
            plain = {} if self.baseline and number == self.baseline.number else of_baseline
            results[number] = tuple(
                LabelResult(
                    name=label.name,
                    positives=label.validation_positives,
                    auc=float(auc),
                    low=float(low),
                    high=float(high),
                    baseline=plain.get(label.name),
                )
                for label, auc, (low, high) in zip(self._labels, aucs, ends, strict=True)
                if not math.isnan(auc)
            )
        return results

    def _read_baseline(self) -> Baseline | None:
        baseline = self._store.baseline(self._experiment.id)
        if baseline is None:
            return None
        arrays = self._store.label_auc_arrays(self._experiment.id, [baseline[0]], stderrs=False)
        aucs = arrays.aucs[0].tolist() if len(arrays.trials) else []
        names = [label.name for label in self._labels][: len(aucs)]
        pairs = zip(names, aucs, strict=True)
        return Baseline(*baseline, {name: auc for name, auc in pairs if not math.isnan(auc)})


def reached_lines(facts: TrialFacts) -> list[str]:
    """What a trial reached, in words: its mean AUC, and how far that is from the baseline's."""
    trial, plain = facts.trial, facts.baseline
    if trial.mean_auc is None:
        return ["No epoch was completed."]
    reached = interval_text(trial.mean_auc, facts.low, facts.high)
    after = "" if trial.state is TrialState.COMPLETE else f" after epoch {trial.epochs}"
    lines = [f"Mean AUC {_where(trial)} {reached}{after} (95 % interval)."]
    if facts.difference is not None and plain is not None:
        gain = gain_text(facts.difference / plain.mean_auc) if plain.mean_auc else "–"
        lines.append(
            f"{number_text(facts.difference, signed=True)} ({gain}) to the baseline, trial "
            f"{plain.number}, which has {number_text(plain.mean_auc)}."
        )
    return lines


def _where(trial: Trial) -> str:
    """On which images the mean AUC of a trial is."""
    folds = trial.config.get("folds")
    if not folds or trial.epochs == trial.target_epochs:
        return measured_on(folds)
    ended = trial.epochs * folds // trial.target_epochs
    return f"over {ended} of {folds} folds" if ended else f"of the first of {folds} folds"


def cost_rows(trial: Trial, costs: Mapping[str, float]) -> list[tuple[str, str]]:
    """Each cost of a trial, and its value as text; ``costs`` as in :class:`TrialFacts`."""
    rows = [
        ("epochs", f"{trial.epochs} of {trial.target_epochs}"),
        ("time of training", duration(trial.seconds)),
        *((COSTS[name].title, COSTS[name].write(value)) for name, value in costs.items()),
    ]
    return [*rows, ("trained on", one_line(trial.node))] if trial.node else rows


def outcome(trial: Trial, scheduler: str) -> str:
    """What became of a trial that has ended, in a line."""
    if trial.duplicate_of is not None:
        return f"same configuration and seed as trial {trial.duplicate_of}, whose values these are"
    if trial.state is TrialState.COMPLETE:
        return "trained to its last epoch"
    if trial.state is TrialState.PRUNED:
        return stopped_by(trial, scheduler)
    lines = (trial.reason or "").strip().splitlines()
    return f"failed: {lines[0] if lines else trial.cause or 'no reason was recorded'}"


def sampled(trial: Trial) -> list[tuple[str, Any, Any]]:
    """Each parameter that was sampled: its path, its value in the configuration in canonical form,
    and the sampled value.
    """
    fields = flatten(trial.config)
    return [(path, fields.get(path), value) for path, value in trial.params.items()]


def _label_ends(labels: Sequence[Label], aucs: Floats, errors: Floats) -> Floats:
    """``(trials, labels, 2)``: intervals; NaN where a label has no AUC. Of all trials at once: one
    by one they take most of the time of publishing.

    Args:
        labels: of the experiment.
        aucs: ``(trials, labels)``.
        errors: likewise.
    """
    names = [label.name for label in labels] * len(aucs)
    rows = {"auc": aucs.ravel(), "stderr": errors.ravel(), "label": names}
    return of_labels(labels)(rows).reshape(*aucs.shape, 2)


def _known(value: float | None) -> float:
    return math.nan if value is None else value
