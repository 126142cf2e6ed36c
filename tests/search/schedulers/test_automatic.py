"""The scheduler of a search whose user names none."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from results.database.store import open_store
from search.backends.local import run_local
from search.run import run_search
from search.samplers.registry import SAMPLERS
from search.schedulers.automatic import choose_scheduler
from search.schedulers.choosing import check_scheduler
from search.settings import MANY_TRIALS, Resources, SearchSettings
from sedn.errors import UserError
from tests.search.histories import FLAT, height, history, result

CHOSEN = [
    ({}, "promote"),
    ({"trials": MANY_TRIALS}, "promote"),
    ({"trials": MANY_TRIALS - 1}, "asha"),
    ({"objective": ("auc", "latency")}, "asha"),
    ({"objective": ("worst-auc",)}, "asha"),
    ({"where": ("latency_ms<5",)}, "asha"),
    ({"sampler": "curve-gp"}, "promote"),
    ({"sampler": "gp"}, "asha"),
    ({"sampler": "optuna.samplers:TPESampler"}, "asha"),
    ({"scheduler": "none"}, "none"),
    ({"scheduler": "asha"}, "asha"),
]


@pytest.mark.parametrize(("fields", "name"), CHOSEN)
def test_the_scheduler_is_chosen_by_the_search(fields: dict[str, Any], name: str) -> None:
    settings, line = choose_scheduler(SearchSettings(**fields), 12)
    assert settings.scheduler == name
    assert (line is None) == ("scheduler" in fields)
    assert line is None or name in line


@given(
    trials=st.integers(1, 200),
    sampler=st.sampled_from(sorted(SAMPLERS)),
    epochs=st.integers(1, 60),
    folds=st.integers(1, 5),
    grace=st.none() | st.integers(1, 20),
)
def test_what_is_chosen_fits_and_is_chosen_once(
    trials: int, sampler: str, epochs: int, folds: int, grace: int | None
) -> None:
    given_settings = SearchSettings(trials=trials, sampler=sampler, grace_epochs=grace)
    chosen, _ = choose_scheduler(given_settings, epochs)
    assert choose_scheduler(chosen, epochs) == (chosen, None)
    assert grace in (None, chosen.grace_epochs)
    if grace is None or grace < epochs:
        check_scheduler(given_settings, epochs, folds)
        check_scheduler(chosen, epochs, folds)


def search_once(path: Path, notices: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    """Start a search, or go on with it; the settings that its experiment keeps."""
    (path / "space.yaml").write_text(FLAT)
    url = f"sqlite:///{path}/s.db"

    def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Any:
        for epoch in range(after_epoch + 1, config.epochs + 1):
            yield result(epoch, height(config))

    run_search(
        "auto",
        str(path / "space.yaml"),
        SearchSettings(sampler="random", **fields),
        url,
        Resources(backend="local", storage_path=str(path)),
        train=train,
        on_notice=(notices if notices is not None else []).append,
    )
    return dict(open_store(url).experiment("auto").settings)


def schedulers_in(notices: list[str]) -> list[str]:
    return [line for line in notices if line.startswith("Scheduler")]


def test_a_search_keeps_the_scheduler_that_was_chosen_at_its_start(tmp_path: Path) -> None:
    notices: list[str] = []
    kept = search_once(tmp_path, notices, trials=3)
    assert (kept["scheduler"], kept["grace_epochs"]) == ("asha", None)
    assert len(schedulers_in(notices)) == 1
    # With so many trials another would be chosen for a new search.
    longer = search_once(tmp_path, notices, trials=MANY_TRIALS)
    assert (longer["scheduler"], longer["grace_epochs"]) == ("asha", None)
    assert search_once(tmp_path, notices, trials=MANY_TRIALS, scheduler="asha") == longer
    assert len(schedulers_in(notices)) == 1, "said at the start alone"
    with pytest.raises(UserError, match="was started with scheduler = 'asha', not 'promote'"):
        search_once(tmp_path, trials=MANY_TRIALS, scheduler="promote")


def test_the_first_rung_that_was_chosen_is_kept_too(tmp_path: Path) -> None:
    kept = search_once(tmp_path, trials=MANY_TRIALS, epochs=17)
    assert (kept["scheduler"], kept["grace_epochs"]) == ("promote", 2)
    again = search_once(tmp_path, trials=MANY_TRIALS + 1, epochs=17)
    assert (again["scheduler"], again["grace_epochs"]) == ("promote", 2)
    with pytest.raises(UserError, match="was started with grace_epochs = 2, not 3"):
        search_once(tmp_path, trials=MANY_TRIALS + 1, epochs=17, grace_epochs=3)


PROMOTE = {"sampler": "random", "scheduler": "promote", "grace_epochs": 1, "reduction_factor": 2}


@given(
    trials=st.integers(1, 8),
    plateau=st.none() | st.integers(1, 3),
    heights=st.lists(st.floats(0.5, 1.0), min_size=8, max_size=8),
)
@hypothesis_settings(max_examples=10, deadline=None)
def test_under_promotion_the_baseline_waits_and_is_trained_to_its_end(
    trials: int, plateau: int | None, heights: list[float]
) -> None:
    settings = SearchSettings(trials=trials, plateau=plateau, **PROMOTE)
    trained: list[tuple[int, int]] = []
    with history(FLAT, settings) as search:

        def train(config: Any, folder: str, after_epoch: int, bounds: Any) -> Any:
            number = int(Path(folder).name)
            for epoch in range(after_epoch + 1, config.epochs + 1):
                trained.append((number, epoch))
                yield result(epoch, heights[number])

        run_local(search.driver, train)
        states = [row.state.value for row in search.store.trials(search.experiment.id)]
    assert states[0] == "COMPLETE"
    assert trained[0] == (0, 1)
    assert trials == 1 or trained[1] == (1, 1), "the baseline waits at its first rung"
