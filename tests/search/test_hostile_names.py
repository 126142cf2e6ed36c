"""Names that come from data are shown as they are, and are nothing else, wherever they stand."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from results.database.scanning.labels import LabelAucArrays
from results.database.store import Store, open_store
from results.ranking.by_label import best_by_label
from results.report.contents import read_findings
from results.report.page import render_report
from search.cli.commands.predict import short_lines
from search.cli.console import Terminal
from search.cli.tables import comparison_table, experiments_table, labels_table
from search.cli.tables import test_table as build_table
from sedn.config import build_config
from sedn.data.dataset import Dataset, Split
from sedn.prediction.predict import Prediction
from sedn.run.calibration import Calibration
from sedn.run.comparison import PairedAuc, RunComparison
from sedn.run.model_card import CARD, write_card
from sedn.run.model_file import ModelHeader
from sedn.style import one_line
from tests.results.report.test_report import Page
from tests.results.rows import add_trial, new_experiment
from tests.search.cli.test_tables import summarise

NASTY = [
    *("fit [slim]", "[other]", "a[/]b", "[red]x[/red]", "\\[x]", "[link=http://x.y]z[/link]"),
    *(":smile:", "a|b", "a`b`", "**b**", "_i_", "~~s~~", "<b>x</b>", "<script>alert(1)</script>"),
    *("&lt;", "&#65;", "![i](http://x.y/z.png)", "[t](http://x.y)", "http://x.y", "$x$", "%{y}"),
    *("\x1b[2Jx", "\x1b]0;t\x07", "a\nb", "a\rb", "a\tb", "\u202eabc", "a\x00b", "\x9b31m"),
    *("größe", "サイズ", "a--b", "# h", "1. x", "$(touch x)", "'; x", '"', "-x", "{x}", "\\"),
]
CONTROLS = set(map(chr, [*range(10), *range(11, 32), *range(127, 160)]))
names = st.sampled_from(NASTY) | st.text(
    st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp", "Cn", "Mn", "Me")) | st.just(" "),
    min_size=1,
    max_size=20,
).filter(lambda name: name == name.strip() and name != "mean")
several = st.lists(names, min_size=2, max_size=4, unique_by=one_line)


def draw(shown: object) -> str:
    terminal = Terminal(file=io.StringIO(), width=2000, force_terminal=True)
    terminal.print(shown)
    return terminal.file.getvalue()


def without_spaces(text: str) -> str:
    return "".join(text.split())


def is_told(said: str, labels: list[str]) -> None:
    """Each label is there in full, and the terminal is given nothing but styles."""
    # A title that is wider than its table is broken at spaces.
    plain = without_spaces(re.sub(r"\x1b\[[0-9;]*m", "", said))
    for label in labels:
        assert without_spaces(one_line(label)) in plain
    for part in said.split("\x1b[")[1:]:
        assert part.lstrip("0123456789;").startswith("m"), "a style, not a label's own sequence"
    assert not set(said.replace("\x1b[", "")) & CONTROLS


@given(several)
@example(NASTY)
@example(["b", "a " + "\U000e0001" * 18])
@example(["/\n0", "fit [slim]"])
@settings(max_examples=60, deadline=None)
def test_terminal_tables_hold_names_as_they_are(labels: list[str]) -> None:
    is_told(draw(build_table(summarise(labels, labels[:1]), labels[0])), labels)
    rows = tuple(PairedAuc(label, 0.9, 0.8, 0.1, 0.02, 0.125) for label in labels)
    is_told(draw(comparison_table(RunComparison(rows, rows[0]), labels[0], labels[1])), labels)
    counts = [
        SimpleNamespace(name=label, validation_positives=8, validation_known=40) for label in labels
    ]
    none = LabelAucArrays([], np.empty((0, len(labels))), np.empty((0, len(labels))))
    best = best_by_label(counts, [], [none], lambda _: none)
    is_told(draw(labels_table(best, labels[0])), labels)
    row = {"searching": False, "trials": 1, "running": 0, "asked": 2, "best_auc": None}
    row |= {"name": labels[0], "data": labels[0], "tags": labels[:1], "note": labels[0]}
    is_told(draw(experiments_table([row], labels[1])), labels[:2])


@given(several)
@example(NASTY)
@settings(max_examples=30, deadline=None)
def test_predictions_in_a_terminal_hold_names_as_they_are(labels: list[str]) -> None:
    logits = np.zeros(len(labels), dtype=np.float32)
    sure = dict.fromkeys(labels, 0.5)
    prediction = Prediction(labels[0], sure, tuple(labels[:1]), logits, lacks_mask=False)
    (line,) = short_lines(iter([prediction]), len(labels))
    assert line.count("\n") == 1
    is_told(line, labels)


@given(several)
@example(NASTY)
@settings(max_examples=40, deadline=None)
def test_a_model_card_holds_names_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("card")
    header = ModelHeader(
        build_config({}, "test"), tuple(labels), tuple(labels), False,
        Calibration(1.0, tuple([0.5] * len(labels)), ()),
    )  # fmt: skip
    pixels = np.zeros((1, 2, 2, 3), dtype=np.uint8)
    split = Split(pixels, pixels, np.ones(1, dtype=bool), np.ones((1, 1), np.float32), ("a",))
    splits = dict.fromkeys(("train", "validation", "test"), split)
    dataset = Dataset(labels[0], tuple(labels), tuple(labels), "f" * 16, splits)
    write_card(header, summarise(labels, []), dataset, folder)
    _, front, card = (folder / CARD).read_text(encoding="utf-8").split("---\n", 2)
    metrics = yaml.safe_load(front)["model-index"][0]["results"][0]["metrics"]
    assert [m["name"].removeprefix("ROC AUC of ") for m in metrics[1:]] == labels
    cells, rest = [], []
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(card):
        parts = token.children or []
        shown = "".join(part.content for part in parts)
        kinds = {part.type for part in parts}
        (cells if shown in map(one_line, labels) else rest).append((shown, kinds))
        assert not kinds & {"image", "html_inline"}
        assert token.type != "html_block"
    assert {one_line(label) for label in labels} <= {shown for shown, _ in cells}
    assert all(kinds <= {"text", "text_special"} for _, kinds in cells)
    assert ", ".join(map(one_line, labels)) in [shown for shown, _ in rest]


@given(several)
@example(NASTY)
@settings(max_examples=15, deadline=None)
def test_a_report_holds_names_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str]
) -> None:
    store = filled(tmp_path_factory.mktemp("store") / "sedn.db", labels)
    html = render_report(read_findings(store, "rows"))
    assert "<script>alert" not in html
    said = Page(html).text
    for label in labels:
        assert " ".join(label.split()) in " ".join(said.split())


def filled(path: Path, labels: list[str]) -> Store:
    store = open_store(f"sqlite:///{path}", create=True)
    experiment = new_experiment(store, labels=labels)
    for number, role in enumerate(("baseline", "sampled")):
        add_trial(
            store,
            experiment,
            number,
            0.9,
            role=role,
            labels=dict.fromkeys(labels, (0.9, 0.01)),
            embedding={"placement": "stage1" if number else "none"},
        )
    return store


@pytest.mark.parametrize("command", ["rank", "labels", "status"])
def test_a_terminal_without_unicode_shows_what_it_can(tmp_path: Path, command: str) -> None:
    filled(tmp_path / "sedn.db", [label for label in NASTY if "\x00" not in label])
    done = subprocess.run(
        [sys.executable, "-m", "search.cli.main", command, "rows"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        encoding="ascii",
    )
    assert done.returncode == 0, done.stderr
    assert "rows" in done.stdout
    if command == "labels":
        assert "fit [slim]" in done.stdout
        assert "gr\\xf6\\xdfe" in done.stdout
        assert "\x1b" not in done.stdout
