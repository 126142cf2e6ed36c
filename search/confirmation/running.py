"""Running a confirmation: its trainings by the search's own engine, then the test split once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from results.confirmation import Confirmed, best_confirmed, score_candidates
from results.confirmed import CONFIRM, kept_confirmation
from results.database.models import Experiment, Trial, TrialState
from results.database.store import Store, open_store
from results.predictions import Predictions, read_predictions
from search.confirmation.plan import Plan, plan_confirmation
from search.confirmation.testing import OnTrial, is_testable, score_on_test
from search.dashboard.background import publish_reading
from search.driver.folders import TrialFolders
from search.lock import is_driven, sole_driver
from search.run import Callbacks, SearchOutcome, run_search
from search.settings import Resources
from sedn.errors import UserError
from spaces.configurations import CONFIGURATION

if TYPE_CHECKING:
    from search.driver import TrainFunction


@dataclass(frozen=True)
class Confirmation:
    """The result of a confirmation."""

    name: str
    source: str
    """The search that it confirms."""
    confirmed: tuple[Confirmed, ...]
    """The baseline first, then the leaders in the order of the search's ranking."""
    test_reads: int
    """How often the test split of these data was read by commands on this database, this reading
    included."""
    folds: int | None = None
    """Of the search; ``None``: its networks were scored on one validation split."""

    @property
    def best(self) -> Confirmed:
        """The best on validation."""
        return best_confirmed(self.confirmed)

    @property
    def baseline(self) -> Confirmed:
        """The plain backbone."""
        return self.confirmed[0]


def run_confirmation(
    source: str,
    store_url: str,
    resources: Resources | None = None,
    *,
    top: int | None = None,
    seeds: int | None = None,
    name: str | None = None,
    train: "TrainFunction | None" = None,
    on_test: OnTrial = lambda done, count: None,
    **callbacks: Unpack[Callbacks],
) -> SearchOutcome | Confirmation:
    """Train the leaders of a search and its baseline on fresh seeds, then test them once.

    The same call goes on where it was cut off, also within the reading of the test split, which is
    counted once.

    Args:
        source: the experiment whose leaders are confirmed.
        store_url: SQLAlchemy URL of the database.
        resources: where to run and what each trial gets.
        top: number of leaders; three if none is given.
        seeds: number of seeds; three if none is given.
        name: of the confirmation's own experiment; that of ``source`` with ``-confirmed`` if none.
        train: the training function of a trial, as for :func:`search.run.run_search`.
        on_test: called with the number of trials that have been scored on the test split.
        callbacks: those of :func:`search.run.run_search`.

    Returns:
        The outcome of the trainings where they did not end, and else the confirmation.

    Raises:
        UserError: something of the input is wrong, or a training of the baseline or of every leader
            failed.
    """
    resources = resources or Resources()
    on_notice: Callable[[str], None] = callbacks.get("on_notice", lambda line: None)
    store = open_store(store_url)
    plan = plan_confirmation(store, source, name, top, seeds)
    if is_driven(store.engine, source):
        on_notice(f"The search '{source}' still runs: these are its leaders so far")
    outcome = run_search(
        plan.name,
        plan.space,
        plan.settings,
        store_url,
        resources,
        confirms=source,
        train=train,
        **callbacks,
    )
    if not outcome.finished:
        return outcome
    with sole_driver(store.engine, plan.name):
        confirmation = _test(store, plan, resources.storage(), on_notice, on_test)
    publish_reading(store, source, on_notice)
    return confirmation


def _test(
    store: Store,
    plan: Plan,
    storage: str,
    on_notice: Callable[[str], None],
    on_test: OnTrial,
) -> Confirmation:
    """Read the test split, unless that has been done, and count it."""
    experiment, searched = store.experiment(plan.name), store.experiment(plan.source)
    candidates = _complete(store, experiment, plan, on_notice)
    trials = [trial for several in candidates.values() for trial in several]
    folders = TrialFolders.of(storage, experiment)
    places = [folders.find(trial.folder) for trial in trials]
    if is_testable(trials[0]):
        reading = store.begin_test_read(searched.id, CONFIRM, trials)
        ended = kept_confirmation(reading)
        if ended is not None:
            confirmed = ended.confirmed
        else:
            confirmed = _compare(candidates, places, score_on_test(trials, places, on_test))
            scores = [one.to_json() for one in confirmed]
            kept = {"experiment": experiment.id, "confirmed": scores}
            store.end_test_read(reading.id, kept)
    else:
        on_notice("The test split has no label with images of both classes, so it is not read")
        confirmed = _compare(candidates, places, None)
    reads = store.test_reads(searched.data_fingerprint)
    return Confirmation(plan.name, plan.source, confirmed, len(reads), searched.folds)


def _complete(
    store: Store, experiment: Experiment, plan: Plan, on_notice: Callable[[str], None]
) -> dict[str, list[Trial]]:
    """The complete trials of each configuration by its title, the baseline first."""
    assert plan.space.configurations is not None
    of_title: dict[str, list[Trial]] = {title: [] for title in plan.space.configurations.fields}
    failed = []
    for trial in store.trials(experiment.id):
        if trial.state is TrialState.COMPLETE:
            of_title[trial.params[CONFIGURATION]].append(trial)
        else:
            failed.append(trial.number)
    baseline, *leaders = of_title
    if not of_title[baseline] or not any(of_title[title] for title in leaders):
        what = "of the baseline" if not of_title[baseline] else "of any leader"
        raise UserError(
            f"experiment '{plan.name}': no training {what} reached its last epoch, so there is "
            f"nothing to confirm; `sedn report {plan.name}` says why"
        )
    if failed:
        listed = ", ".join(map(str, failed))
        on_notice(f"Trials that did not reach their last epoch are left out: {listed}")
    return {title: trials for title, trials in of_title.items() if trials}


def _compare(
    candidates: Mapping[str, list[Trial]],
    places: Sequence[str],
    tested: Sequence[Sequence[Predictions]] | None,
) -> tuple[Confirmed, ...]:
    trials = [trial for several in candidates.values() for trial in several]
    storages = [place.rsplit("/", 2)[0] for place in places]
    validated = [[found] for found in map(read_predictions, trials, storages)]
    validation = score_candidates(_by_title(candidates, validated))
    test = {} if tested is None else score_candidates(_by_title(candidates, tested))
    return tuple(
        Confirmed(
            title,
            trials[0].config_hash,
            tuple(trial.number for trial in trials),
            validation[title],
            test.get(title),
        )
        for title, trials in candidates.items()
    )


def _by_title(
    candidates: Mapping[str, list[Trial]], predictions: Sequence[Sequence[Predictions]]
) -> dict[str, list[Sequence[Predictions]]]:
    remaining = iter(predictions)
    return {title: [next(remaining) for _ in trials] for title, trials in candidates.items()}
