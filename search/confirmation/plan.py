"""The trainings of a confirmation: the leaders of a search and the baseline, each on fresh
seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from results.database.models import BASELINE, Experiment, Trial
from results.database.store import Store
from results.ranking.leaders import rank
from search.settings import SearchSettings, read_settings
from sedn.errors import UserError
from spaces import Space, parse_space

TOP = 3
SEEDS = 3
_OF_THE_SEARCH = ("seed", "threads")
"""Fields of a configuration that the confirmation sets."""


@dataclass(frozen=True)
class Plan:
    """A plan of a confirmation that can be started or resumed."""

    name: str
    """Its experiment."""
    source: str
    """The experiment whose leaders it trains again."""
    space: Space
    settings: SearchSettings


def plan_confirmation(
    store: Store, source: str, name: str | None, top: int | None, seeds: int | None
) -> Plan:
    """The plan of a new confirmation, or of the one that began under this name.

    A confirmation that began keeps its leaders, also where the search has gone on since.

    Args:
        store: has the experiment ``source``.
        source: the experiment whose leaders are confirmed.
        name: of the confirmation; ``None``: that of ``source`` with ``-confirmed``, or of its only
            confirmation, which is called otherwise where one of both was renamed.
        top: how many leaders; ``None``: as the confirmation began, or :data:`TOP`.
        seeds: how many seeds; likewise, or :data:`SEEDS`.

    Raises:
        UserError: there is no such experiment, it has no leader, or the name is of another one, or
            of a confirmation of other numbers.
    """
    searched = store.experiment(source)
    if searched.confirms is not None:
        raise UserError(
            f"experiment '{source}' is a confirmation itself; name the search that it confirms"
        )
    name = name or _usual_name(store, searched)
    begun = store.find_experiment(name)
    if begun is not None:
        return _begun(begun, searched, top, seeds)
    return _new(store, searched, name, top, seeds or SEEDS)


def _usual_name(store: Store, searched: Experiment) -> str:
    """The name of a confirmation where none is given."""
    usual = f"{searched.name}-confirmed"
    there = [row.name for row in store.experiments() if row.confirms == searched.id]
    return there[0] if len(there) == 1 else usual


def _begun(begun: Experiment, searched: Experiment, top: int | None, seeds: int | None) -> Plan:
    if begun.confirms != searched.id:
        raise UserError(
            f"`name`: experiment '{begun.name}' is no confirmation of '{searched.name}'; give the "
            f"confirmation another name"
        )
    space = parse_space(begun.space_yaml, begun.space_name)
    assert space.configurations is not None
    there = {
        "top": len(space.configurations.fields) - 1,
        "seeds": len(space.configurations.seeds),
    }
    for field, given in (("top", top), ("seeds", seeds)):
        if given is not None and given != there[field]:
            raise UserError(
                f"`{field}={given}`: confirmation '{begun.name}' began with {field} = "
                f"{there[field]}; leave it as it was, or give the new confirmation another name"
            )
    settings = _settings(read_settings(searched.settings, searched.name), space)
    return Plan(begun.name, searched.name, space, settings)


def _new(store: Store, searched: Experiment, name: str, top: int | None, seeds: int) -> Plan:
    trials = store.trials(searched.id)
    by_number = {trial.number: trial for trial in trials}
    leaders = _leaders(rank(store, searched.name), searched.name, top)
    settings = read_settings(searched.settings, searched.name)
    fields = {"baseline": _baseline(searched, settings, trials)}
    for place, number in zip(leaders["rank"], leaders["trial"], strict=True):
        fields[f"rank {place}, trial {number}"] = _fields(by_number[number].config)
    fresh = _fresh_seeds({trial.seed for trial in trials} | {settings.seed}, seeds)
    listed = {
        "name": name,
        "description": f"The leaders of '{searched.name}' and its baseline on fresh seeds.",
        "configurations": fields,
        "seeds": fresh,
    }
    text = yaml.safe_dump(listed, sort_keys=False, allow_unicode=True)
    space = parse_space(text, name)
    return Plan(name, searched.name, space, _settings(settings, space))


def _leaders(ranked: pd.DataFrame, name: str, top: int | None) -> pd.DataFrame:
    """The first ``top`` rows of the ranking but for the baseline's."""
    leaders = ranked[(ranked["role"] != BASELINE) & ranked["feasible"]]
    if leaders.empty:
        raise UserError(
            f"experiment '{name}' has no configuration to confirm: none beside the baseline was "
            f"trained to its last epoch within the constraints"
        )
    if top is not None and len(leaders) < top:
        raise UserError(
            f"`top={top}`: beside the baseline, experiment '{name}' has {len(leaders)} trained to "
            f"the last epoch within the constraints"
        )
    return leaders.head(top or TOP)


def _settings(searched: SearchSettings, space: Space) -> SearchSettings:
    """The settings of the search, but with every training going to its last epoch."""
    assert space.configurations is not None
    kept = {
        name: getattr(searched, name)
        for name in (
            "data", "objective", "skip_unreadable", "labels", "label_list", "separator",
            "image_column", "leave_out", "attributes",
        )
    }  # fmt: skip
    return SearchSettings(
        **kept,
        trials=len(space.first),
        sampler="grid",
        scheduler="none",
        futility=False,
        seed=space.configurations.seeds[0],
    )


def _baseline(
    searched: Experiment, settings: SearchSettings, trials: list[Trial]
) -> dict[str, Any]:
    """The baseline as its trial ran it; as the space has it where it was not trained."""
    for trial in trials:
        if trial.role == BASELINE:
            return _fields(trial.config)
    space = parse_space(searched.space_yaml, searched.space_name)
    return _fields(space.baseline(settings.overrides()).model_dump(mode="json"))


def _fields(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _OF_THE_SEARCH}


def _fresh_seeds(used: set[int], count: int) -> list[int]:
    """The first whole numbers that no trial of the search was trained with."""
    fresh: list[int] = []
    seed = 0
    while len(fresh) < count:
        if seed not in used:
            fresh.append(seed)
        seed += 1
    return fresh
