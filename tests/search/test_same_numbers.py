"""A quantity is the same wherever it is shown: in tables, as JSON, on the page, in the dashboard,
in an export and in Python.

Each place of :data:`PLACES` is a text with a pattern whose named groups are quantities, or JSON
with the quantity at each path. All are held against what the functions of ``results`` give, a text
as the style writes it.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from io import StringIO
from typing import Any

import optuna
import pytest
from optuna.trial import Trial as OptunaTrial
from optuna_dashboard import get_note
from rich.console import Console
from typer.testing import CliRunner

import results
from results.confirmation import Confirmed, Score
from results.confirmed import CONFIRM, confirmed_trial, gain_interval_text
from results.database.store import Store
from results.report.contents import read_findings
from results.report.figures import history
from results.report.page import read_report
from results.report.trials_table import columns
from search.cli.ending import show_ending
from search.cli.live import summary
from search.cli.main import app
from search.dashboard.background import publish_reading
from search.driver import Driver
from search.settings import SearchSettings
from sedn.style import gain_text, interval_text, number_text
from tests.search.scored_search import search_scored

SPRING = """
name: spring
description: trials that are complete, stopped, failed, answered by another or cannot be built
base: {data: {image_size: 32}, backbone: {name: resnet10t, pretrained: false}, epochs: 3}
axes:
  embedding.placement: {choice: [none, input, stage1, stage9]}
  optimizer.learning_rate: {choice: [1.0e-3, 1.0e-2, 3.0e-2]}
"""
SEEDS = """
name: seeds
description: three configurations with three seeds each
configurations:
  baseline: &plain
    {data: {image_size: 32}, backbone: {name: resnet10t, pretrained: false}, epochs: 2}
  input: {<<: *plain, embedding: {placement: input}}
  stage: {<<: *plain, embedding: {placement: stage1}}
seeds: [0, 1, 2]
"""
BOUNDS = ("latency_ms<5", "worst_auc>0.57")


@dataclass(frozen=True)
class Shown:
    """An experiment, with all that shows it."""

    name: str
    store: Store
    driver: Driver

    @property
    def url(self) -> str:
        """Of the database."""
        return self.store.engine.url.render_as_string(hide_password=False)

    def run(self, *words: str) -> str:
        """The output of a command."""
        done = CliRunner().invoke(app, [*words, f"--store={self.url}"])
        assert done.exit_code == 0, done.output
        return " ".join(done.stdout.split())

    @cached_property
    def known(self) -> dict[str, Any]:
        """Every quantity, as the functions of ``results`` give them."""
        return quantities(self.store, self.name)

    @property
    def best(self) -> int:
        """The trial of rank 1."""
        return int(self.known["best"])

    @cached_property
    def page(self) -> str:
        """The text of the page, with the other experiment beside it."""
        other = {"spring": "seeds", "seeds": "spring"}[self.name]
        parts = read_report(self.store, self.name, [other]).parts.values()
        return plain(" ".join(parts))

    def beside(self) -> str:
        """What the page says of the experiment where others stand beside it."""
        beside = self.page.partition("Experiments side by side")[2]
        return beside.partition(f" {self.name} {self.name} ")[2]

    def study(self) -> optuna.Study:
        """The study that the dashboard shows."""
        return optuna.load_study(study_name=self.name, storage=self.url)

    def study_note(self) -> str:
        """The note of the study in the dashboard."""
        return plain(get_note(self.study()))

    def trial_note(self) -> str:
        """The note of the best trial in the dashboard."""
        study = self.study()
        return plain(get_note(OptunaTrial(study, study.trials[self.best]._trial_id)))

    def row_of_page(self) -> dict[str, str]:
        """The best trial's row in the page's table of trials."""
        findings = read_findings(self.store, self.name)
        place = [trial.number for trial in findings.listed].index(self.best)
        table = columns(findings)
        return {one["name"]: one["values"][one["codes"][place]] for one in table}

    def steps(self) -> dict[str, float]:
        """The end of the line of the best in the page's history."""
        figure = history(read_findings(self.store, self.name))
        assert figure is not None
        [line] = (trace for trace in figure.data if trace.name == "best so far")
        return {"last": line.y[-1]}

    def ending(self) -> str:
        """The last words of the search."""
        said = StringIO()
        show_ending(Console(file=said, width=200), self.name, self.url, {})
        return " ".join(said.getvalue().split())


def plain(text: str) -> str:
    """HTML or Markdown without its marks."""
    without = unescape(re.sub(r"<[^>]+>|&emsp;|[|`]", " ", text))
    return " ".join(without.split())


def page(shown: Shown) -> str:
    """The text of the page."""
    return shown.page


