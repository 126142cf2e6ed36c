"""`sedn list`, `rename`, `delete`, `note` and `tag` as they are typed."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from search.cli.main import app
from search.lock import sole_driver
from sedn.errors import UserError
from tests.search.places import Place


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Two experiments, of which the second has not ended."""
    place = Place(f"sqlite:///{tmp_path}/sedn.db", f"{tmp_path}/runs")
    monkeypatch.setenv("SEDN_STORE", place.url)
    monkeypatch.setenv("COLUMNS", "80")
    place.search("spring")
    place.search("summer", epochs=7)
    return place


def sedn(*words: str, said: str | None = None) -> Result:
    return CliRunner().invoke(app, words, input=said)


def done(*words: str, said: str | None = None) -> Result:
    result = sedn(*words, said=said)
    assert result.exit_code == 0, result.output
    return result


def refused(*words: str, said: str | None = None) -> str:
    result = sedn(*words, said=said)
    assert isinstance(result.exception, UserError), result.output
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_experiments_are_listed_with_what_is_known_of_them(place: Place) -> None:
    done("note", "spring", "the first try, with\nthe old masks")
    done("tag", "spring", "good", "paper")
    with sole_driver(place.open().engine, "summer"):
        rows = json.loads(done("list", "--json").stdout)
        table = done("list").stdout
    best = place.open().trials(1)
    assert rows[0] | {"created_at": None} == {
        **{"name": "spring", "created_at": None, "asked": 4, "trials": 4, "running": 0},
        **{"complete": 4, "stopped_early": 0, "failed": 0, "searching": False},
        "best_trial": max(best, key=lambda trial: trial.mean_auc or 0).number,
        "best_auc": max(trial.mean_auc or 0 for trial in best),
        **{"data": "/data/products/data.yaml", "data_fingerprint": "0" * 16, "space": "flat"},
        **{"scheduler": "none", "tags": ["good", "paper"], "confirms": None, "folds": None},
        **{"note": "the first try, with\nthe old masks", "test_reads": 0},
    }
    names = ("name", "trials", "running", "complete", "searching")
    assert {name: rows[1][name] for name in names} == {
        **{"name": "summer", "trials": 3, "running": 1, "complete": 2, "searching": True},
    }
    assert max(map(len, table.splitlines())) <= 80
    lines = [line.strip() for line in table.splitlines()]
    spring, summer = (next(line for line in lines if line.startswith(n)) for n in ("sp", "su"))
    assert spring.split()[:4] == ["spring", "ended", "4/4", f"{rows[0]['best_auc']:.4f}"]
    assert "products" in spring
    assert "good" in table
    assert summer.split()[:3] == ["summer", "searching", "2/4"]
    assert "not ended" in done("list").stdout


def test_experiments_are_found_by_their_tags(place: Place) -> None:
    assert done("tag", "spring", "good", "paper", "good").stdout.split() == ["good", "paper"]
    assert [row["name"] for row in json.loads(done("list", "--tag=good", "--json").stdout)] == [
        "spring"
    ]
    assert refused("list", "--tag", "goood") == (
        "--tag goood: no experiment has this tag; did you mean 'good'?"
    )
    assert done("tag", "spring", "--remove", "good").stdout.split() == ["paper"]
    assert "'spring' has no such tag; its tags are paper" in refused(
        "tag", "spring", "--remove", "good"
    )
    for word in ("two words", "a,b", "", "x" * 51):
        assert "a tag is one word of up to 50 characters" in refused("tag", "spring", word)
    assert done("tag", "spring").stdout.split() == ["paper"]


def test_a_note_is_written_printed_and_removed(place: Place) -> None:
    assert done("note", "spring").stdout == ""
    done("note", "spring", "  the [first] try \x1b[2J")
    assert done("note", "spring").stdout == "the [first] try \\x1b[2J\n"
    assert "may have 10,000" in refused("note", "spring", "x" * 10_001)
    done("note", "spring", "")
    assert done("note", "spring").stdout == ""


def test_a_deletion_is_asked_about(place: Place) -> None:
    folder = Path(place.storage, place.open().experiment("spring").folder)
    for answer in ("n\n", "", "\n"):
        said = refused("delete", "spring", said=answer)
        assert said == "nothing of 'spring' is deleted; --yes deletes without asking"
    assert folder.is_dir()
    result = done("delete", "spring", said="y\n")
    assert "Experiment 'spring': 4 trials" in result.stderr
    assert f"Checkpoints: {folder}" in result.stderr
    assert not folder.exists()
    assert "no experiment 'spring' in this database" in refused("delete", "spring", "--yes")
    assert json.loads(done("list", "--json").stdout)[0]["name"] == "summer"


def test_checkpoints_are_kept_where_that_is_asked(place: Place) -> None:
    folder = Path(place.storage, place.open().experiment("spring").folder)
    done("delete", "spring", "--yes", "--keep-checkpoints")
    assert len(list(folder.glob("*/checkpoint.pt"))) == 4


def test_a_renamed_experiment_is_listed_by_its_name(place: Place) -> None:
    done("rename", "summer", "winter")
    assert [row["name"] for row in json.loads(done("list", "--json").stdout)] == [
        *("spring", "winter"),
    ]
    assert "is there already" in refused("rename", "winter", "spring")
    assert "the new name '-x y'" in refused("rename", "winter", "--", "-x y")


def test_a_database_without_experiments_says_so(tmp_path: Path) -> None:
    empty = Place(f"sqlite:///{tmp_path}/empty.db", "")
    empty.open()
    result = done("list", f"--store={empty.url}")
    assert "holds no experiment yet; `sedn search` makes one" in " ".join(result.stderr.split())
    assert json.loads(done("list", "--json", f"--store={empty.url}").stdout) == []


def test_tables_are_written_for_other_programs(place: Place, tmp_path: Path) -> None:
    result = done("store", "frames", "spring", "-o", str(tmp_path / "frames"))
    assert "trials.parquet: 4 rows" in result.stderr
    assert len(pd.read_parquet(tmp_path / "frames" / "epochs.parquet")) == 12
    (tmp_path / "file").write_text("")
    assert "file: cannot be made" in refused("store", "frames", "spring", "-o", f"{tmp_path}/file")


def test_a_backup_is_merged_into_another_database(place: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert f"--store sqlite:///{copy}" in done("store", "backup", str(copy)).stderr
    other = f"--store=sqlite:///{tmp_path}/other.db"
    said = done("store", "merge", str(copy), "--only=spring", "--as=autumn", other).stderr
    assert "Took experiment 'spring' as 'autumn': 4 trials" in said
    said = done("store", "merge", f"sqlite:///{copy}", other).stderr
    assert "is in " in said
    assert "Took experiment 'summer': 3 trials" in said
    assert [row["name"] for row in json.loads(done("list", "--json", other).stdout)] == [
        *("autumn", "summer"),
    ]
    assert "say which with --only" in refused("store", "merge", str(copy), "--as=x", other)
    assert "no experiment 'sprin'" in refused("store", "merge", str(copy), "--only=sprin", other)
    assert "absent.db: no results yet" in refused("store", "merge", f"{tmp_path}/absent.db")
