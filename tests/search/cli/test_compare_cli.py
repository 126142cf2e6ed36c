"""`sedn compare` as a user meets it: words, a table of eighty columns, JSON, a page."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from results import open_store
from search.cli.main import app
from sedn.errors import UserError
from tests.pages import loaded_from_elsewhere
from tests.results.rows import new_experiment
from tests.results.scored import add_scored, split_of

LABELS = ("red", "striped", "a label with a name that needs two lines of a narrow table")


@pytest.fixture
def searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///sedn.db", create=True)
    rng = np.random.default_rng(0)
    targets = (rng.normal(size=(120, 3)) > 0.8) * 1.0
    number = new_experiment(store, "spring", LABELS)
    split, noise = split_of(targets), rng.normal(size=(120, 3))
    scored = {"labels": LABELS}
    plain, better = noise + targets, noise + [4.0, 1.1, 1.0] * targets
    add_scored(store, number, 0, split, plain, tmp_path, role="baseline", **scored)
    placed = {"embedding": {"placement": "stage1"}}
    better = better + 0.3 * rng.normal(size=better.shape)
    add_scored(store, number, 1, split, better, tmp_path, **scored, **placed)
    return tmp_path


def run(*words: str) -> str:
    found = CliRunner().invoke(app, ["compare", *words], env={"COLUMNS": "80"})
    if found.exception is not None:
        raise found.exception
    return found.stdout


def test_the_effect_comes_first_then_a_table_of_eighty_columns(searched: Path) -> None:
    lines = run("spring").splitlines()
    assert lines[0].startswith("spring is higher than spring:baseline in mean AUC: 0.")
    assert lines[1].startswith("1 of 3 labels differ (Holm): spring is higher for red.")
    table = lines[2:-2]
    assert max(map(len, table)) <= 80
    rows = [line.split() for line in table if line.strip()]
    (red,) = [row for row in rows if row[0] == "red"]
    assert 0 < float(red[-1]) < 0.05
    assert "…" not in "".join(table), "nothing is cut off"
    assert "One training each" in lines[-2]


def test_json_has_all_of_it(searched: Path) -> None:
    found = json.loads(run("spring:1", "spring:0", "--json"))
    assert found["first"] == {"name": "spring:1", "what": "trial 1", "seeds": 1}
    assert [row["label"] for row in found["labels"]] == list(LABELS)
    assert found["labels"][0]["differs"] is True
    assert found["mean"]["low"] < found["mean"]["difference"] < found["mean"]["high"]
    assert found["images"] == found["draws"] == 120


def test_the_page_stands_alone(searched: Path) -> None:
    run("spring", "-o", "page.html")
    page = (searched / "page.html").read_text()
    assert "<h1>spring and spring:baseline</h1>" in page
    assert '<figure id="figure-forest"' in page
    assert loaded_from_elsewhere(page) == []


def test_runs_need_no_store(tmp_path: Path, searched: Path) -> None:
    (one, other) = sorted((searched / "scored").glob("*"))
    (tmp_path / "sedn.db").unlink()
    assert "in mean AUC" in run(str(other), str(one))
    with pytest.raises(UserError, match="no results yet"):
        run("spring", str(one))


def test_a_moved_storage_path_is_found(searched: Path) -> None:
    (searched / "there").mkdir()
    (searched / "scored").rename(searched / "there" / "scored")
    with pytest.raises(UserError, match="experiment 'spring', trial 1: its predictions are not at"):
        run("spring")
    assert "in mean AUC" in run("spring", "--storage-path", str(searched / "there"))
