"""An Optuna study of another program as an experiment that is ranked, listed and compared."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from results.database.connection.opening import describe_failure
from results.database.copies.importing import ForeignTrial, import_trials
from results.database.models import TrialState
from results.database.store import NewExperiment, Store
from search.checks import check_name
from search.lock import sole_driver
from search.merging import copy_study
from search.optuna_private import rename_studies
from sedn.addresses import without_password
from sedn.config import config_hash
from sedn.errors import UserError, did_you_mean
from spaces import Space

_STATES = {
    OptunaState.COMPLETE: TrialState.COMPLETE,
    OptunaState.PRUNED: TrialState.PRUNED,
    OptunaState.FAIL: TrialState.FAILED,
}


def import_study(
    target: Store, url: str, study_name: str, name: str, space: Space | None = None
) -> Iterator[str]:
    """Make an experiment of a study whose values are mean AUCs on validation.

    Args:
        target: gets the experiment, and a copy of the study.
        url: of the database that has the study.
        study_name: in that database.
        name: of the experiment.
        space: whose axes the parameters of the trials are, where they are.

    Yields:
        What was taken, and what is not known of it, a line each.

    Raises:
        UserError: there is no such study, its values are no AUCs, a trial is no point of
            ``space``, or the name is taken; nothing was written.
    """
    check_name(name)
    study = _load(url, study_name)
    trials = study.get_trials(deepcopy=False)
    ended = [trial for trial in trials if trial.state in _STATES]
    _check_values(study, ended)
    foreign = foreign_trials(trials, space)
    with sole_driver(target.engine, name, to="give a study its name"):
        if target.find_experiment(name) is not None:
            raise UserError(f"experiment '{name}' is there already; choose another `name`")
        storage = RDBStorage(url)
        try:
            copied = copy_study(storage, study_name, target, name)
        finally:
            storage.engine.dispose()

        def name_study(connection: Connection) -> None:
            rename_studies(connection, {copied: name})

        import_trials(target, _experiment(name, study_name, space, len(ended)), foreign, name_study)
    yield from _report(name, trials, space)


def _load(url: str, study_name: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    shown = without_password(url)
    path = url.partition("sqlite:///")[2]
    if path and not Path(path).is_file():
        raise UserError(f"{path}: no such file; name the database that has the study")
    try:
        storage = RDBStorage(url)
        names = optuna.get_all_study_names(storage)
    except (SQLAlchemyError, ImportError, ValueError, RuntimeError) as error:
        raise UserError(f"{shown}: cannot be opened: {describe_failure(error, url)}") from None
    if study_name not in names:
        there = did_you_mean(study_name, names) or (f"; there is {', '.join(names)}" * bool(names))
        raise UserError(f"{shown}: has no study '{study_name}'{there}")
    return optuna.load_study(study_name=study_name, storage=storage)


def _check_values(study: optuna.Study, ended: list[FrozenTrial]) -> None:
    """Check that the study's values can be mean AUCs."""
    lead = f"study '{study.study_name}': an experiment is ranked by a mean AUC, from 0 to 1"
    if study.directions != [StudyDirection.MAXIMIZE]:
        words = ", ".join(direction.name.lower() for direction in study.directions)
        raise UserError(f"{lead}, which is maximised; the study's objectives: {words}")
    for trial in ended:
        reached = [*(trial.values or ()), *trial.intermediate_values.values()]
        wrong = [v for v in reached if math.isfinite(v) and not 0.0 <= v <= 1.0]
        if wrong:
            raise UserError(f"{lead}; trial {trial.number} has {wrong[0]:g}")


def foreign_trials(trials: list[FrozenTrial], space: Space | None) -> list[ForeignTrial]:
    """The trials of a study that have ended, as rows.

    Raises:
        UserError: one is no point of ``space``, or has no time at which it ran.
    """
    # Once: of 100,000 trials, all are looked through in a second, and not for each of them.
    shift, last = _ends_of(trials)
    return [_foreign(trial, shift, last, space) for trial in trials if trial.state in _STATES]


