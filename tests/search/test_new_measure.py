"""A cost that is added by one entry is measured, stored, optimised, bounded, ranked and shown."""

from pathlib import Path

import pytest

from results.database.store import open_store
from results.ranking.leaders import rank
from results.report.contents import read_findings
from results.report.page import write_report
from search.cli.tables import ranking_table
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.measures import COSTS, Measure, register_cost
from sedn.style import byte_text
from sedn.training.cost import Probe
from tests.results.rows import columns_of


def weight_bytes(probe: Probe) -> float:
    return sum(p.numel() * p.element_size() for p in probe.network.parameters())


WEIGHTS = Measure("size of the weights", "weights", byte_text, objective="weights", is_fixed=True,
                  measure=weight_bytes)  # fmt: skip
SPACE = """\
name: tiny
description: two sizes
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 12
axes:
  embedding.placement: {choice: [none, stage3]}
"""


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sedn.measures.COSTS", COSTS)
    monkeypatch.setitem(COSTS, "weight_bytes", WEIGHTS)


def test_it_goes_all_the_way(registered: None, table: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SPACE)
    settings = SearchSettings(
        data=str(table),
        trials=2,
        sampler="random",
        scheduler="none",
        objective=("auc", "weights"),
        where=("weight_bytes<1G",),
    )
    url = f"sqlite:///{tmp_path}/sedn.db"
    where = Resources(backend="local", storage_path=str(tmp_path / "trials"))
    assert run_search("tiny", str(tmp_path / "tiny.yaml"), settings, url, where).finished

    store = open_store(url)
    ranked = rank(store, "tiny")
    sizes = ranked.set_index("role")["weight_bytes"]
    assert sizes["baseline"] == 4 * ranked.set_index("role")["parameters"]["baseline"]
    assert ranked["feasible"].all()
    goals = read_findings(store, "tiny").goals
    heads = [
        str(column.header) for column in ranking_table(columns_of(ranked), "tiny", goals).columns
    ]
    assert "weights" in heads
    write_report(store, "tiny", tmp_path / "report.html")
    assert "size of the weights" in (tmp_path / "report.html").read_text()


def test_a_name_that_is_taken_is_refused() -> None:
    before = dict(COSTS)
    for name, measure in (("flops", WEIGHTS), ("mean_auc", WEIGHTS), ("mine", COSTS["flops"])):
        with pytest.raises(ValueError, match="is taken"):
            register_cost(name, measure)
    assert before == COSTS
