"""Publishing goes on beside a search and beside the dashboard, and stands in the way of neither."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna_dashboard import get_note
from sqlalchemy import text

from results.database.models import TrialState
from results.database.store import open_store
from search.dashboard.background import Background, published
from search.dashboard.publishing import Publisher
from tests.search.dashboard.published import Rows
from tests.search.histories import FLAT, History, history

REFUSE = """
create trigger refuse before insert on study_system_attributes when new.key like 'sedn:%'
begin select raise(abort, 'database or disk is full'); end
"""


@pytest.fixture
def search() -> Iterator[History]:
    from search.settings import SearchSettings

    with history(FLAT, SearchSettings(trials=6, sampler="random", scheduler="none")) as made:
        yield made


def study_of(search: History) -> Any:
    return optuna.load_study(study_name="history", storage=search.url)


def test_a_search_leaves_its_notes(search: History) -> None:
    said: list[str] = []
    with published(search.store, "history", said.append):
        search.run()
    assert not said
    assert "6 of 6 trials have ended (6 complete)" in get_note(study_of(search))
    assert all("outcome" in trial.user_attrs for trial in study_of(search).trials)


def test_a_database_that_takes_no_notes_is_told_once_and_the_search_ends(search: History) -> None:
    with search.store.engine.begin() as connection:
        connection.execute(text(REFUSE))
    said: list[str] = []
    with published(search.store, "history", said.append):
        search.run()
    assert len(said) == 1
    assert said[0].startswith("The Optuna dashboard lacks the newest notes")
    assert "disk is full" in said[0]
    assert search.driver.finished
    assert search.store.counts(search.experiment.id)[TrialState.COMPLETE] == 6
    assert not get_note(study_of(search))


def test_a_search_that_is_broken_off_does_not_wait(search: History) -> None:
    with pytest.raises(KeyboardInterrupt), published(search.store, "history", print):
        search.run()
        raise KeyboardInterrupt
    assert not get_note(study_of(search))
    assert not any(one.name == "sedn-dashboard" for one in threading.enumerate())


def test_a_database_file_that_is_gone_is_not_made_again(search: History) -> None:
    path = Path(search.url.removeprefix("sqlite:///"))
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
    said: list[str] = []
    with published(search.store, "history", said.append):
        pass
    assert not said
    assert not path.exists()


def test_the_dashboard_publishes_while_it_serves(tmp_path: Path) -> None:
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    made.fill()
    done = threading.Event()

    class Watched(Publisher):
        def publish_study(self) -> bool:
            found = super().publish_study()
            done.set()
            return found

    watched = Watched(made.store, made.storage, "rows")
    background = Background(lambda: [watched], print)
    background.hurry()
    assert done.wait(30)
    background.stop(finish=False)
    assert get_note(made.study)
