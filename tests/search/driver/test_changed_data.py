"""Data that change while a search runs: no trial is trained on others, and none is charged."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from ray import cloudpickle
from ray.exceptions import RayTaskError

from results.database.models import TrialState
from results.database.store import open_store
from search.backends.ray_tune.bridge import DriverCallback, DriverSearcher
from search.progress import Snapshot
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.data.loading import load_dataset
from sedn.errors import DataChanged, UserError
from tests.search.histories import CONDITIONAL, history, result
from tests.sedn.data.fixtures import write_csv

SPACE = """\
name: tiny
base:
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 12
axes:
  data.image_size: {choice: [32, 40]}
  optimizer.learning_rate: {float: [3.0e-3, 1.0e-2], log: true}
"""


def drop_a_row(table: Path) -> None:
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")


def rename_an_image(table: Path) -> None:
    first = table.read_text().splitlines()[1].split(",")[0]
    image = table.parent / first
    new = image.with_name(f"new-{image.name}")
    image.rename(new)
    table.write_text(table.read_text().replace(first, str(new.relative_to(table.parent)), 1))


def flip_a_label(table: Path) -> None:
    head, first, *rest = table.read_text().splitlines()
    cells = first.split(",")
    at = next(i for i, cell in enumerate(cells) if cell in ("0", "1"))
    cells[at] = str(1 - int(cells[at]))
    table.write_text("\n".join([head, ",".join(cells), *rest]) + "\n")


@pytest.mark.parametrize("after", [0, 1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("change", [drop_a_row, rename_an_image, flip_a_label])
def test_a_worker_that_meets_other_data_ends_the_search(
    change, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that starts, as in the place of one that was lost, reads the data anew."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    table = write_csv(tmp_path / "data")
    before = {path: path.read_bytes() for path in table.parent.rglob("*") if path.is_file()}
    (tmp_path / "tiny.yaml").write_text(SPACE)
    settings = SearchSettings(
        data=str(table), trials=3, seed=1, sampler="random", scheduler="none", futility=False
    )

    def search(watch=lambda snapshot: None) -> bool:
        resources = Resources(backend="local", storage_path="runs")
        url = "sqlite:///sedn.db"
        return run_search("n", "tiny.yaml", settings, url, resources, watch=watch).finished

    changed = False

    def watch(snapshot: Snapshot) -> None:
        nonlocal changed
        if not changed and snapshot.ended >= after:
            change(table)
            load_dataset.cache_clear()
            changed = True

    said = f"the data at '{table}' has changed since"
    with pytest.raises(DataChanged, match=said):
        search(watch)
    rows = open_store("sqlite:///sedn.db").trials(1)
    assert all(row.state in (TrialState.RUNNING, TrialState.COMPLETE) for row in rows)
    if after:
        # The name of a search of which no trial was trained is free.
        with pytest.raises(UserError, match=said):
            search()
    for path in table.parent.rglob("*"):
        if path.is_file():
            path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    load_dataset.cache_clear()
    assert search()
    rows = open_store("sqlite:///sedn.db").trials(1)
    assert [row.state for row in rows] == 3 * [TrialState.COMPLETE]


def test_ray_is_told_to_end_and_no_trial_is_charged(tmp_path: Path) -> None:
    with history(CONDITIONAL, SearchSettings(trials=2, sampler="random")) as search:
        searcher = DriverSearcher(search.driver)
        assert isinstance(searcher.suggest("1"), dict)
        search.driver.report(0, result(1, 0.5))
        file = tmp_path / "error.pkl"
        file.write_bytes(cloudpickle.dumps(RayTaskError("step", "…", DataChanged("changed"))))
        trial = SimpleNamespace(trial_id="1", pickled_error_file=str(file), error_file=None)
        DriverCallback(search.driver, searcher).on_trial_error(1, [], trial)
        assert isinstance(searcher.broken_off_by, DataChanged)
        assert searcher.suggest("2") == DriverSearcher.FINISHED
        [row] = search.store.trials(search.experiment.id)
        assert row.state is TrialState.RUNNING
