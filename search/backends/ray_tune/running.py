"""Running the trials of a search by Ray Tune, on this machine or on a cluster."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from search.backends.ray_tune import cluster
from search.backends.ray_tune.liveness import watching_ray
from search.backends.ray_tune.metrics import measured
from search.backends.ray_tune.node_use import watching_nodes
from search.backends.ray_tune.scratch import scratch_folder
from search.backends.ray_tune.versions import check_nodes
from search.driver import Driver, TrainFunction
from search.packing import check_gpu_hours
from search.progress import Watcher
from search.settings import Resources, SearchSettings


def run_by_ray(
    driver: Driver,
    settings: SearchSettings,
    resources: Resources,
    train: TrainFunction,
    watch: Watcher,
    on_ray_gone: Callable[[str], None],
) -> None:
    """Hand the driver's trials to Ray Tune, and wait until they have ended or a budget is used up.

    Args:
        driver: of the search.
        settings: of the search.
        resources: the cluster, and what each trial gets of it.
        train: the training function of a trial.
        watch: called with a snapshot about twice a second.
        on_ray_gone: called, from another thread, with a line on what is gone, when a process of
            Ray's is without which Ray will end this process.

    Raises:
        UserError: the cluster cannot be joined or has no room for a trial, or the database cannot
            be written any more.
    """
    with scratch_folder() as scratch:
        (scratch / "empty").mkdir()
        cluster.connect(resources, scratch / "empty")
        import ray

        try:
            if resources.address is not None:
                check_nodes()
            with (
                watching_ray(on_ray_gone),
                watching_nodes(driver.note_nodes),
                measured(driver, watch) as shown,
            ):
                _tune(driver, settings, resources, train, shown, scratch)
        finally:
            ray.shutdown()


def _tune(
    driver: Driver,
    settings: SearchSettings,
    resources: Resources,
    train: TrainFunction,
    watch: Watcher,
    scratch: Path,
) -> None:
    """Let Tune run the trials on the cluster that this process is connected to."""
    from ray import tune

    from search.backends.ray_tune import bridge

    _take_room(driver, settings, resources)
    searcher = bridge.DriverSearcher(driver)
    # A machine alone has the files of weights; the nodes of a cluster are sent them.
    weights = () if resources.address is None else driver.space.values_of("backbone.weights")

    def look_for_room() -> None:
        if not resources.autoscaling:
            driver.places.room = cluster.room_now(driver.places.grant)

    tune.run(
        _trainable(train, _contents(weights)),
        name="search",
        num_samples=-1,
        search_alg=searcher,
        scheduler=bridge.DriverScheduler(driver, searcher),
        stop=bridge.SearchStopper(driver, searcher),
        reuse_actors=True,
        storage_path=str(scratch),
        trial_dirname_creator=lambda trial: trial.trial_id,
        callbacks=[
            bridge.DriverCallback(driver, searcher, watch, look_for_room),
            bridge.NoProgress(),
        ],
        raise_on_failed_trial=False,
        verbose=0,
    )
    if searcher.broken_off_by is not None:
        raise searcher.broken_off_by


def _take_room(driver: Driver, settings: SearchSettings, resources: Resources) -> None:
    """Let the driver know what the cluster has room for, and what each trial gets."""
    driver.places.room, driver.places.grant = cluster.slots(resources)
    driver.places.asked = resources.max_concurrent
    check_gpu_hours(settings, driver.places.grant)


def _trainable(train: TrainFunction, weights: dict[str, bytes]) -> Any:
    """The class of trials for Tune, with the function and the weights that all trials share."""
    from ray import tune

    from search.backends.ray_tune.actor import TrialActor

    return tune.with_parameters(TrialActor, train=train, folder=str(Path.cwd()), weights=weights)


def _contents(weights: Sequence[str]) -> dict[str, bytes]:
    if not any(weights):
        return {}
    # Imports timm, which a search without such files does not need here.
    from sedn.network.weights_file import read_contents

    return read_contents(weights)
