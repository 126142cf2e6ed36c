"""`sedn clean` frees what no command needs, says so before, and leaves all else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from results.database.models import TrialState
from results.database.store import Store, open_store
from results.ranking.leaders import rank
from search.cleaning import plan_cleaning
from search.cli.commands import status
from search.cli.main import app
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
from sedn.style import byte_text
from sedn.training.checkpoints.files import write
from tests.search.curves import make_curves

CHECKPOINT, SCORES = b"c" * 100_000, b"s" * 500
SCHEDULERS = {
    "stops": {"scheduler": "asha", "grace_epochs": 1, "reduction_factor": 2},
    "pauses": {"scheduler": "promote", "grace_epochs": 1, "reduction_factor": 2},
    "none": {"scheduler": "none"},
}


def train_with_files(config: Any, folder: str, after: int, bounds: Any) -> Iterator[Any]:
    """Known curves; each epoch leaves a checkpoint of the trial and one of a fold, and scores."""
    for result in make_curves(fail_at=0.05)(config, folder, after, bounds):
        write(folder, "checkpoint.pt", CHECKPOINT)
        write(f"{folder}/fold-1", "checkpoint.pt", CHECKPOINT)
        write(folder, "predictions.npz", SCORES)
        yield result


def searched(tmp_path: Path, space: Path, kind: str, trials: int = 16) -> Store:
    url = f"sqlite:///{tmp_path}/sedn.db"
    where = Resources(backend="local", storage_path=str(tmp_path / "runs"))
    settings = SearchSettings(trials=trials, seed=1, sampler="random", **SCHEDULERS[kind])
    run_search("spring", str(space), settings, url, where, train=train_with_files)
    return open_store(url)


def sedn(*words: str, answer: str | None = None) -> str:
    done = CliRunner().invoke(app, words, input=answer)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return " ".join(done.output.split())


def checkpoints(store: Store) -> set[int]:
    """Numbers of the trials that have their checkpoints, of which none has one of two."""
    trials = store.trials(1)
    found = {}
    for row in trials:
        places = (Path(row.folder), Path(row.folder) / "fold-1")
        there = {(place / "checkpoint.pt").is_file() for place in places}
        assert len(there) == 1
        found[row.number] = there.pop()
    return {number for number, there in found.items() if there}


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_the_best_and_what_may_go_on_stay(kind: str, tmp_path: Path, space_file: Path) -> None:
    store = searched(tmp_path, space_file, kind)
    before, scores = checkpoints(store), sorted(tmp_path.rglob("predictions.npz"))
    states = {row.number: row.state for row in store.trials(1)}
    best = {int(number) for number in rank(store, "spring")["trial"][:2]}
    plan = plan_cleaning(store, store.experiment("spring"), keep=2)
    assert checkpoints(store) == before, "a plan removes nothing"
    said = sedn("clean", "spring", f"--store={store.url}", "--keep=2", "--yes")
    left = checkpoints(store)
    stay = best | {0} | {n for n, state in states.items() if state is TrialState.RUNNING}
    assert left == before & stay
    assert left < before
    assert plan.freed_bytes == len(before - left) * 2 * len(CHECKPOINT)
    assert f"Freed {byte_text(plan.freed_bytes)}." in said
    assert sorted(tmp_path.rglob("predictions.npz")) == scores
    assert "Nothing to free" in sedn("clean", "spring", f"--store={store.url}", "--keep=2")


def test_nothing_is_removed_without_a_yes(tmp_path: Path, space_file: Path) -> None:
    store = searched(tmp_path, space_file, "none", trials=5)
    before = checkpoints(store)
    words = ("clean", "spring", f"--store={store.url}", "--keep=1")
    for answer in ("n\n", ""):
        with pytest.raises(UserError, match="nothing of 'spring' is removed; --yes removes"):
            sedn(*words, answer=answer)
    assert checkpoints(store) == before
    assert "Frees " in sedn(*words, answer="y\n")
    assert checkpoints(store) < before


def test_a_search_goes_on_after_a_cleaning_as_without(tmp_path: Path, space_file: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    cleaned = searched(tmp_path / "a", space_file, "pauses", trials=8)
    sedn("clean", "spring", f"--store={cleaned.url}", "--keep=1", "--yes")
    searched(tmp_path / "a", space_file, "pauses", trials=16)
    searched(tmp_path / "b", space_file, "pauses", trials=8)
    other = searched(tmp_path / "b", space_file, "pauses", trials=16)
    what = [(r.number, r.state, r.epochs, r.mean_auc) for r in cleaned.trials(1)]
    assert what == [(r.number, r.state, r.epochs, r.mean_auc) for r in other.trials(1)]


def test_what_is_no_trials_stays(tmp_path: Path, space_file: Path) -> None:
    store = searched(tmp_path, space_file, "none", trials=4)
    folder = Path(store.trials(1)[0].folder).parent
    (folder / "99999").mkdir()
    (folder / "99999" / "checkpoint.pt").write_bytes(CHECKPOINT)
    (folder / "checkpoint.pt").write_bytes(CHECKPOINT)
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "checkpoint.pt").write_bytes(CHECKPOINT)
    (folder / "00001" / "fold-9").symlink_to(outside)
    sedn("clean", "spring", f"--store={store.url}", "--keep=1", "--yes")
    for place in (folder / "99999", folder, outside):
        assert (place / "checkpoint.pt").is_file()


def test_status_says_how_much_disk_is_in_use(
    tmp_path: Path, space_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = searched(tmp_path, space_file, "none", trials=3)
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    expected = sum(path.stat().st_size for path in files)
    read = json.loads(sedn("status", "spring", f"--store={store.url}", "--json"))
    assert read["disk_bytes"] == expected
    said = sedn("status", "spring", f"--store={store.url}")
    assert f"Checkpoints and scores: {byte_text(expected)}; `sedn clean` frees" in said
    monkeypatch.setattr(status, "DISK_SECONDS", 0.0)
    assert "scores: more than " in sedn("status", "spring", f"--store={store.url}")
    assert json.loads(sedn("status", "spring", f"--store={store.url}", "--json")) == read


def test_fewer_than_one_cannot_be_kept(tmp_path: Path, space_file: Path) -> None:
    store = searched(tmp_path, space_file, "none", trials=2)
    with pytest.raises(UserError, match="keep"):
        sedn("clean", "spring", f"--store={store.url}", "--keep=0", "--yes")
