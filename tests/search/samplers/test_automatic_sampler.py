"""The sampler of a search whose user names none."""

from pathlib import Path
from typing import Any

import pytest

from results.database.store import open_store
from search.run import run_search
from search.samplers.automatic import MOST_TRIALS, choose_sampler
from search.samplers.choosing import make_samplers
from search.samplers.curve_gp import CurveGp
from search.samplers.recent import RecentTpe
from search.schedulers.automatic import choose_scheduler
from search.settings import MANY_TRIALS, Resources, SearchSettings
from sedn.errors import UserError
from tests.search.curves import make_curves
from tests.search.histories import FLAT, space_of

CHOSEN = [
    ({}, "curve-gp"),
    ({"trials": MANY_TRIALS}, "curve-gp"),
    ({"trials": MANY_TRIALS - 1}, "tpe"),
    ({"trials": MOST_TRIALS}, "curve-gp"),
    ({"trials": MOST_TRIALS + 1}, "tpe"),
    ({"scheduler": "promote"}, "curve-gp"),
    ({"scheduler": "asha"}, "tpe"),
    ({"scheduler": "none"}, "tpe"),
    ({"objective": ("auc", "latency")}, "tpe"),
    ({"objective": ("worst-auc",)}, "tpe"),
    ({"where": ("latency_ms<5",)}, "tpe"),
    ({"sampler_options": {"n_ei_candidates": 48}}, "tpe"),
    ({"sampler": "random"}, "random"),
    ({"sampler": "tpe"}, "tpe"),
]


@pytest.mark.parametrize(("fields", "name"), CHOSEN)
def test_the_sampler_is_chosen_by_the_search(fields: dict[str, Any], name: str) -> None:
    given = SearchSettings(**fields)
    settings, line = choose_sampler(given)
    assert settings.sampler == name
    assert (line is None) == ("sampler" in fields)
    assert line is None or name in line
    assert choose_sampler(settings) == (settings, None)
    drawn_by = {"curve-gp": CurveGp, "tpe": RecentTpe}.get(name)
    if drawn_by is not None:
        assert isinstance(make_samplers(given, space_of(FLAT))(1), drawn_by)


@pytest.mark.parametrize(("fields", "name"), CHOSEN)
def test_the_scheduler_is_the_same_whether_the_sampler_was_named(
    fields: dict[str, Any], name: str
) -> None:
    given = SearchSettings(**fields)
    named = choose_scheduler(given.model_copy(update={"sampler": name}), 12)[0].scheduler
    assert choose_scheduler(given, 12)[0].scheduler == named


def search_once(path: Path, said: list[str], **fields: Any) -> str:
    """Start a search, or go on with it; the sampler that its experiment keeps."""
    (path / "space.yaml").write_text(FLAT)
    url = f"sqlite:///{path}/s.db"
    where = Resources(backend="local", storage_path=str(path))
    settings = SearchSettings(**fields)
    train = make_curves(seconds=0.0, sleeps=False)
    space = str(path / "space.yaml")
    run_search("auto", space, settings, url, where, train=train, on_notice=said.append)
    return str(open_store(url).experiment("auto").settings["sampler"])


def test_a_search_keeps_the_sampler_that_was_chosen_at_its_start(tmp_path: Path) -> None:
    said: list[str] = []
    assert search_once(tmp_path, said, trials=3) == "tpe"
    # The time of all its runs is over, so that no more of the many trials begins.
    assert search_once(tmp_path, said, trials=MANY_TRIALS, time_seconds=1e-3) == "tpe"
    assert len([line for line in said if line.startswith("Sampler: tpe")]) == 1
    with pytest.raises(UserError, match="was started with sampler = 'tpe', not 'curve-gp'"):
        search_once(tmp_path, said, trials=MANY_TRIALS, sampler="curve-gp")
