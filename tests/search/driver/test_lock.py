"""One driver at a time, by whatever name the database is called."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, text

from results.database.store import open_store
from search import lock
from search.lock import is_driven, sole_driver
from search.settings import SearchSettings
from sedn.errors import UserError
from tests.search.histories import CONDITIONAL, history, result

HOLD = """
import sys
from results.database.store import open_store
from search.lock import sole_driver
with sole_driver(open_store(sys.argv[1]).engine, "spring"):
    print("held", flush=True)
    sys.stdin.read()
"""


def names_of(folder: Path) -> dict[str, str]:
    """URLs of one database: its path, links to the file and to its folder, and relative ones."""
    (folder / "there").mkdir()
    (folder / "to-folder").symlink_to("there")
    (folder / "to-file.db").symlink_to(folder / "there" / "sedn.db")
    (folder / "to-link.db").symlink_to("to-file.db")
    return {
        "itself": f"sqlite:///{folder}/there/sedn.db",
        "by a folder": f"sqlite:///{folder}/to-folder/sedn.db",
        "by a file": f"sqlite:///{folder}/to-file.db",
        "by two links": f"sqlite:///{folder}/to-link.db",
        "relative": "sqlite:///there/../to-file.db",
    }


@pytest.mark.parametrize("held", ["itself", "by two links"])
def test_a_second_driver_is_refused_by_any_name(
    held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = names_of(tmp_path)
    open_store(names["itself"], create=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, names[held]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for url in names.values():
            engine = open_store(url).engine
            refused = pytest.raises(UserError, match="is being searched by another process")
            with refused, sole_driver(engine, "spring"):
                pass
            with sole_driver(engine, "autumn"):
                pass
    finally:
        holder.communicate("")
    with sole_driver(open_store(names["by a file"]).engine, "spring"):
        pass


def end_sessions(url: str) -> None:
    """End all sessions of a database, as a server does that is restarted."""
    with open_store(url).engine.connect() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid()"
            )
        )


def test_a_lock_whose_session_the_database_ended_is_taken_again(postgres_url: str) -> None:
    engine = open_store(postgres_url, create=True).engine
    with sole_driver(engine, "spring") as hold:
        end_sessions(postgres_url)
        assert not is_driven(open_store(postgres_url).engine, "spring")
        hold(False)
        assert not is_driven(open_store(postgres_url).engine, "spring"), "not asked yet"
        hold(True)
        assert is_driven(open_store(postgres_url).engine, "spring")
    assert not is_driven(open_store(postgres_url).engine, "spring")


def test_a_lock_is_taken_again_whose_session_the_server_still_keeps(postgres_url: str) -> None:
    """As where a firewall on the way forgets a connection: the server hears nothing of that."""
    engine = open_store(postgres_url, create=True).engine
    engine.dispose()
    sockets: list[int] = []
    event.listen(engine, "connect", lambda one, _: sockets.append(one.pgconn.socket))
    with sole_driver(engine, "spring") as hold, closing(socket.socket()) as unconnected:
        kept = os.dup(sockets[-1])
        try:
            os.dup2(unconnected.fileno(), sockets[-1])
            assert is_driven(open_store(postgres_url).engine, "spring")
            hold(True)
            assert is_driven(open_store(postgres_url).engine, "spring")
        finally:
            os.close(kept)
    assert not is_driven(open_store(postgres_url).engine, "spring")


def test_a_driver_ends_whose_search_another_took_over_in_an_outage(postgres_url: str) -> None:
    engine = open_store(postgres_url, create=True).engine
    with sole_driver(engine, "spring") as hold:
        end_sessions(postgres_url)
        with (
            sole_driver(open_store(postgres_url).engine, "spring"),
            pytest.raises(UserError, match="another process went on with this search"),
        ):
            hold(True)
        # The other has ended meanwhile, and may have left the trials otherwise.
        with pytest.raises(UserError, match="another process went on"):
            hold(True)


def test_a_driver_writes_nothing_more_when_another_has_its_search(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "HOLD_SECONDS", 0.0)
    settings = SearchSettings(trials=3, sampler="random", scheduler="none")
    with history(CONDITIONAL, settings, url=postgres_url) as search:
        mine = search.store.engine
        with sole_driver(mine, "history") as hold:
            search.open(hold=hold)
            first = search.driver.next()
            assert first is not None
            end_sessions(postgres_url)
            search.driver.report(first.number, result(1, 0.5))
            end_sessions(postgres_url)
            with sole_driver(open_store(postgres_url).engine, "history"):
                with pytest.raises(UserError, match="another process went on"):
                    search.driver.report(first.number, result(2, 0.6))
                with pytest.raises(UserError, match="another process went on"):
                    search.driver.check_store()
        assert [row.epochs for row in search.store.trials(search.experiment.id)] == [1]