def _ends_of(trials: list[FrozenTrial]) -> tuple[int, int]:
    """What is added to the steps of a study to count epochs from 1, and the last epoch by which any
    trial has a value; 0 where none has.
    """
    steps = [step for one in trials for step in one.intermediate_values]
    first, last = min(steps, default=1), max(steps, default=0)
    # Some programs count epochs from 0.
    shift = 1 if first == 0 else 0
    return shift, last + shift if steps else 0


def _foreign(trial: FrozenTrial, shift: int, last: int, space: Space | None) -> ForeignTrial:
    """A trial as a row.

    Args:
        trial: of the study.
        shift: what is added to its steps to count epochs from 1.
        last: the last epoch by which any trial has a value.
        space: whose axes its parameters are.
    """
    curve = {
        step + shift: value
        for step, value in sorted(trial.intermediate_values.items())
        if math.isfinite(value)
    }
    config, digest, seed, epochs = _configuration(trial, space)
    state = _STATES[trial.state]
    reached = trial.value if state is TrialState.COMPLETE else curve.get(max(curve, default=0))
    start = trial.datetime_start or trial.datetime_complete
    end = trial.datetime_complete or start
    if start is None or end is None:
        raise UserError(f"trial {trial.number} of the study has no time at which it ran")
    return ForeignTrial(
        number=trial.number,
        state=state,
        params=trial.params,
        config=config,
        config_hash=digest,
        seed=seed,
        mean_auc=reached,
        curve=curve,
        target_epochs=max(last, epochs),
        started_at=start.astimezone(UTC),
        ended_at=end.astimezone(UTC),
        reason=trial.system_attrs.get("fail_reason"),
    )


def _configuration(
    trial: FrozenTrial, space: Space | None
) -> tuple[Mapping[str, Any], str, int, int]:
    """Configuration, its hash, seed and epochs of a trial."""
    if space is None:
        text = json.dumps(trial.params, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        # In a group of their own: no parameter is taken for a field of the same name.
        return {"params": trial.params}, digest, 0, 0
    from sedn.network import canonical_config

    axes = {axis.path for axis in space.axes}
    if unknown := sorted(trial.params.keys() - axes):
        raise UserError(
            f"trial {trial.number} of the study has '{unknown[0]}', which is no axis of space "
            f"'{space.name}'; leave the space out, or write one with the study's parameters"
        )
    try:
        config = canonical_config(space.config(trial.params))
    except UserError as error:
        raise UserError(f"trial {trial.number} of the study: {error}") from None
    return config.model_dump(mode="json"), config_hash(config), config.seed, config.total_epochs


def _experiment(name: str, study_name: str, space: Space | None, trials: int) -> NewExperiment:
    return NewExperiment(
        name=name,
        data_path=f"Optuna study {study_name}",
        data_fingerprint="",
        skipped_images=0,
        splits=b"",
        space_name="" if space is None else space.name,
        space_yaml="" if space is None else space.source_text,
        settings={"trials": trials, "scheduler": "the study's pruner"},
        labels=[],
    )


def _report(name: str, trials: list[FrozenTrial], space: Space | None) -> Iterator[str]:
    counts = Counter(_STATES[t.state] for t in trials if t.state in _STATES)
    counted = ", ".join(f"{number} {state.lower()}" for state, number in counts.items())
    yield f"Experiment '{name}': {counts.total()} trials ({counted or 'none'})"
    if left := len(trials) - counts.total():
        yield f"Left out: {left} that have not ended"
    yield (
        "Not known, as no study has it: AUC by label, standard errors and intervals, costs, "
        "validation scores, splits of the data, checkpoints"
    )
    if space is None:
        yield "Its parameters are no configuration, so it can be ranked, not exported or trained"
    else:
        yield f"Its trials are points of space '{space.name}': they can be exported and trained"
