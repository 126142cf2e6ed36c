"""Leaders on fresh seeds, then the test split: once, whatever breaks off, and counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna_dashboard import get_note
from typer.testing import CliRunner

from results import overview
from results.confirmation import Confirmed
from results.confirmed import confirmation_lines
from results.database.models import TrialState
from results.database.store import Store, open_store
from results.export import export_config
from results.predictions import read_predictions
from results.report.page import write_report
from results.versions import installed, versions_of
from search.cli.main import app
from search.confirmation.running import Confirmation, run_confirmation
from search.dashboard.markdown import shown
from search.experiments import delete_experiment, rename_experiment
from search.run import run_search
from search.settings import Resources, SearchSettings
from search.study import open_storage
from sedn.config import config_hash, load_config
from sedn.errors import UserError
from tests.search.crashes import Killed

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 16
axes:
  embedding.placement: {choice: [none, stage1, stage2]}
  optimizer.learning_rate: {choice: [1.0e-3, 1.0e-2]}
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, shared_table: Path) -> Path:
    """The folder of a search that has ended."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "space.yaml").write_text(SPACE)
    settings = SearchSettings(data=str(shared_table), trials=4, scheduler="none", sampler="grid")
    assert run_search("spring", str(folder / "space.yaml"), settings, *place(folder)).finished
    return folder


