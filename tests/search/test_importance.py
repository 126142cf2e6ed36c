"""What a search says of its axes, from real searches whose truth is known."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from results import axis_effects, find_importance, importance, write_report
from results.axes.words import answer, assumptions
from search.cli.main import app
from search.settings import SearchSettings
from tests.search.histories import FLAT, History
from tests.search.planted import Effect, nothing, search_planted, stage1_helps_a

Search = Callable[..., History]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Search:
    """Run a planted search in a database of its own; the same is run once for all tests of this
    file, which only read what a search left.
    """
    folder = tmp_path_factory.mktemp("searches")
    done: dict[object, History] = {}

    def run(effect: Effect, trials: int, seed: int = 0, **settings: object) -> History:
        asked = {"sampler": "tpe", "scheduler": "none"} | settings
        key = (effect, trials, seed, *sorted(asked.items()))
        if key not in done:
            text = asked.pop("text", None)
            done[key] = search_planted(
                f"sqlite:///{folder}/{len(done)}.db",
                SearchSettings(trials=trials, seed=seed, **asked),
                effect,
                **({"text": text} if text else {}),
            )
        return done[key]

    return run


def sedn(url: str, *words: str) -> str:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(
        app, ["importance", "history", f"--store={url}", *words]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.mark.parametrize("scheduler", ["none", "asha"])
def test_what_helps_one_label_is_found_for_that_label_alone(search: Search, scheduler: str) -> None:
    done = search(stage1_helps_a, 70, scheduler=scheduler)
    axes = importance(done.store, "history")
    labels = axes[axes["label"].notna() & axes["matters"]]
    assert list(labels[["label", "axis"]].itertuples(index=False, name=None)) == [
        ("a", "embedding.placement")
    ]
    assert labels["best"].item() == "stage1"
    effects = axis_effects(done.store, "history")
    row = effects[
        (effects["label"] == "a") & (effects["value"] == "stage1") & (effects["against"] == "none")
    ].iloc[0]
    assert row["significant"]
    # Where most are stopped, after the epoch that all reached.
    rise = {"none": 0.9375, "asha": 0.5}[scheduler]
    assert row["low"] < 0.06 * rise < row["high"]
    # The mean gains a third of it.
    mean = axes[axes["label"].isna()].set_index("axis")
    assert mean["share"].idxmax() == "embedding.placement"
    said = " ".join(answer(find_importance(done.store, "history")))
    assert "Labels: embedding.placement mattered for 1 of 3: a (stage1 +0.0" in said


def test_trials_that_were_stopped_count_where_all_can_be_compared(search: Search) -> None:
    done = search(stage1_helps_a, 70, scheduler="asha", grace_epochs=2)
    found = find_importance(done.store, "history")
    assert found.basis.stopped > 30
    assert (found.basis.epoch, found.basis.last_epoch) == (2, 4)
    assert len(found.mean.sample.epochs) >= 65
    assert "compared after epoch 2" in assumptions(found)[0]


def test_who_was_trained_on_makes_no_label_suffer(search: Search) -> None:
    """The scheduler keeps stage1 for label a; what else it keeps is lucky with labels b and c."""
    done = search(lambda config, label: 1.5 * stage1_helps_a(config, label), 100, scheduler="asha")
    effects = axis_effects(done.store, "history")
    held = effects[(effects["value"] == "stage1") & (effects["against"] == "none")]
    held = held.set_index(held["label"].fillna("mean"))["effect"]
    assert held["mean"] == pytest.approx(0.015, abs=0.005)
    assert held["a"] == pytest.approx(0.045, abs=0.008)
    assert held[["b", "c"]].abs().max() < 0.006
    assert held[["a", "b", "c"]].mean() == pytest.approx(held["mean"], abs=1e-6)


@pytest.mark.parametrize("scheduler", ["none", "asha"])
def test_a_search_over_noise_says_so(search: Search, scheduler: str) -> None:
    said = sedn(search(nothing, 50, seed=1, scheduler=scheduler).url)
    assert "No axis is shown to matter for the mean AUC: " in said
    assert "Labels: no axis is shown to matter for any of 3." in said
    assert "would have been detected" in said


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "scheduler"), [("tpe", "asha"), ("random", "none")])
def test_noise_shows_nothing_in_19_of_20_searches(
    search: Search, sampler: str, scheduler: str
) -> None:
    wrong = 0
    for seed in range(20):
        done = search(nothing, 60, seed=seed, sampler=sampler, scheduler=scheduler)
        axes = importance(done.store, "history")
        for outcome in (axes[axes["label"].isna()], axes[axes["label"].notna()]):
            wrong += bool(outcome["matters"].any())
    # Two answers a search, each wrong in one of twenty: more than five have a chance of 1 %.
    assert wrong <= 5


def test_few_trials_are_said_to_say_nothing(search: Search) -> None:
    done = search(stage1_helps_a, 14)
    said = sedn(done.url)
    assert (
        "No effect can be estimated: 14 complete trials of different configurations for 4 axes"
        in said
    )
    assert "more are needed." in said
    assert json.loads(sedn(done.url, "--json"))["axes"][0]["share"] is None


def test_an_experiment_without_a_trial_says_so(search: Search, store_url: str) -> None:
    done = search(nothing, 1)
    assert "No effect can be estimated: 1 complete trials" in sedn(done.url)
    empty = History(done.space, done.settings, store_url)
    assert "No effect can be estimated: 0 complete trials" in sedn(empty.url)


def test_the_fusion_counts_only_where_there_is_a_place(search: Search) -> None:
    done = search(
        lambda config, label: 0.05 * (config.embedding.fusion == "add"), 70, sampler="random"
    )
    axes = importance(done.store, "history")
    mean = axes[axes["label"].isna()].set_index("axis")
    placed = sum(t.params["embedding.placement"].startswith("stage") for t in done.store.trials(1))
    assert mean.loc["embedding.fusion", "configurations"] == placed
    assert mean.loc["embedding.fusion", "matters"]
    assert mean.loc["embedding.fusion", "best"] == "add"
    # A place brings the fusion with it, which helps in one of two.
    effects = done.store.experiment("history").axis_effects()
    held = effects[effects["label"].isna() & (effects["against"] == "none")].set_index("value")
    assert held.loc["stage1", "low"] < 0.5 * 0.05 * 0.9375 < held.loc["stage1", "high"]


def test_an_axis_without_a_condition_in_the_space_has_none_of_its_effect_without_a_place(
    search: Search,
) -> None:
    text = FLAT.replace("placement: {", "fusion: {choice: [add, gate]}\n  embedding.placement: {")
    done = search(nothing, 40, text=text, sampler="random")
    axes = done.store.experiment("history").importance()
    mean = axes[axes["label"].isna()].set_index("axis")
    placed = {
        trial.config_hash
        for trial in done.store.trials(1)
        if trial.params["embedding.placement"] == "stage1" and trial.duplicate_of is None
    }
    assert mean.loc["embedding.fusion", "configurations"] == len(placed)


def test_a_label_alone_and_all_of_it_as_json(search: Search) -> None:
    url = search(stage1_helps_a, 70).url
    said = sedn(url, "--label", "a")
    assert "axes mattered for label a: embedding.placement (" in said
    assert "against none: stage1 +0.0" in said
    assert all(len(line) <= 80 for line in tables(sedn(url, "--all")) + tables(said))
    whole = json.loads(sedn(url, "--json"))
    assert whole["answer"][0].endswith(".")
    assert {row["label"] for row in whole["values"]} == {None, "a", "b", "c"}
    alone = json.loads(sedn(url, "--json", "--label", "b"))
    assert {row["label"] for row in alone["axes"]} == {"b"}


def tables(said: str) -> list[str]:
    """The lines of tables: sentences are as long as they are."""
    return [line for line in said.splitlines() if not line.rstrip().endswith(".")]


def test_a_label_that_is_not_there(search: Search) -> None:
    url = search(nothing, 2).url
    done = CliRunner().invoke(app, ["importance", "history", f"--store={url}", "--label", "aa"])
    assert (
        str(done.exception) == "--label: no label 'aa' with an AUC in 'history'; did you mean 'a'?"
    )


def test_the_same_search_gives_the_same_answer(search: Search) -> None:
    url = search(stage1_helps_a, 70).url
    assert sedn(url, "--json") == sedn(url, "--json")


def test_the_report_shows_what_mattered(search: Search, tmp_path: Path) -> None:
    done = search(stage1_helps_a, 70)
    write_report(done.store, "history", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Labels: embedding.placement mattered for 1 of 3: a (stage1 +0.0" in page
    for figure in ("axes", "axis-values", "axis-labels"):
        assert f'id="figure-{figure}"' in page


def test_the_report_of_few_trials_says_that_nothing_can_be_said(
    search: Search, tmp_path: Path
) -> None:
    done = search(nothing, 6)
    write_report(done.store, "history", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "No effect can be estimated: 6 complete trials" in page
    assert 'id="figure-axes"' not in page
