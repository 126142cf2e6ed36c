"""Checks of a search before an image is decoded or a row written."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from results.database.store import Store, find_store
from search.backends.machine import check_machine
from search.backends.ray_tune.cluster import check_address, check_room
from search.lock import sole_driver
from search.reuse import is_untrained
from search.settings import Resources, SearchSettings, check_unchanged, read_settings, with_stored
from sedn.addresses import has_password
from sedn.errors import UserError
from sedn.files import check_folder
from spaces import (
    Space,
    check_backbones,
    check_maps,
    check_optimizers,
    check_pretrained,
    load_space,
)

OnNotice = Callable[[str], None]


@dataclass(frozen=True)
class Checked:
    """A search that can begin, or go on."""

    space: Space
    settings: SearchSettings
    """With what they left to the search: as the experiment has it, or as it was chosen now."""
    chosen: Sequence[str]
    """Lines on what was chosen now."""


def check_search(
    name: str,
    space: str | Space,
    settings: SearchSettings,
    store_url: str,
    resources: Resources,
    on_notice: OnNotice,
) -> Checked:
    """Check that the search can begin, or go on, and load the space to search.

    Quick checks come first, and nothing is written.

    Args:
        name: of the experiment.
        space: a name in the catalog, the path of a YAML file, or a space that was read.
        settings: of the search.
        store_url: SQLAlchemy URL of the database.
        resources: where it is to run.
        on_notice: called with each line for the user.

    Raises:
        UserError: something is wrong.
    """
    from search.warm_start import check_warm_start

    check_name(name)
    check_warm_start(settings, name, store_url)
    check_address(resources.address)
    loaded = load_space(space) if isinstance(space, str) else space
    if loaded.configurations is not None and settings.warm_start is not None:
        raise UserError(
            f"`warm_start`: space '{loaded.name}' lists its configurations; leave one out"
        )
    _check_data(settings.data)
    settings = _check_store(store_url, name, loaded, settings, resources)
    _check_storage(resources)
    settings, chosen = _choose(loaded, settings)
    _check_space(loaded, settings, resources, on_notice)
    check_maps(loaded)
    if resources.backend == "local":
        check_machine(resources, settings)
    else:
        check_room(resources, settings)
    return Checked(loaded, settings, chosen)


def _check_store(
    url: str, name: str, space: Space, settings: SearchSettings, resources: Resources
) -> SearchSettings:
    """Check that the store can be written, and that no other process drives the experiment.

    Returns:
        The settings, with what they left to the search as an experiment to resume has it.
    """
    store = find_store(url)
    if store is None:
        return settings
    try:
        existing = store.find_experiment(name)
        if existing is not None and not is_untrained(store, existing, resources.storage()):
            settings = check_experiment(store, name, space, settings)
        if existing is not None:
            with sole_driver(store.engine, name):
                pass
        return settings
    finally:
        store.engine.dispose()


def check_experiment(
    store: Store, name: str, space: Space, settings: SearchSettings
) -> SearchSettings:
    """Check that an experiment called ``name`` has the space and settings of this search.

    Returns:
        The settings, with what they left to the search as the experiment has it, if there is one.

    Raises:
        UserError: the experiment was started with another space, or with other settings.
    """
    existing = store.find_experiment(name)
    if existing is None:
        return settings
    if not existing.data_fingerprint:
        raise UserError(
            f"experiment '{name}' was imported from an Optuna study, and cannot be gone on with; "
            f"give the search another `name`, and `warm_start={name}` to begin with its leaders"
        )
    stored = read_settings(existing.settings, name)
    settings = with_stored(stored, settings)
    check_unchanged(stored, settings, name)
    if existing.space_yaml != space.source_text:
        raise UserError(
            f"experiment '{name}' was started with another space than '{space.name}' is now; "
            f"give the new search another `name`"
        )
    return settings


def check_name(name: str, called: str = "`name`") -> None:
    """See that an experiment can be called ``name``, which the message calls ``called``.

    Raises:
        UserError: the name is too long, or has another character.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise UserError(
            f"{called} '{name}': a name has up to 100 letters, digits, '.', '_' and '-', and "
            f"starts with a letter or digit"
        )


def _check_data(path: str) -> None:
    """Check that the data exist, before the hub is asked for weights."""
    from sedn.data.loading import EMBEDDED, data_path

    if path not in EMBEDDED:
        data_path(path)


def _check_storage(resources: Resources) -> None:
    """Check that the folder of checkpoints can be made, where the storage path is a folder."""
    if has_password(resources.storage_path):
        raise UserError(
            "`storage_path`: has a password in it, which would be written to the database and to "
            "logs; give it to the machines by their environment or a profile"
        )
    if "://" in resources.storage_path:
        return
    try:
        check_folder(Path(resources.storage()))
    except UserError as error:
        raise UserError(f"`storage_path`: {error}") from None


def _choose(space: Space, settings: SearchSettings) -> tuple[SearchSettings, Sequence[str]]:
    """Choose the sampler and the scheduler where they are left to the search; lines on that."""
    from search.samplers.automatic import choose_sampler
    from search.schedulers.automatic import choose_scheduler

    settings, sampler = choose_sampler(settings)
    settings, scheduler = choose_scheduler(settings, space.baseline(settings.overrides()).epochs)
    return settings, [line for line in (sampler, scheduler) if line is not None]


def _check_space(
    space: Space, settings: SearchSettings, resources: Resources, on_notice: OnNotice
) -> None:
    """Check that the sampler, the scheduler and the backbones fit the space."""
    from search.samplers.choosing import check_sampler
    from search.schedulers.choosing import check_scheduler

    baseline = space.baseline(settings.overrides())
    check_scheduler(settings, baseline.epochs, baseline.folds or 1)
    notices = [check_sampler(settings, space)]
    # Last, as they import timm, which takes seconds.
    check_optimizers(space)
    _check_weights(space, resources, on_notice)
    notices.append(check_backbones(space))
    for notice in filter(None, notices):
        on_notice(notice)


def _check_weights(space: Space, resources: Resources, on_notice: OnNotice) -> None:
    """Check that pretrained weights can be had, where the trials run on this machine."""
    try:
        check_pretrained(space)
    except UserError as error:
        if resources.address is None:
            raise
        on_notice(f"{error}. The nodes of the cluster must have them.")