@pytest.fixture
def folder(searched: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the database of the search; its checkpoints are not needed."""
    return copied(searched, tmp_path)


@pytest.fixture(scope="module")
def confirmation(
    searched: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Confirmation]:
    """The folder of a search that was confirmed with its leaders, and what that came to."""
    folder = copied(searched, tmp_path_factory.mktemp("confirmed"))
    return folder, confirm(folder)


@pytest.fixture
def first(confirmation: tuple[Path, Confirmation]) -> Confirmation:
    """What the confirmation came to."""
    return confirmation[1]


@pytest.fixture
def confirmed(confirmation: tuple[Path, Confirmation], tmp_path: Path) -> Path:
    """A folder with a copy of the database of the confirmed search, and its checkpoints."""
    tmp_path.joinpath("runs").symlink_to(confirmation[0] / "runs")
    return copied(confirmation[0], tmp_path)


def copied(searched: Path, folder: Path) -> Path:
    """The folder, with a copy of the database of a search."""
    with open_store(place(searched)[0]).engine.connect() as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(folder / "sedn.db"),))
    return folder


def place(folder: Path) -> tuple[str, Resources]:
    where = Resources(backend="local", storage_path=str(folder / "runs"), cpus_per_trial=1)
    return f"sqlite:///{folder}/sedn.db", where


def store_of(folder: Path) -> Store:
    return open_store(place(folder)[0])


def confirm(folder: Path, **options: Any) -> Confirmation:
    came_to = run_confirmation("spring", *place(folder), **{"top": 2, "seeds": 2} | options)
    assert isinstance(came_to, Confirmation)
    return came_to


def values(confirmed: tuple[Confirmed, ...]) -> list[Any]:
    return [one.to_json() for one in confirmed]


def test_the_note_of_the_search_tells_of_its_confirmation(confirmed: Path) -> None:
    store = store_of(confirmed)
    note = get_note(optuna.load_study(study_name="spring", storage=open_storage(store)))
    lines = confirmation_lines(store, store.experiment("spring"))
    assert len(lines) == 3
    assert all(f"- {shown(line)}" in note for line in lines)
    assert "Confirmed on the test split" in note


def test_search_and_confirmation_keep_the_versions_that_made_them(confirmed: Path) -> None:
    store = store_of(confirmed)
    for name in ("spring", "spring-confirmed"):
        assert versions_of(store.experiment(name).settings) == [installed()]


def test_leaders_and_baseline_are_trained_on_fresh_seeds_and_tested_once(
    confirmed: Path, first: Confirmation
) -> None:
    came_to, store = first, store_of(confirmed)
    searched = store.experiment("spring")
    confirmation = store.experiment("spring-confirmed")
    assert confirmation.confirms == searched.id
    trials = store.trials(confirmation.id)
    assert all(trial.state is TrialState.COMPLETE for trial in trials)
    used = {trial.seed for trial in store.trials(searched.id)}
    assert {trial.seed for trial in trials} == {1, 2}
    assert not used & {1, 2}
    hashes = {trial.config_hash for trial in store.trials(searched.id)}
    assert {trial.config_hash for trial in trials} <= hashes
    assert [len(one.trials) for one in came_to.confirmed] == [2, 2, 2]
    by_number = {trial.number: trial for trial in trials}
    for one in came_to.confirmed:
        mean = sum(by_number[number].mean_auc or 0 for number in one.trials) / 2
        assert one.validation.mean_auc == pytest.approx(mean, abs=1e-12)
        assert one.validation.low <= one.validation.mean_auc <= one.validation.high
        assert one.test is not None
        assert one.test.low <= one.test.mean_auc <= one.test.high
    for split in ("validation", "test"):
        shares = [getattr(one, split).probability_best for one in came_to.confirmed]
        assert sum(shares) == pytest.approx(1)
    assert came_to.test_reads == 1


def test_a_confirmation_that_has_ended_is_shown_again_and_reads_nothing(
    confirmed: Path, first: Confirmation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "search.confirmation.running.score_on_test", lambda *_: pytest.fail("read again")
    )
    again = confirm(confirmed, top=None, seeds=None)
    assert values(again.confirmed) == values(first.confirmed)
    assert again.test_reads == 1


def test_it_goes_on_from_wherever_it_was_killed(folder: Path, first: Confirmation) -> None:
    deaths = [die_after_epochs(1), die_after_epochs(5), die_in_test(1), die_in_test(4)]
    for death in deaths:
        with pytest.raises(Killed):
            confirm(folder, **death)
    store = store_of(folder)
    reads = store.test_reads(store.experiment("spring").data_fingerprint)
    assert [read.result for read in reads] == [None], "it is counted, and has not ended"
    came_to = confirm(folder)
    assert values(came_to.confirmed) == values(first.confirmed)
    assert came_to.test_reads == 1


def die_after_epochs(count: int) -> dict[str, Any]:
    """The process ends after so many epochs of its own."""
    from sedn.training.epochs import train_epochs

    left = count

    def train(*words: Any) -> Any:
        nonlocal left
        for result in train_epochs(*words):
            yield result
            left -= 1
            if not left:
                raise Killed

    return {"train": train}


def die_in_test(count: int) -> dict[str, Any]:
    """The process ends when so many trials have been tested."""

    def on_test(done: int, _: int) -> None:
        if done == count:
            raise Killed

    return {"on_test": on_test}


def test_each_other_reading_is_counted(confirmed: Path, first: Confirmation) -> None:
    assert first.test_reads == 1
    (confirmed / "runs").unlink()
    assert confirm(confirmed, name="again", top=1).test_reads == 2


def test_it_is_found_again_when_the_search_or_it_was_renamed(
    confirmed: Path, first: Confirmation
) -> None:
    rename_experiment(store_of(confirmed), "spring", "summer")
    rename_experiment(store_of(confirmed), "spring-confirmed", "sure")
    again = run_confirmation("summer", *place(confirmed))
    assert isinstance(again, Confirmation)
    assert values(again.confirmed) == values(first.confirmed)
    assert again.test_reads == 1
    listed = overview(store_of(confirmed)).set_index("name")
    assert listed.loc["sure", "confirms"] == "summer"
    assert list(listed["test_reads"]) == [1, 1]


def test_it_keeps_its_leaders_though_the_search_goes_on(
    confirmed: Path, first: Confirmation, shared_table: Path
) -> None:
    (confirmed / "space.yaml").write_text(SPACE)
    (confirmed / "runs").unlink()
    settings = SearchSettings(data=str(shared_table), trials=6, scheduler="none", sampler="grid")
    assert run_search("spring", str(confirmed / "space.yaml"), settings, *place(confirmed)).finished
    assert [one.title for one in confirm(confirmed).confirmed] == [
        one.title for one in first.confirmed
    ]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"top": 50}, "`top=50`: beside the baseline, experiment 'spring' has"),
        ({"name": "spring"}, "`name`: experiment 'spring' is no confirmation of"),
    ],
)
def test_what_cannot_be_confirmed_is_refused(
    folder: Path, options: dict[str, Any], names: str
) -> None:
    with pytest.raises(UserError, match=names):
        confirm(folder, **options)
    assert [one.name for one in store_of(folder).experiments()] == ["spring"]


def test_other_numbers_than_it_began_with_are_refused(confirmed: Path) -> None:
    with pytest.raises(UserError, match=r"`seeds=3`: .* began with seeds = 2"):
        confirm(confirmed, seeds=3)
    with pytest.raises(UserError, match="is a confirmation itself"):
        run_confirmation("spring-confirmed", *place(confirmed))


def test_predictions_on_test_are_of_the_test_split(confirmed: Path) -> None:
    store = store_of(confirmed)
    from sedn.training.checkpoints.predictions import load_predictions

    for trial in store.trials(store.experiment("spring-confirmed").id):
        kept = load_predictions(trial.folder, "test")
        assert kept is not None
        assert kept.split == "test"
        assert not {*kept.images} & {*read_predictions(trial).images}


def test_what_was_confirmed_is_exported_as_it_was_trained(
    searched: Path, confirmed: Path, first: Confirmation
) -> None:
    with pytest.raises(UserError, match="`confirmed`: no confirmation of experiment 'spring'"):
        export_config(store_of(searched), "spring", confirmed=True)
    store, best = store_of(confirmed), first.best
    text = export_config(store, "spring", confirmed=True)
    assert best.title in text.splitlines()[0]
    trial = store.trial(store.experiment("spring-confirmed").id, best.trials[0])
    assert trial is not None
    (confirmed / "best.yaml").write_text(text)
    config = load_config(confirmed / "best.yaml")
    assert config_hash(config) == trial.config_hash
    assert config.seed == trial.seed


def test_ranking_and_report_of_the_search_tell_of_its_confirmation(
    searched: Path, confirmed: Path, tmp_path: Path
) -> None:
    def shown(folder: Path) -> Iterator[str]:
        write_report(store_of(folder), "spring", tmp_path / "report.html")
        yield (tmp_path / "report.html").read_text()
        yield CliRunner().invoke(app, ["rank", "spring", "--store", place(folder)[0]]).stdout

    assert not any("onfirmed:" in text for text in shown(searched))
    for text in shown(confirmed):
        assert "onfirmed:" in text
        assert "Test read 1 time." in text


def test_its_reading_of_the_test_split_counts_when_the_search_is_deleted(folder: Path) -> None:
    assert confirm(folder).test_reads == 1
    store = store_of(folder)
    data = store.experiment("spring").data_fingerprint
    said = list(delete_experiment(store, "spring", []))
    assert "The test split was read once for 'spring', which stays counted" in said
    (read,) = store_of(folder).test_reads(data)
    assert read.experiment_id is None
    assert read.result is not None
    listed = overview(store_of(folder)).set_index("name")
    assert listed.loc["spring-confirmed", "test_reads"] == 1
