"""A search from start to finish: the experiment, its study, the cluster, the trials."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from results.database.models import Experiment
from results.database.outage import in_one_line
from results.database.splits import compress_splits
from results.database.store import LabelCounts, NewExperiment, Store, open_store
from results.versions import with_versions
from search.checks import check_experiment, check_search
from search.lock import sole_driver
from search.retention import retained
from search.reuse import free_name
from search.settings import Resources, SearchSettings
from search.stages import Stage
from search.stopping import sigterm_as_sigint
from sedn.config import TrainingConfig
from sedn.errors import UserError
from spaces import Space, computed_maps, parse_space

if TYPE_CHECKING:
    from optuna import Study

    from search.budgets import EndedBy
    from search.driver import Driver, TrainFunction
    from search.failures import Failure
    from search.progress import Snapshot, Watcher
    from sedn.data import Dataset
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

    Raises:
        UserError: something of the input is wrong; nothing was written.
    """
    on_stage(Stage.CHECKS)
    from search.dashboard.background import published
    from search.driver import Driver

    resources = resources or Resources()
    loaded_space = check_search(name, space, settings, store_url, resources, on_notice)
    on_stage(Stage.DATA)
    dataset, counts = _read_data(loaded_space, settings, on_images)
    for line in dataset.notes:
        on_notice(line)
    on_stage(Stage.STORE)
    store = open_store(store_url, create=True)
    with sole_driver(store.engine, name), in_one_line(store.shown):
        _forget_requests(store, name)
        experiment = _open_experiment(
            store,
            name,
            loaded_space,
            settings,
            counts,
            dataset,
            resources.storage(),
            on_notice,
            confirms,
        )
        kept_space = parse_space(experiment.space_yaml, experiment.space_name)
        study = _open_study(store, experiment, kept_space, settings, on_notice)
        driver = Driver(
            store,
            experiment,
            study,
            kept_space,
            settings,
            resources.storage(),
            trial_seconds=resources.trial_seconds,
            on_wait=on_wait,
            on_notice=on_notice,
        )
        watch(driver.snapshot())
        if not driver.finished and not driver.out_of_budget:
            on_stage(Stage.TRIALS)
            callbacks = (train or _default_train(), watch, on_ray_gone or on_notice)
            weights = kept_space.values_of("backbone.weights")
            try:
                cleaned = retained(store, experiment, resources.storage(), on_notice)
                with published(store, name, on_notice), cleaned:
                    _run_trials(driver, settings, resources, *callbacks, weights)
            except KeyboardInterrupt:
                # It is answered by the words that nothing is lost, which may not be so.
                driver.check_store()
                raise
        on_stage(Stage.END)
        driver.check_store()
        watch(driver.snapshot())
        snapshot = driver.snapshot()
        ended = (driver.finished, driver.ended_by, driver.failure)
        return SearchOutcome(name, *ended, snapshot, dataset.skipped)


def _forget_requests(store: Store, name: str) -> None:
    """Take notice of what was asked of an earlier run of the search, which ended before."""
    if (earlier := store.find_experiment(name)) is not None:
        store.answer_requests(earlier.id)


def _read_data(
    space: Space, settings: SearchSettings, on_images: "Progress"
) -> tuple["Dataset", list[LabelCounts]]:
    """The data and its label counts; builds the cache that all trials here share."""
    from sedn.data import prepare_dataset

    baseline = space.baseline(settings.overrides())
    dataset = prepare_dataset(baseline.data, on_images, folds=baseline.folds)
    counts = _count_labels(dataset, baseline)
    if not any(0 < c.validation_positives < c.validation_known for c in counts):
        raise UserError(
            f"{settings.data}: no label has both positive and negative images in the validation "
            f"split, so there is no AUC to search by; at least one must"
        )
    _compute_maps(space, dataset)
    return dataset, counts


def _count_labels(dataset: "Dataset", config: TrainingConfig) -> list[LabelCounts]:
    """Count the images that trials are trained and validated on; over folds each is both.

    Raises:
        UserError: the data set cannot be cut into the folds.
    """
    from sedn.data import count_labels
    from sedn.data.folds import Folds

    if config.folds is None:
        train, validation = (count_labels(dataset, split) for split in ("train", "validation"))
    else:
        whole = Folds.draw(dataset, config.folds, config.data.split_seed).whole
        held_out = replace(dataset, splits={"validation": whole})
        train = validation = count_labels(held_out, "validation")
    return [LabelCounts(label, *train[label], *validation[label]) for label in dataset.labels]


def _compute_maps(space: Space, dataset: "Dataset") -> None:
    """Compute the maps that trials may ask for, once, before the first trial starts."""
    for computed, config in computed_maps(space):
        for split in ("train", "validation"):
            computed.of_split(dataset, split, config)


def _open_experiment(
    store: Store,
    name: str,
    space: Space,
    settings: SearchSettings,
    counts: list[LabelCounts],
    dataset: "Dataset",
    storage: str,
    on_notice: Callable[[str], None],
    confirms: str | None,
) -> Experiment:
    """Open the experiment if it is the same search, or create it."""
    confirmed = None if confirms is None else store.experiment(confirms)
    if confirmed is not None and confirmed.data_fingerprint != dataset.fingerprint:
        raise UserError(
            f"experiment '{confirms}': the data at '{settings.data}' has changed since, so that "
            f"its configurations cannot be confirmed on it"
        )

    def check() -> None:
        _check_unchanged(store, name, space, settings, dataset)

    free_name(store, name, storage, check, on_notice)
    existing = store.find_experiment(name)
    if existing is None:
        return store.create_experiment(
            NewExperiment(
                name=name,
                data_path=settings.data,
                data_fingerprint=dataset.fingerprint,
                skipped_images=dataset.skipped,
                splits=compress_splits({n: s.names for n, s in dataset.splits.items()}),
                space_name=space.name,
                space_yaml=space.source_text,
                settings=with_versions(settings.model_dump(mode="json"), {}),
                labels=counts,
                confirms=None if confirmed is None else confirmed.id,
            )
        )
    kept = with_versions(settings.model_dump(mode="json"), existing.settings)
    kept["keep_best"] = settings.keep_best or existing.settings.get("keep_best")
    store.update_settings(existing.id, kept)
    return store.experiment(name)


def _check_unchanged(
    store: Store, name: str, space: Space, settings: SearchSettings, dataset: "Dataset"
) -> None:
    """Check that an existing experiment has the settings, the space and the data of this search."""
    check_experiment(store, name, space, settings)
    existing = store.find_experiment(name)
    if existing is not None and existing.data_fingerprint != dataset.fingerprint:
        raise UserError(
            f"experiment '{name}': the data at '{settings.data}' has changed since it was started; "
            f"give the new search another `name`"
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


def _run_trials(
    driver: "Driver",
    settings: SearchSettings,
    resources: Resources,
    train: "TrainFunction",
    watch: "Watcher",
    on_ray_gone: Callable[[str], None],
    weights: Sequence[str],
) -> None:
    """Let the backend run the trials until they have ended, or the user has had enough."""
    with sigterm_as_sigint():
        if resources.backend == "local":
            from search.backends.local import run_local
            from search.backends.machine import grant_of

            driver.grant = grant_of(resources)
            run_local(driver, train, watch)
        else:
            from search.backends.ray_tune.running import run_by_ray

            run_by_ray(driver, settings, resources, train, watch, on_ray_gone, weights)


def _default_train() -> "TrainFunction":
    from sedn.training.folds import train_trial

    return train_trial
