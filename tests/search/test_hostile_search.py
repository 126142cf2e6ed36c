"""A search whose every text is markup: it is text on the page, in notes and in a terminal."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import optuna
import pytest
from markdown_it import MarkdownIt
from optuna.trial import create_trial
from typer.testing import CliRunner

from results.database.store import Store, open_store
from results.report.contents import read_findings
from results.report.page import render_report
from search.cli.main import app
from search.dashboard.publishing import Publisher
from search.rebuilding import OPTUNA_STATES
from search.study import open_storage
from sedn.style import one_line
from tests.results.hostile import SHOWN, fill_hostile, hostile, joined
from tests.search.dashboard.published import answer

ESCAPE = "\x1b[2J"
"""Would clear a terminal."""


@pytest.fixture
def searched(tmp_path: Path) -> Store:
    store = open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)
    fill_hostile(store, tmp_path)
    return store


class Elements(HTMLParser):
    """The elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def strings(value: Any) -> list[str]:
    """All texts in a value of JSON."""
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


def test_on_the_page(searched: Store) -> None:
    html = render_report(read_findings(searched, hostile("experiment")))
    read = Elements(html)
    for tag, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "img" or str(attributes["src"]).startswith("data:")
    said = joined("".join(read.words))
    for place in SHOWN:
        assert joined(hostile(place)) in said, place
    # Figures read tags in whatever they write.
    figures = re.findall(r"<figure.*?<script type=.application/json.>(.*?)</script>", html, re.S)
    texts = [text for figure in figures for text in strings(json.loads(figure))]
    assert any(hostile("label") == unescape(text) for text in texts)
    assert not [text for text in texts if "<img" in text]


def test_in_the_notes_and_plots_of_the_dashboard(searched: Store) -> None:
    name, storage = hostile("experiment"), open_storage(searched)
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize")
    for trial in searched.trials(1):
        value = trial.mean_auc if trial.state == "COMPLETE" else None
        study.add_trial(create_trial(state=OPTUNA_STATES[trial.state], value=value))
    publisher = Publisher(searched, storage, name)
    publisher.publish_trials()
    publisher.publish_study()
    shown = json.loads(answer(searched, storage, "/api/studies/1"))
    notes = [one["note"]["body"] for one in (shown, *shown["trials"])]
    assert all(notes)
    said = []
    for note in notes:
        for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(note):
            assert token.type != "html_block"
            for part in token.children or [token]:
                assert part.type not in ("html_inline", "image", "link_open"), note
                said.append(unescape(part.content))
    text = joined("".join(said))
    for place in ("experiment", "label", "reason", "data", "space", "note", "node", "parameter"):
        assert joined(hostile(place)) in text, place
    plots = shown["plotly_graph_objects"]
    assert plots
    for plot in plots:
        assert not [text for text in strings(json.loads(plot["graph_object"])) if "<img" in text]


@pytest.mark.parametrize(
    ("words", "places"),
    [
        (("show", "{name}", "0"), ("label", "node")),
        (("show", "{name}", "3"), ("reason", "parameter", "value")),
        (("rank", "{name}"), ("experiment",)),
        (("labels", "{name}"), ("label",)),
        (("status", "{name}"), ("experiment",)),
        (("list",), ("experiment", "data", "note")),
        (("log", "{name}", "3"), ("reason",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_in_a_terminal(tmp_path: Path, words: tuple[str, ...], places: tuple[str, ...]) -> None:
    store = open_store(f"sqlite:///{tmp_path}/sedn.db", create=True)
    name = fill_hostile(store, tmp_path, ESCAPE)
    command = [word.format(name=name) for word in words]
    done = CliRunner().invoke(app, [*command, f"--store={store.url}"], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    said = joined(done.output)
    for place in places:
        assert joined(one_line(hostile(place, ESCAPE))) in said, done.output
    assert "\x1b[2J" not in done.output
