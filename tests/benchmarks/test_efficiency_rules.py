"""The rules of our schedulers over random draws, as the benchmark of efficiency simulates them."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.efficiency_peers import simulate_peer
from benchmarks.efficiency_rules import PEERS_BY_RULE
from benchmarks.half_curves import HALVES, half_of
from benchmarks.record import CURVES
from search.simulation.curves import read_curves


def test_the_halves_share_no_training_and_no_label() -> None:
    table = pq.read_table(CURVES)
    frame = table.to_pandas()
    halves = [half_of(table, half).to_pandas() for half in HALVES]
    assert [sorted(half["seed"].unique()) for half in halves] == [[0], [1]]
    for half in halves:
        assert len(half) == len(frame) / 2
    labels = [name for name in frame.columns if name.startswith("auc.")]
    first = frame[frame["seed"] == 0]
    assert np.allclose(first[labels[::2]].mean(axis=1), halves[0]["mean_auc"])


@pytest.mark.parametrize("name", PEERS_BY_RULE)
def test_every_rule_trains_the_baseline_and_another_trial_to_the_end(name: str) -> None:
    recorded = read_curves(CURVES)
    found = simulate_peer(recorded, PEERS_BY_RULE[name], trials=10, seed=0, workers=2)
    assert found.trials == 10
    longest = 10 * recorded.epochs
    assert 2 * recorded.epochs < len(found.seconds) <= longest
    assert (len(found.seconds) == longest) == (name == "no scheduler")
