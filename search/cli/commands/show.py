"""`sedn show`: all that is known of one trial."""

from typing import TYPE_CHECKING, Any

from rich.table import Table

from results.commands import export_command
from search.cli.commands.log import TrialArgument
from search.cli.console import open_terminal
from search.cli.ending import words_for
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_json
from search.cli.reading import reads
from search.failures import LAST_LINES
from sedn.style import interval_text, number_text, one_line, short_text

if TYPE_CHECKING:
    from results import Epoch, Trial
    from results.trial_facts import LabelResult, TrialFacts

out = open_terminal()


@reads
def show(
    name: NameArgument,
    trial: TrialArgument,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show one trial: result, labels beside the baseline, configuration, epochs, cost, failure."""
    from results import open_store
    from results.trial_facts import FactReader

    opened = open_store(store)
    experiment = opened.experiment(name)
    row = opened.named_trial(experiment, trial, f"trial {trial}")
    epochs = opened.epochs_of(experiment.id, trial)
    facts = next(iter(FactReader(opened, experiment).read([trial])), None)
    if as_json:
        print_json(_as_json(row, epochs, facts))
        return
    out.print(_heading(row, facts), soft_wrap=True)
    if facts is not None and facts.labels:
        out.print(_labels(facts))
    out.print(_configuration(row))
    if epochs:
        out.print(_epochs(epochs, row))
        if row.config.get("folds"):
            out.print("From fold 2 on the mean AUC is that of the folds which had ended.")
    out.print(_cost(row, facts))
    if row.reason:
        lines = row.reason.rstrip().splitlines()
        cut = f", the last {LAST_LINES} of {len(lines)} lines" if len(lines) > LAST_LINES else ""
        out.print(f"Recorded{cut}:")
        out.print("\n".join(lines[-LAST_LINES:]), soft_wrap=True)
    out.print(f"Folder: {row.folder}", soft_wrap=True)
    command = export_command(name, words_for(store), trial)
    out.print(f"Export: {command}", soft_wrap=True)


def _heading(row: "Trial", facts: "TrialFacts | None") -> str:
    """What became of the trial, and what the trial reached, in one or two lines."""
    role = f" ({row.role})" if row.role == "baseline" else ""
    if facts is None:
        auc = "" if row.mean_auc is None else f", mean AUC {number_text(row.mean_auc)}"
        return f"Trial {row.number}{role}: epoch {row.epochs} of {row.target_epochs}{auc}"
    from results.trial_facts import reached_lines

    heading = f"Trial {row.number}{role}: {one_line(facts.outcome)}"
    return "\n".join([heading, *reached_lines(facts)])


def _labels(facts: "TrialFacts") -> Table:
    table = _table("label", "AUC [95 %]", "baseline", "difference", "positives")
    for label in facts.labels:
        table.add_row(
            one_line(label.name),
            interval_text(label.auc, label.low, label.high),
            number_text(label.baseline),
            number_text(label.difference, signed=True),
            str(label.positives),
        )
    return table


def _configuration(row: "Trial") -> Table:
    """What was sampled, and its canonical form where the two differ."""
    from results.trial_facts import sampled

    rows = [
        (path, drawn if value is None else value, "" if value in (None, drawn) else _value(drawn))
        for path, value, drawn in sampled(row)
    ]
    differs = any(other for *_, other in rows)
    table = _table("parameter", "value", *(["sampled as"] if differs else []), right=False)
    for path, value, other in rows:
        table.add_row(path, _value(value), *([other] if differs else []))
    return table


def _value(value: Any) -> str:
    """A value of a parameter in a few characters; `--json` has all digits."""
    return short_text(value) if isinstance(value, float) else one_line(value)


def _epochs(epochs: "list[Epoch]", row: "Trial") -> Table:
    """The epochs; over folds with the fold whose network was trained."""
    folds = row.config.get("folds")
    table = _table("epoch", *(["fold"] if folds else []), "mean AUC", "loss", "seconds")
    for epoch in epochs:
        fold = (epoch.epoch - 1) // row.config["epochs"] + 1
        table.add_row(
            str(epoch.epoch),
            *([f"{fold} of {folds}"] if folds else []),
            number_text(epoch.mean_auc),
            number_text(epoch.train_loss),
            f"{epoch.seconds:.1f}",
        )
    return table


def _cost(row: "Trial", facts: "TrialFacts | None") -> Table:
    from results.trial_facts import cost_rows

    table = _table("cost", "value", right=False)
    for name, value in cost_rows(row, {} if facts is None else facts.costs):
        table.add_row(name, value)
    return table


def _table(first: str, *others: str, right: bool = True) -> Table:
    """A table of eighty columns at most; numbers stand at the right."""
    from search.cli.tables import titled_table

    table = titled_table("")
    table.title = None
    table.padding = (0, 1, 0, 0)
    table.add_column(first, overflow="fold")
    for title in others:
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    return table


def _as_json(row: "Trial", epochs: "list[Epoch]", facts: "TrialFacts | None") -> dict[str, Any]:
    labels = () if facts is None else facts.labels
    return {
        "trial": row.number,
        "role": row.role,
        "state": row.state,
        "outcome": None if facts is None else facts.outcome,
        "duplicate_of": row.duplicate_of,
        "mean_auc": row.mean_auc,
        "mean_auc_stderr": row.mean_auc_stderr,
        "low": _number(None if facts is None else facts.low),
        "high": _number(None if facts is None else facts.high),
        "difference_to_baseline": None if facts is None else facts.difference,
        "labels": [_label_as_json(label) for label in labels],
        "params": row.params,
        "config": row.config,
        "config_hash": row.config_hash,
        "seed": row.seed,
        "epochs": [
            {"epoch": e.epoch, "mean_auc": e.mean_auc, "loss": e.train_loss, "seconds": e.seconds}
            for e in epochs
        ],
        "target_epochs": row.target_epochs,
        "seconds": row.seconds,
        "costs": row.costs,
        "cause": row.cause,
        "reason": row.reason,
        "node": row.node,
        "folder": row.folder,
        "predictions": row.predictions,
    }


def _label_as_json(label: "LabelResult") -> dict[str, Any]:
    return {
        "label": label.name,
        "auc": label.auc,
        "low": _number(label.low),
        "high": _number(label.high),
        "baseline": label.baseline,
        "positives": label.positives,
    }


def _number(value: float | None) -> float | None:
    """The value; ``None`` for NaN, which JSON lacks."""
    return None if value is None or value != value else value
