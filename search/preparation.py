"""What a search has before its first trial: the data, the computed maps, and the experiment."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from results.database.models import Experiment
from results.database.splits import compress_splits
from results.database.store import LabelCounts, NewExperiment, Store
from results.versions import with_versions
from search.checks import check_experiment
from search.reuse import free_name
from search.settings import SearchSettings
from sedn.config import TrainingConfig
from sedn.errors import UserError
from spaces import Space, computed_maps, needing_masks

if TYPE_CHECKING:
    from sedn.data import Dataset
    from sedn.data.identity import Progress


@dataclass(frozen=True)
class SearchData:
    """The data of a search, with the counts of its labels."""

    dataset: "Dataset"
    labels: list[LabelCounts]
    folds: int | None
    """Into how many parts training and validation are cut; ``None``: one split validates."""


def read_data(
    space: Space,
    settings: SearchSettings,
    on_images: "Progress",
    on_notice: Callable[[str], None],
) -> SearchData:
    """Read the data, and build the cache and the computed maps that all trials here share.

    Args:
        space: what is searched.
        settings: of the search.
        on_images: called with the progress of decoding the images.
        on_notice: called with each line on how the data were read.

    Raises:
        UserError: the data cannot be read, or leave no AUC to search by.
    """
    from sedn.data import forget_datasets, prepare_dataset

    forget_datasets()
    baseline = space.baseline(settings.overrides())
    dataset = prepare_dataset(baseline.data, on_images, folds=baseline.folds)
    counts = _count_labels(dataset, baseline)
    if not any(0 < c.validation_positives < c.validation_known for c in counts):
        raise UserError(
            f"{settings.data}: no label has both positive and negative images in the validation "
            f"split, so there is no AUC to search by; at least one must"
        )
    _check_masks(space, dataset, settings, on_notice)
    _compute_maps(space, dataset)
    for line in dataset.notes:
        on_notice(line)
    return SearchData(dataset, counts, baseline.folds)


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


def _check_masks(
    space: Space, dataset: "Dataset", settings: SearchSettings, on_notice: Callable[[str], None]
) -> None:
    """Check that there are masks for trials that need them, and tell maps that may be wrong.

    Raises:
        UserError: no training image has one.
    """
    from sedn.run.trained_maps import tell_maps
    from sedn.training.inputs.sources import no_masks

    what = needing_masks(space)
    if what is None:
        return
    if not dataset.splits["train"].map_known.any():
        raise no_masks(settings.data, f"the space's {what}", "search the space 'without-maps'")
    for line in tell_maps(dataset):
        on_notice(line)


def _compute_maps(space: Space, dataset: "Dataset") -> None:
    """Compute the maps that trials may ask for, once, before the first trial starts."""
    for computed, config in computed_maps(space):
        for split in ("train", "validation"):
            computed.of_split(dataset, split, config)


def prepare_experiment(
    store: Store,
    name: str,
    space: Space,
    settings: SearchSettings,
    data: SearchData,
    storage: str,
    confirms: str | None,
    on_notice: Callable[[str], None],
) -> Experiment:
    """Open the experiment called ``name`` if it is the same search, or create it.

    Args:
        store: of the experiment.
        name: of the experiment.
        space: what is searched.
        settings: of the search.
        data: of the search.
        storage: folder or URI of the trials' checkpoints.
        confirms: the experiment whose leaders are trained again, if any.
        on_notice: called with a line when an experiment of that name is removed.

    Raises:
        UserError: the experiment is of another search, or the data have changed.
    """
    if (earlier := store.find_experiment(name)) is not None:
        # What was asked of a run that has ended since is asked no more.
        store.answer_requests(earlier.id)
    confirmed = None if confirms is None else _find_confirmed(store, confirms, settings, data)

    def check() -> None:
        _check_unchanged(store, name, space, settings, data)

    free_name(store, name, storage, check, on_notice)
    existing = store.find_experiment(name)
    if existing is None:
        return store.create_experiment(_new_experiment(name, space, settings, data, confirmed))
    kept = with_versions(settings.model_dump(mode="json"), existing.settings)
    kept["keep_best"] = settings.keep_best or existing.settings.get("keep_best")
    store.update_settings(existing.id, kept)
    return store.experiment(name)


def _find_confirmed(store: Store, name: str, settings: SearchSettings, data: SearchData) -> int:
    """The id of the experiment that is confirmed, which must be of the same data."""
    confirmed = store.experiment(name)
    if confirmed.data_fingerprint != data.dataset.fingerprint:
        raise UserError(
            f"experiment '{name}': the data at '{settings.data}' has changed since, so that "
            f"its configurations cannot be confirmed on it"
        )
    return confirmed.id


def _new_experiment(
    name: str, space: Space, settings: SearchSettings, data: SearchData, confirms: int | None
) -> NewExperiment:
    dataset = data.dataset
    return NewExperiment(
        name=name,
        data_path=settings.data,
        data_fingerprint=dataset.fingerprint,
        skipped_images=dataset.skipped,
        splits=compress_splits({n: s.names for n, s in dataset.splits.items()}),
        space_name=space.name,
        space_yaml=space.source_text,
        settings=with_versions(settings.model_dump(mode="json"), {}),
        labels=data.labels,
        confirms=confirms,
        folds=data.folds,
    )


def _check_unchanged(
    store: Store, name: str, space: Space, settings: SearchSettings, data: SearchData
) -> None:
    """Check that an existing experiment has the settings, the space and the data of this search."""
    check_experiment(store, name, space, settings)
    existing = store.find_experiment(name)
    if existing is not None and existing.data_fingerprint != data.dataset.fingerprint:
        raise UserError(
            f"experiment '{name}': the data at '{settings.data}' has changed since it was started; "
            f"give the new search another `name`"
        )
