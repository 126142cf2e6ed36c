"""A search from start to finish: the experiment, its study, the cluster, the trials."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from results.database.connection.outage import in_one_line
from results.database.models import Experiment
from results.database.store import Store, open_store
from search.checks import check_search
from search.generation import Generation
from search.lock import Hold, sole_driver
from search.preparation import prepare_experiment, read_data
from search.retention import retained
from search.settings import Resources, SearchSettings
from search.stages import Stage
from search.stopping import sigterm_as_sigint
from spaces import Space, parse_space

if TYPE_CHECKING:
    from optuna import Study

    from search.budgets import EndedBy
    from search.driver import Driver, Listener, TrainFunction
    from search.failures import Failure
    from search.progress import Snapshot, Watcher
    from sedn.data.identity import Progress


@dataclass(frozen=True)
class SearchOutcome:
    """How a run of a search ended."""

    experiment: str
    finished: bool
    """No trial is left to start or to go on; else the same call goes on with the rest."""
    ended_by: "EndedBy | None"
    """The budget that ended it; ``None`` when it was interrupted."""
    failure: "Failure | None"
    """The failure that all of the first trials had in common, if they all failed."""
    snapshot: "Snapshot"
    skipped_images: int
    """Images of the data that could not be read and were left out."""


class Callbacks(TypedDict, total=False):
    """The callbacks of a caller, as :func:`run_search` describes them."""

    watch: "Watcher"
    on_images: "Progress"
    on_wait: Callable[[str], None]
    on_notice: Callable[[str], None]
    on_stage: Callable[[Stage], None]
    on_ray_gone: Callable[[str], None]
    on_event: "Listener"


def run_search(
    name: str,
    space: str | Space,
    settings: SearchSettings,
    store_url: str,
    resources: Resources | None = None,
    *,
    confirms: str | None = None,
    train: "TrainFunction | None" = None,
    watch: "Watcher" = lambda snapshot: None,
    on_images: "Progress" = lambda *_: None,
    on_wait: Callable[[str], None] = lambda line: None,
    on_notice: Callable[[str], None] = lambda line: None,
    on_stage: Callable[[Stage], None] = lambda stage: None,
    on_ray_gone: Callable[[str], None] | None = None,
    on_event: "Listener" = lambda event: None,
) -> SearchOutcome:
    """Start the search called ``name``, or go on with it where it stopped.

    Args:
        name: the experiment; one that exists is resumed.
        space: a name in the catalog, the path of a YAML file, or a space that was read.
        settings: what decides the outcome; on a resume only its budgets may differ.
        store_url: SQLAlchemy URL of the database; this process alone opens it.
        resources: where to run and what each trial gets.
        confirms: the experiment whose leaders are trained again, on the same data.
        train: the training function of a trial, :func:`sedn.training.folds.train_trial` if none.
        watch: called with a snapshot about twice a second while the search runs.
        on_images: called with the progress of decoding the images, before the first trial.
        on_wait: called with a line when the database goes away and the search waits for it.
        on_notice: called with a line for the user: before the first trial, and when the
            search pauses as no checkpoint can be written.
        on_stage: called with each stage of the search as the stage begins.
        on_ray_gone: called, from another thread, with a line on what is gone, when a process of
            Ray's is without which Ray will end this process; ``on_notice`` where it is not given.
        on_event: called with what happens to each trial, as it happens.

    Raises:
        UserError: something of the input is wrong; nothing was written.
    """
    on_stage(Stage.CHECKS)
    resources = resources or Resources()
    checked = check_search(name, space, settings, store_url, resources, on_notice)
    loaded_space, settings = checked.space, checked.settings
    on_stage(Stage.DATA)
    data = read_data(loaded_space, settings, on_images, on_notice)
    on_stage(Stage.STORE)
    store, storage = open_store(store_url, create=True), resources.storage()
    with sole_driver(store.engine, name) as hold, in_one_line(store.shown):
        experiment = prepare_experiment(
            store, name, loaded_space, settings, data, storage, confirms, on_notice
        )
        generation = Generation.begin(store, experiment)
        store.guard(generation.guard)
        hold = generation.kept(hold)
        # Not before: bad data is answered by one line.
        for line in checked.chosen:
            on_notice(line)
        driver = _start_driver(store, experiment, settings, resources, hold, on_wait, on_notice)
        driver.events.listeners.append(on_event)
        watch(driver.snapshot())
        if not driver.finished and not driver.out_of_budget:
            on_stage(Stage.TRIALS)
            callbacks = (train or _default_train(), watch, on_ray_gone or on_notice)
            with _beside_the_trials(driver, store, experiment, storage, on_notice):
                _run_trials(driver, settings, resources, *callbacks)
        on_stage(Stage.END)
        driver.check_store()
        watch(driver.snapshot())
        ended = (driver.finished, driver.ended_by, driver.failure)
        return SearchOutcome(name, *ended, driver.snapshot(), data.dataset.skipped)


def _start_driver(
    store: Store,
    experiment: Experiment,
    settings: SearchSettings,
    resources: Resources,
    hold: Hold,
    on_wait: Callable[[str], None],
    on_notice: Callable[[str], None],
) -> "Driver":
    """The driver of the search, with the space that the experiment keeps."""
    from search.driver import Driver

    space = parse_space(experiment.space_yaml, experiment.space_name)
    return Driver(
        store,
        experiment,
        _open_study(store, experiment, space, settings, on_notice),
        space,
        settings,
        resources.storage(),
        trial_seconds=resources.trial_seconds,
        on_wait=on_wait,
        on_notice=on_notice,
        hold=hold,
    )


def _open_study(
    store: Store,
    experiment: Experiment,
    space: Space,
    settings: SearchSettings,
    on_notice: Callable[[str], None],
) -> "Study":
    """The study, with what is to be tried first enqueued."""
    from search.study import open_study
    from search.warm_start import warm_start

    study = open_study(store, experiment.name, space, settings.objective, on_notice)
    if settings.warm_start is not None:
        warm_start(study, store, settings.warm_start, space, on_notice)
    return study


@contextmanager
def _beside_the_trials(
    driver: "Driver",
    store: Store,
    experiment: Experiment,
    storage: str,
    on_notice: Callable[[str], None],
) -> Iterator[None]:
    """Publish to the dashboard and free checkpoints while the trials run."""
    from search.dashboard.background import published

    cleaned = retained(store, experiment, storage, on_notice)
    with _checked_at_interrupt(driver), published(store, experiment.name, on_notice), cleaned:
        yield


@contextmanager
def _checked_at_interrupt(driver: "Driver") -> Iterator[None]:
    """Check the store where the user interrupts: the answer is that nothing is lost, which may not
    be so.
    """
    try:
        yield
    except KeyboardInterrupt:
        driver.check_store()
        raise


def _run_trials(
    driver: "Driver",
    settings: SearchSettings,
    resources: Resources,
    train: "TrainFunction",
    watch: "Watcher",
    on_ray_gone: Callable[[str], None],
) -> None:
    """Let the backend run the trials until they have ended, or the user has had enough."""
    with sigterm_as_sigint():
        if resources.backend == "local":
            from search.backends.local import run_local
            from search.backends.machine import grant_of

            driver.places.grant = grant_of(resources)
            run_local(driver, train, watch)
        else:
            from search.backends.ray_tune.running import run_by_ray

            run_by_ray(driver, settings, resources, train, watch, on_ray_gone)


def _default_train() -> "TrainFunction":
    from sedn.training.folds import train_trial

    return train_trial
