"""Warm starts: a search that begins with the leaders of an earlier search."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import optuna

from results.database.models import Trial
from results.database.store import Store, open_store
from results.ranking.leaders import order_experiment
from search.samplers.automatic import choose_sampler
from search.samplers.registry import find_sampler
from search.settings import SearchSettings
from search.study import REBUILT, has_begun, queued_points
from sedn.config import TrainingConfig, build_config, flatten
from sedn.errors import UserError
from spaces import Space
from spaces.axes import is_active
from spaces.fields import SET_BY_THE_SEARCH

LEADERS = 5
"""Configurations of the earlier experiment that are looked at, best first."""
DONE = "warm_start"
"""The attribute of a study that says from which experiment its leaders came."""
_OF_THE_DATA = {*SET_BY_THE_SEARCH, "data.skip_unreadable"}


@dataclass(frozen=True)
class Fitted:
    """A leader in the new space."""

    trial: int
    """Its number in the earlier experiment."""
    point: dict[str, Any] | None
    """Values of the active axes; ``None`` where it has no place in the space."""
    reason: str = ""
    """The reason why the leader has no point in the space."""
    changes: tuple[str, ...] = ()
    """Fields that the space does not leave as they were, in words."""


def check_warm_start(settings: SearchSettings, name: str, store_url: str) -> None:
    """Check that the experiment to start from exists, before anything is written.

    A search that has begun needs that experiment no more, which may be renamed or deleted since.

    Raises:
        UserError: there is no such experiment, it is the search itself, or the sampler keeps its
            own order.
    """
    source = settings.warm_start
    if source is None:
        return
    if source == name:
        raise UserError(f"`warm_start`: '{name}' is this search itself; name an earlier one")
    settings, _ = choose_sampler(settings)
    if ":" not in settings.sampler and find_sampler(settings.sampler).has_own_order:
        raise UserError(
            f"`warm_start`: sampler '{settings.sampler}' tries every point in an order of its own; "
            f"leave one out, or take 'brute-force'"
        )
    try:
        store = open_store(store_url)
        if not _has_begun(store, name):
            store.experiment(source)
    except UserError as error:
        raise UserError(f"`warm_start`: {error}") from None


def _has_begun(store: Store, name: str) -> bool:
    experiment = store.find_experiment(name)
    return experiment is not None and bool(store.trial_folders(experiment.id))


def warm_start(
    study: optuna.Study, store: Store, source: str, space: Space, on_notice: Callable[[str], None]
) -> None:
    """Enqueue the leaders of the experiment ``source`` that fit ``space``, once.

    What is used, what is not and why goes to ``on_notice``, a line each. A crash before the end is
    made good by the next start, as no trial is asked for before.
    """
    if DONE in study.user_attrs or (has_begun(study) and REBUILT not in study.user_attrs):
        return
    if has_begun(study) and store.find_experiment(source) is None:
        on_notice(f"`warm_start={source}`: it is gone, so none of its leaders is tried any more")
        return
    leaders = list(fit_leaders(store, source, space))
    for leader in leaders:
        if leader.point is not None:
            attrs = {DONE: f"{source}, trial {leader.trial}"}
            study.enqueue_trial(leader.point, user_attrs=attrs, skip_if_exists=True)
    study.set_user_attr(DONE, source)
    for line in _report(leaders, space):
        on_notice(f"`warm_start={source}`: {line}")


def fit_leaders(store: Store, source: str, space: Space) -> Iterator[Fitted]:
    """The leaders of the experiment ``source`` as points of ``space``, best first, each once."""
    experiment = store.experiment(source)
    known = [point for point in queued_points(space) if point]
    for number in order_experiment(store, experiment)["trial"][:LEADERS]:
        row = store.trial(experiment.id, int(number))
        if row is None:
            continue
        fitted = _fit(row, space)
        if fitted.point in known:
            fitted = Fitted(fitted.trial, None, "is among the first trials already")
        elif fitted.point is not None:
            known.append(fitted.point)
        yield fitted


def _fit(row: Trial, space: Space) -> Fitted:
    """A trial of another experiment as a point of ``space``."""
    try:
        config = build_config(row.config, f"trial {row.number}")
    except UserError:
        return Fitted(row.number, None, "is no configuration that this version trains")
    # As it was drawn where it was: the configuration has 'all' spelt out, for one.
    fields = flatten(config.model_dump()) | row.params
    point: dict[str, Any] = {}
    for axis in space.axes:
        if not is_active(axis, point):
            continue
        value = fields.get(axis.path, axis.default)
        if not axis.contains(value):
            reason = f"does not fit: {axis.path} {value!r} is not in {axis.extent()}"
            return Fitted(row.number, None, reason)
        point[axis.path] = value
    return Fitted(row.number, point, changes=tuple(_changes(config, space, point)))


def _changes(config: TrainingConfig, space: Space, point: dict[str, Any]) -> Iterator[str]:
    """The fields of an earlier configuration that the space would change, with both values."""
    from sedn.network import canonical_config

    before = flatten(config.model_dump())
    now = flatten(canonical_config(space.config(point)).model_dump())
    for path, value in before.items():
        if path not in _OF_THE_DATA and path in now and now[path] != value:
            yield f"{path} {now[path]!r} instead of {value!r}"


def _report(leaders: list[Fitted], space: Space) -> Iterator[str]:
    """Report which leaders were used, which were not, and why."""
    used = [leader for leader in leaders if leader.point is not None]
    if not leaders:
        yield "it has no complete trial; the search starts without it"
    elif not used:
        yield f"none of its best {len(leaders)} is taken over into space '{space.name}'"
    else:
        numbers = ", ".join(str(leader.trial) for leader in used)
        yield f"of its best {len(leaders)}, trials {numbers} come right after the first"
    for leader in leaders:
        if leader.point is None:
            yield f"trial {leader.trial} {leader.reason}"
    changes = dict.fromkeys(change for leader in used for change in leader.changes)
    if changes:
        yield f"space '{space.name}' has {', '.join(changes)}"