def quantities(store: Store, name: str) -> dict[str, Any]:
    """Every quantity of an experiment, as the functions of ``results`` give them."""
    ranked, red = results.rank(store, name), results.labels(store, name).iloc[0]
    overview = results.overview(store)
    row = overview[overview["name"] == name].iloc[0]
    first, plain_row = ranked.iloc[0], ranked[ranked["role"] == "baseline"].iloc[0]
    stopped = results.stopped_early(store, name, ranked)
    found = {
        "best": first["trial"],
        "best_auc": first["mean_auc"],
        "low": first["low"],
        "high": first["high"],
        "reached": interval_text(first["mean_auc"], first["low"], first["high"]),
        "gain": first["gain"],
        "difference": first["mean_auc"] - plain_row["mean_auc"],
        "fresh": first["expected"],
        "baseline": plain_row["trial"],
        "baseline_auc": plain_row["mean_auc"],
        "baseline_reached": interval_text(*plain_row[["mean_auc", "low", "high"]]),
        "second": ranked.iloc[1]["trial"],
        "ranked": len(ranked),
        "asked": row["asked"],
        "ended": row["trials"] - row["running"],
        **{count: row[count] for count in ("complete", "stopped_early", "failed")},
        "unlisted": row["stopped_early"] - len(stopped),
        "red": red["trial"],
        "red_auc": red["auc"],
        "red_reached": interval_text(*red[["auc", "low", "high"]]),
        "red_baseline": red["baseline"],
        "red_gain": red["gain"],
        "test_reads": row["test_reads"],
    }
    if name == "spring":
        winner = confirmed_trial(store, store.experiment(name))[1]
        assert winner.test is not None
        for split, score in (("validation", winner.validation), ("test", winner.test)):
            found[f"{split}_reached"] = interval_text(score.mean_auc, score.low, score.high)
            found[f"{split}_gain"] = gain_interval_text(score)
    return found


