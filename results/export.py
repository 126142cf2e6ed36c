"""A configuration as a file that trains unchanged."""

from shlex import quote

from results.columns import Columns
from results.confirmation import Confirmed, Score
from results.confirmed import confirmed_trial
from results.database.models import BASELINE, Experiment, Trial, TrialState
from results.database.store import Store
from results.held_out import measured_on
from results.predictions import trained_in
from results.ranking.leaders import order_experiment
from results.ranking.standing import with_intervals_of_seeds
from sedn.config import TrainingConfig, build_config
from sedn.errors import UserError
from sedn.style import interval_text, number_text


def export_config(
    store: Store,
    name: str,
    *,
    rank: int = 1,
    trial: int | None = None,
    baseline: bool = False,
    confirmed: bool = False,
) -> str:
    """The configuration of one trial as YAML, every field written out, as the trial ran it.

    A trial over folds has no network of all images: the configuration trains the networks of the
    folds as the trial did, and then one on all images of train and validation.

    Args:
        store: where the experiment is.
        name: the experiment.
        rank: take the configuration at this rank, from 1 …
        trial: … or that of this trial, whatever became of it …
        baseline: … or that of the plain backbone …
        confirmed: … or the winner of the newest confirmation of the experiment.

    Raises:
        UserError: there is no such experiment, rank or trial, the baseline has not been trained to
            its last epoch, or no confirmation has ended.
    """
    experiment = store.experiment(name)
    if confirmed:
        held, score = confirmed_trial(store, experiment)
        return _written(held, store, experiment, _describe_confirmed(score, experiment.folds))
    ranked = order_experiment(store, experiment)
    if baseline:
        number = _baseline(ranked, name)
    elif trial is not None:
        number = trial
    else:
        number = _at_rank(ranked, rank, name)
    chosen = store.named_trial(experiment, number, f"`trial={number}`")
    ranked = with_intervals_of_seeds(store, experiment.id, ranked)
    return _written(chosen, store, experiment, _describe(chosen, ranked, experiment.folds))


def _written(trial: Trial, store: Store, experiment: Experiment, description: str) -> str:
    """The configuration of a trial of the experiment as it ran, with comments on what it is."""
    name = experiment.name
    source = f"trial {trial.number} of experiment '{name}'"
    config = build_config(trial.config, source)
    data = config.data.of_fingerprint(_fingerprint_of(config, store, experiment))
    config = config.model_copy(update={"data": data})
    if micro_batch := trial.cost("micro_batch"):
        # Halved where the memory did not suffice: parts of another size round differently.
        fields = config.model_dump(mode="json") | {"micro_batch_size": int(micro_batch)}
        config = build_config(fields, source)
    lines = [f"Experiment {name!r}, {description}", _describe_machine(trial)]
    if config.folds is not None:
        lines += _describe_folds(trial, config.folds)
    return "".join(f"# {line}\n" for line in lines) + config.to_yaml()


def _fingerprint_of(config: TrainingConfig, store: Store, experiment: Experiment) -> str:
    """The fingerprint of the data of a trial; empty where a space gave the trial other data than
    the first, whose fingerprint the experiment has.
    """
    first = build_config(
        store.named_trial(experiment, 0, "`trial=0`").config,
        f"trial 0 of experiment '{experiment.name}'",
    )
    return experiment.data_fingerprint if config.data.source == first.data.source else ""


def _describe_confirmed(one: Confirmed, folds: int | None) -> str:
    """The configuration that won a confirmation, with its scores, in one line."""
    seeds = len(one.trials)
    words = f"{one.title}: the best of its confirmation on {seeds} fresh seed{'s' * (seeds > 1)}"
    words += f", mean AUC {measured_on(folds)} {_score_text(one.validation)} (95 % interval)"
    return words if one.test is None else f"{words}, on test {_score_text(one.test)}"


def _score_text(score: Score) -> str:
    return interval_text(score.mean_auc, score.low, score.high)


def _baseline(ranked: Columns, name: str) -> int:
    plain = ranked["trial"][ranked["role"] == BASELINE]
    if not len(plain):
        raise UserError(
            f"`baseline`: experiment '{name}' has not trained its baseline to the last epoch; "
            f"`sedn search --name {quote(name)}` goes on with it"
        )
    return int(plain[0])


def _at_rank(ranked: Columns, rank: int, name: str) -> int:
    if not 1 <= rank <= len(ranked):
        there = f"ranks 1 to {len(ranked)}" if len(ranked) else "no trial trained to its last epoch"
        raise UserError(f"`rank={rank}`: experiment '{name}' has {there}")
    return int(ranked["trial"][rank - 1])


def _describe_machine(trial: Trial) -> str:
    """Describe in one line where the trial ran, and how its training can be repeated."""
    where = "a GPU" if trial.cost("device_memory") else "a CPU"
    return f"Trained on {where}; the same kind of device, with these threads, repeats the trial"


def _describe_folds(trial: Trial, folds: int) -> list[str]:
    """Describe what is trained of a configuration over folds."""
    lines = [
        f"That is the mean over {folds} networks, one for each fold of train and validation",
        "`sedn train` trains these again, and then the model, on all images of train and "
        "validation",
    ]
    if trial.predictions is not None:
        folder = quote(trained_in(trial))
        lines.append(f"With the networks of the search: `sedn train --trained-folds {folder}`")
    return lines


def _describe(trial: Trial, ranked: Columns, folds: int | None) -> str:
    """Describe in one line the trial, its rank and its scores."""
    text = f"trial {trial.number} ({trial.role})"
    is_ranked = trial.state is TrialState.COMPLETE and trial.mean_auc is not None
    if not is_ranked or trial.duplicate_of is not None:
        return f"{text}: {trial.state.lower()} after epoch {trial.epochs} of {trial.target_epochs}"
    row = ranked.rows(ranked["config_hash"] == trial.config_hash).records()[0]
    reached = f"{interval_text(row['mean_auc'], row['low'], row['high'])} (95 % interval)"
    if row["replicates"] > 1:
        reached += f" over {row['replicates']} seeds, {number_text(trial.mean_auc)} with this one"
    reached += "" if row["feasible"] else ", in violation of a constraint"
    where = measured_on(folds)
    return f"{text}: rank {row['rank']} of {len(ranked)}, mean AUC {where} {reached}"
