"""The page on a search of very many trials stays small, and says what it leaves out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

from benchmarks.store_filling import fill
from results.database.store import Store, open_store
from results.ranking.leaders import rank
from results.report.contents import Findings, read_findings
from results.report.page import render_report
from results.report.thinning import MOST_DRAWN, choose, evenly
from tests.pages import figures_of

TRIALS = 1500
MOST_BYTES = 2_000_000
"""Of the page, without the code of plotly."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('large')}/sedn.db", create=True)
    fill(store, "large", TRIALS, epochs=20, labels=12)
    return store


@pytest.fixture(scope="module")
def found(large: Store) -> tuple[Findings, str]:
    findings = read_findings(large, "large")
    return findings, render_report(findings)


def test_the_page_of_a_large_search_is_small_and_says_what_it_leaves_out(
    large: Store, found: tuple[Findings, str]
) -> None:
    findings, page = found
    assert len(page.encode()) - len(get_plotlyjs().encode()) < MOST_BYTES
    assert len(findings.trials) <= MOST_DRAWN
    assert page.count(f"Of {TRIALS:,} trials {len(findings.trials):,} are drawn") == 4
    leaders = rank(large, "large", 30)["trial"].to_list()
    assert findings.ranked["trial"].to_list()[:30] == leaders
    assert {trial.number for trial in findings.trials} >= set(leaders[:20])
    assert f"{TRIALS} of {TRIALS}" in page, "trials that have ended, of those asked for"
    assert f"{TRIALS // 10} of {TRIALS} trials failed" in page


def test_the_best_so_far_is_that_of_all_trials(large: Store, found: tuple[Findings, str]) -> None:
    _, page = found
    complete = [
        trial for trial in large.trials(large.experiment("large").id) if trial.state == "COMPLETE"
    ]
    best: list[float] = []
    for trial in complete:
        assert trial.mean_auc is not None
        if not best or trial.mean_auc > best[-1]:
            best.append(trial.mean_auc)
    traces = figures_of(page)["history"]
    (line,) = [trace for trace in traces if trace["name"] == "best so far"]
    assert line["y"] == [*best, best[-1]]


@given(
    st.integers(0, 100_000), st.integers(30, MOST_DRAWN), st.integers(0, 200), st.integers(0, 10)
)
def test_the_trials_that_are_drawn(last: int, most: int, leaders: int, stopped: int) -> None:
    first = list(range(min(leaders, last + 1)))
    of_stopped = list(range(max(last - stopped, 0), last + 1))
    drawn = choose(last, most, first, of_stopped)
    assert drawn == sorted(set(drawn))
    assert len(drawn) <= most
    assert {0, last} <= set(drawn) <= set(range(last + 1))
    assert set(first[: most // 4]) <= set(drawn)
    if last < most:
        assert drawn == list(range(last + 1))


@given(st.lists(st.integers(), max_size=300), st.integers(2, 50))
def test_an_even_choice_keeps_both_ends_and_the_order(things: list[int], most: int) -> None:
    chosen = evenly(list(enumerate(things)), most)
    assert len(chosen) == min(most, len(things))
    assert chosen == sorted(chosen, key=lambda pair: pair[0])
    if things:
        assert (chosen[0][0], chosen[-1][0]) == (0, len(things) - 1)
