"""The page follows a running search in place: nothing that the reader did to it is lost."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from results.database.models import TrialState
from results.database.store import Store
from results.report import serving
from results.report.serving import LiveReport, make_server
from sedn.addresses import served_at
from sedn.errors import UserError
from tests.browser import browser_tab
from tests.results.rows import add_trial, new_experiment

HOSTILE = "<img src=x onerror=alert(1)>"


@contextmanager
def served(store: Store, name: str, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a server of the page."""
    server = make_server(LiveReport(store, name), host, 0)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served_at(host, server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def has_ipv6() -> bool:
    """Whether this machine has an address of IPv6."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.fixture(autouse=True)
def _read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAST_AGE", 0.0)
    monkeypatch.setattr(serving, "REST", 0)


@pytest.fixture
def searching(store: Store) -> int:
    """A search of which three trials have ended and one, whose texts are hostile, has failed."""
    labels = {"red": (0.75, 0.02), HOSTILE: (0.7, 0.02)}
    experiment = new_experiment(store, "rows", list(labels))
    add_trial(store, experiment, 0, 0.70, role="baseline", labels=labels)
    for number, auc in ((1, 0.8), (2, 0.75)):
        place = {"placement": ("input", "stem")[number % 2]}
        add_trial(store, experiment, number, auc, labels=labels, embedding=place)
    add_trial(store, experiment, 3, 0.5, state=TrialState.FAILED, reason=f"OSError: {HOSTILE}")
    return experiment


def more(store: Store, experiment: int, number: int, auc: float) -> None:
    labels = {"red": (auc, 0.02), HOSTILE: (auc, 0.02)}
    add_trial(
        store,
        experiment,
        number,
        auc,
        labels=labels,
        embedding={"placement": "input"},
        batch_size=8,
    )


def test_a_new_trial_appears_and_what_the_reader_did_stays(
    store: Store, searching: int, tmp_path: Path
) -> None:
    with served(store, "rows") as address, browser_tab(tmp_path / "browser") as tab:
        tab.look(1400)
        tab.open(address)
        tab.draw_all()
        tab.eval(
            "window.untouched = true; document.querySelector('#failures details').open = true;"
            "const words = document.getElementById('trials-words'); words.focus();"
            "words.value = 'input'; words.dispatchEvent(new Event('input', { bubbles: true }));"
            "scrollTo(0, document.getElementById('history').offsetTop)"
        )
        seen = "document.getElementById('history').getBoundingClientRect().top"
        before = tab.eval(seen)
        more(store, searching, 4, 0.9)
        tab.wait_for("document.getElementById('header').textContent.includes('0.900')")
        tab.wait_for("document.getElementById('trials-count').textContent === '2 of 5 trials'")
        drawn = "document.querySelector('#figure-history .plot').data[0].x"
        assert tab.eval(f"Array.from({drawn})") == [0, 1, 2, 4]
        assert tab.eval("window.untouched"), "the page was not loaded anew"
        assert tab.eval("document.getElementById('trials-words').value") == "input"
        assert tab.eval("document.activeElement.id") == "trials-words"
        assert tab.eval("document.querySelector('#failures details').open")
        assert abs(tab.eval(seen) - before) < 2
        assert not tab.complaints
        assert all(one.startswith((address, "data:")) for one in tab.requests)


def test_hostile_texts_are_shown_as_text(store: Store, searching: int, tmp_path: Path) -> None:
    with served(store, "rows") as address, browser_tab(tmp_path / "browser") as tab:
        tab.open(address)
        tab.draw_all()
        for place in ("failures", "labels", "trials-table"):
            assert HOSTILE in tab.eval(f"document.getElementById('{place}').textContent"), place
        assert tab.eval("document.querySelectorAll('img[src=x]').length") == 0
        assert HOSTILE in tab.eval("sedn.figureCsv('figure-labels')")
        assert not tab.complaints


def test_a_server_that_is_gone_is_said_and_found_again(
    store: Store, searching: int, tmp_path: Path
) -> None:
    with browser_tab(tmp_path / "browser") as tab:
        with served(store, "rows") as address:
            tab.open(address)
        tab.wait_for("document.querySelector('.live').textContent.includes('No longer up to date')")


def get(address: str, host: str | None = None) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_only_what_changed_is_sent(store: Store, searching: int) -> None:
    with served(store, "rows") as address:
        status, told = get(f"{address}changes?known=")
        parts = json.loads(told)
        assert status == 200
        assert {"header", "ranking", "trials", "footer"} <= parts.keys()
        known = ",".join(part["digest"] for part in parts.values())
        assert json.loads(get(f"{address}changes?known={known}")[1]).keys() <= {"footer"}
        more(store, searching, 4, 0.9)
        changed = json.loads(get(f"{address}changes?known={known}")[1]).keys()
        assert {"header", "ranking", "history", "trials"} <= changed


def test_a_search_that_rests_is_not_read_again(
    store: Store, searching: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = LiveReport(store, "rows")
    monkeypatch.setattr(serving, "read_report", lambda *_: pytest.fail("read again"))
    assert report.changes(set())


def test_an_experiment_beside_it_is_followed_too(store: Store, searching: int) -> None:
    other = new_experiment(store, "other", ["red", HOSTILE])
    report = LiveReport(store, "rows", ["other"])
    known = {part.digest for part in report.changes(set()).values()}
    more(store, other, 0, 0.9)
    assert "experiments" in report.changes(known)


def test_pages_of_other_sites_and_other_paths_get_nothing(store: Store, searching: int) -> None:
    with served(store, "rows") as address:
        assert get(address, host="evil.example:80")[0] == 403
        assert get(address, host="localhost:80")[0] == 200
        assert get(f"{address}etc/passwd")[0] == 404


def test_a_port_that_is_taken_is_one_line(store: Store, searching: int) -> None:
    with served(store, "rows") as address:
        port = int(address.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(UserError, match=rf"cannot listen on 127.0.0.1:{port}: .*`port`"):
            make_server(LiveReport(store, "rows"), "127.0.0.1", port)


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
def test_an_address_of_ipv6_is_served(store: Store, searching: int) -> None:
    with served(store, "rows", "::1") as address:
        assert address.startswith("http://[::1]:")
        with urllib.request.urlopen(address, timeout=20) as answer:
            assert b"<title>rows" in answer.read()