def written(quantity: str, value: Any) -> str:
    """A quantity as a text has it."""
    if isinstance(value, str):
        return value
    if quantity in ("gain", "red_gain"):
        return gain_text(value)
    if quantity == "difference":
        return number_text(value, signed=True)
    return number_text(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Place:
    """A place where quantities are shown."""

    read: Callable[[Shown], Any]
    """Its text, or its JSON."""
    holds: str | Mapping[str, str]
    """A pattern whose groups are named by the quantities, AUC standing for one with its interval;
    or each quantity by its path in the JSON."""
    only: str = ""
    """The experiment that has it; empty: both have."""


def command(*words: str) -> Callable[[Shown], str]:
    """The output of a command on the experiment."""
    return lambda shown: shown.run(words[0], shown.name, *words[1:])


def as_json(*words: str) -> Callable[[Shown], Any]:
    """The same with ``--json``."""
    return lambda shown: json.loads(command(*words, "--json")(shown))


OF_BEST = {"best.trial": "best", "best.mean_auc": "best_auc", "gain": "gain"}
OF_BASELINE = {"baseline.trial": "baseline", "baseline.mean_auc": "baseline_auc"}
OF_COUNTS = {"asked": "asked", "complete": "complete", "stopped_early": "stopped_early"}
SUMMARY = (
    r"(?P<ended>\d+) of (?P<asked>\d+) trials · (?P<complete>\d+) complete"
    r"(?: · (?P<stopped_early>\d+) stopped early)?(?: · (?P<failed>\d+) failed)?"
    r" · best (?P<best_auc>\S+) \(trial (?P<best>\d+), (?P<gain>\S+) over the baseline\)"
)
COUNTS = (
    r"(?P<complete>\d+) complete(?:, (?P<stopped_early>\d+) stopped early)?"
    r"(?:, (?P<failed>\d+) failed)?"
)
ANSWER = (
    rf"(?P<ended>\d+) of (?P<asked>\d+) trials have ended \({COUNTS}\).*?"
    r"Trial (?P<best>\d+) leads, with mean AUC (?P<reached>AUC) on validation.*?"
    r"The baseline, trial (?P<baseline>\d+), has (?P<baseline_reached>AUC): "
    r"the difference is (?P<difference>\S+) \((?P<gain>\S+?)\)\..*?"
    r"On fresh images expect (?P<fresh>\S+) "
)
FIRST = r"(?P<best>\d+)(?: \(3 seeds\))? (?P<reached>AUC) (?P<gain>\S+) "
UNLISTED = r"(?:Not listed: (?P<unlisted>\d+) of (?P<stopped_early>\d+) trials|$)"
RED = r"(?P<red>\d+) (?P<red_reached>AUC) (?P<red_baseline>\S+) (?P<red_gain>\S+) "
REACHED = (
    r"Mean AUC on validation (?P<reached>AUC) \(95 % interval\)\. "
    r"(?P<difference>\S+) \((?P<gain>\S+)\) to the baseline, trial (?P<baseline>\d+), "
    r"which has (?P<baseline_auc>\S+)\. "
)
CONFIRMED = (
    r"better than the baseline, by (?P<validation_gain>\S+ \[\S+ \S+\]) mean AUC.*?"
    r"differs from the baseline by (?P<test_gain>\S+ \[\S+ \S+\])\. "
    r"(?:- )?Test read (?P<test_reads>\d+) time"
)
PLACES = {
    "status": Place(command("status"), SUMMARY),
    "status --json": Place(as_json("status"), OF_BEST | OF_BASELINE | {"asked": "asked"}),
    "driver": Place(lambda of: str(summary(of.name, of.driver.snapshot(), 0)), SUMMARY),
    "driver's JSON": Place(lambda of: of.driver.snapshot().leaders_as_json(), OF_BEST),
    "last words": Place(Shown.ending, rf" 1†? {FIRST}.*?{UNLISTED}"),
    "list": Place(
        lambda of: of.run("list").partition(f" {of.name} ")[2],
        r"^ended (?P<ended>\d+)/(?P<asked>\d+) (?P<best_auc>\S+) ",
    ),
    "list --json": Place(
        lambda of: next(
            row for row in json.loads(of.run("list", "--json")) if row["name"] == of.name
        ),
        {"best_trial": "best", "best_auc": "best_auc", "failed": "failed"} | OF_COUNTS,
    ),
    "rank": Place(
        command("rank"),
        rf"expect (?P<fresh>\S+) .* 1†? {FIRST}.* ≈?2 (?P<second>\d+) .*?{UNLISTED}",
    ),
    "rank --json": Place(
        as_json("rank"),
        {"0.trial": "best", "0.mean_auc": "best_auc", "0.low": "low", "0.high": "high"}
        | {"0.gain": "gain", "0.expected": "fresh", "1.trial": "second"},
    ),
    "rank --stopped": Place(command("rank", "--stopped"), UNLISTED),
    "rank: confirmed": Place(command("rank"), CONFIRMED, only="spring"),
    "labels": Place(command("labels"), rf" red \S+ \d+ {RED}"),
    "labels --json": Place(
        as_json("labels"),
        {"0.trial": "red", "0.auc": "red_auc", "0.baseline": "red_baseline", "0.gain": "red_gain"},
    ),
    "show": Place(lambda of: command("show", str(of.best))(of), REACHED, only="spring"),
    "show --json": Place(
        lambda of: as_json("show", str(of.best))(of),
        {"mean_auc": "best_auc", "low": "low", "high": "high"}
        | {"difference_to_baseline": "difference"},
        only="spring",
    ),
    "compare --json": Place(
        as_json("compare"),
        {"mean.first": "best_auc", "mean.second": "baseline_auc", "mean.difference": "difference"},
    ),
    "export": Place(
        command("export"),
        r" trial (?P<best>\d+) \(sampled\): rank 1 of (?P<ranked>\d+), mean AUC on validation "
        r"(?P<reached>AUC) \(95 % interval\)",
    ),
    "export --confirmed": Place(
        command("export", "--confirmed"),
        r"validation (?P<validation_reached>AUC) \(95 % interval\), on test (?P<test_reached>AUC)",
        only="spring",
    ),
    "page: cards": Place(
        page,
        r"Best mean AUC (?P<best_auc>\S+) trial (?P<best>\d+).*? fresh images: (?P<fresh>\S+) "
        r"Baseline, the plain backbone (?P<baseline_auc>\S+) trial (?P<baseline>\d+).*?"
        r"Gain over the baseline (?P<gain>\S+) (?P<difference>\S+) in mean AUC.*?"
        rf"Trials (?P<ended>\d+) of (?P<asked>\d+) {COUNTS}",
    ),
    "page: answer": Place(page, ANSWER),
    "page: confirmed": Place(page, CONFIRMED, only="spring"),
    "page: beside others": Place(
        Shown.beside,
        r"^(?P<ended>\d+) of (?P<asked>\d+) (?P<reached>AUC) (?P<baseline_reached>AUC) "
        r"(?P<gain>\S+) ",
    ),
    "page: ranking": Place(
        page, rf"Ranking Configurations.*? size 1 {FIRST}.*? ≈?2 (?P<second>\d+) "
    ),
    "page: stopped early": Place(page, rf"Stopped early Trials.*?{UNLISTED}", only="spring"),
    "page: labels": Place(page, rf"The best for each label .*? red \S+ \d+ {RED}"),
    "page: history": Place(Shown.steps, {"last": "best_auc"}, only="spring"),
    "page: trials": Place(
        Shown.row_of_page, {"trial": "best", "mean AUC": "reached"}, only="spring"
    ),
    "study's note": Place(Shown.study_note, ANSWER),
    "study's note: ranking": Place(
        Shown.study_note,
        rf"Leading configurations .*? 1 {FIRST}.*? ≈?2 (?P<second>\d+) .*? red \d+ {RED}",
    ),
    "study's note: confirmed": Place(
        Shown.study_note,
        rf"{CONFIRMED}.*?Confirmed on the test split.* (?P<test_reached>AUC) "
        r"(?P<test_gain_again>\S+ \[\S+ \S+\]) \d+%",
        only="spring",
    ),
    "trial's note": Place(Shown.trial_note, REACHED, only="spring"),
    "trial's attributes": Place(
        lambda of: of.study().trials[of.best].user_attrs,
        {"mean AUC [95 %]": "reached", "difference to the baseline": "difference"},
        only="spring",
    ),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """One search with trials of every kind, and one with several seeds, in one store."""
    folder = tmp_path_factory.mktemp("both")
    url, storage = f"sqlite:///{folder}/sedn.db", folder / "runs"
    of_spring = {"trials": 16, "sampler": "random", "scheduler": "asha", "seed": 3}
    goals = {"objective": ("auc", "latency"), "where": BOUNDS}
    store, driver = search_scored(
        *(url, "spring", SPRING, SearchSettings(**of_spring, **goals), storage), _fails
    )
    of_seeds = SearchSettings(trials=9, sampler="grid", scheduler="none", seed=1)
    _, other = search_scored(url, "seeds", SEEDS, of_seeds, storage)
    _confirm(store)
    return {"spring": Shown("spring", store, driver), "seeds": Shown("seeds", store, other)}


def _fails(config: Any) -> bool:
    return bool(config.optimizer.learning_rate == 3e-2 and config.embedding.placement == "none")


def _confirm(store: Store) -> None:
    """Record a confirmation of the first search."""
    searched, trials = store.experiment("spring"), store.trials(store.experiment("seeds").id)
    scores = Score(0.61384, 0.5004, 0.70049, 0.1), Score(0.6012, 0.5, 0.7, 0.1)
    of_winner = (
        Score(0.763269, 0.67251, 0.84449, 0.9, 0.149429, 0.02351, 0.27449),
        Score(0.75012, 0.65, 0.83, 0.9, 0.14892, 0.05, 0.25),
    )
    found = [
        Confirmed("baseline", trials[0].config_hash, (0, 3, 6), *scores),
        Confirmed("rank 1", trials[1].config_hash, (1, 4, 7), *of_winner),
    ]
    reading = store.begin_test_read(searched.id, CONFIRM, trials[:2])
    kept = {"experiment": trials[0].experiment_id, "confirmed": [one.to_json() for one in found]}
    store.end_test_read(reading.id, kept)
    publish_reading(store, "spring", print)


def test_the_searches_have_trials_of_every_kind(both: dict[str, Shown]) -> None:
    found, of_seeds = both["spring"].known, both["seeds"].known
    trials = results.open_store(both["spring"].url).trials(1)
    assert min(found[one] for one in ("complete", "stopped_early", "failed", "unlisted")) > 0
    assert any(trial.duplicate_of is not None for trial in trials)
    assert not results.rank(both["spring"].store, "spring")["feasible"].all()
    best = max(both["seeds"].store.trials(2), key=lambda trial: trial.mean_auc or 0)
    assert (best.number, best.mean_auc) != (of_seeds["best"], of_seeds["best_auc"])


CASES = [
    (where, name)
    for where, place in PLACES.items()
    for name in ("spring", "seeds")
    if place.only in ("", name)
]


@pytest.mark.parametrize(("where", "name"), CASES)
def test_a_quantity_is_the_same_everywhere(where: str, name: str, both: dict[str, Shown]) -> None:
    place, shown = PLACES[where], both[name]
    found = place.read(shown)
    if isinstance(place.holds, str):
        read = in_text(place.holds, found)
    else:
        read = {quantity: at(found, path) for path, quantity in place.holds.items()}
    for quantity, value in read.items():
        expected = shown.known[quantity.removesuffix("_again")]
        if isinstance(value, str):
            assert value == written(quantity, expected), f"{where}: {quantity}"
        else:
            # Of an attribute six decimals are kept.
            assert value == pytest.approx(expected, rel=1e-9, abs=5e-7), f"{where}: {quantity}"


def in_text(pattern: str, text: str) -> dict[str, str]:
    """The quantities that a text has; those that are left out, where there are none, as 0."""
    words = " ".join(text.split())
    match = re.search(pattern.replace("AUC)", r"\S+ \[\S+ \S+\])"), words)
    assert match is not None, words
    return {quantity: value or "0" for quantity, value in match.groupdict().items()}


def at(value: Any, path: str) -> Any:
    """The value at a path of JSON; a key may have dots itself."""
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value
