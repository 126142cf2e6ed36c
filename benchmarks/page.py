"""How soon the report's page on a search of very many trials opens and answers a filter.

An experiment is written in bulk into SQLite, its page is made, and a headless Chromium opens the
page and types into the filter of the trials' table, several times; the medians count. The last line
is JSON.

    python -m benchmarks.page [--trials 5000] [--turns 5]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.store_filling import fill
from results.database.store import open_store
from results.report.page import write_report
from tests.browser import Tab, browser_tab

OPENS_IN, ANSWERS_IN = 2.0, 0.1
"""The goals, in seconds."""
WORDS = ("stage1", "stage1 se", "0.00", "no such")
"""What is typed into the filter."""
TYPE = """
(() => {
  const input = document.getElementById("trials-words"), start = performance.now();
  input.value = %s;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.offsetHeight;
  return (performance.now() - start) / 1000;
})()
"""
"""Seconds from a word in the filter to the table as it is laid out then."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = page_of(chosen.trials, folder)
        with browser_tab(folder / "browser") as tab:
            tab.look(1400)
            turns = [measure(tab, page) for _ in range(chosen.turns)]
        size = page.stat().st_size
    opens, answers = (median(each) for each in zip(*turns, strict=True))
    print(f"page of {chosen.trials:,} trials, {size / 1e6:.1f} MB, medians of {chosen.turns} turns")
    print(f"opens          {opens:.3f} s")
    print(f"slowest filter {answers * 1000:.1f} ms")
    print(json.dumps({
        "ratios": {
            "seconds_to_open": {"value": opens, "goal": OPENS_IN, "at_most": True},
            "seconds_to_filter": {"value": answers, "goal": ANSWERS_IN, "at_most": True},
        }
    }))  # fmt: skip


def page_of(trials: int, folder: Path) -> Path:
    """The page on an experiment of so many trials."""
    store = open_store(f"sqlite:///{folder}/sedn.db", create=True)
    fill(store, "large", trials, epochs=8, labels=6)
    write_report(store, "large", folder / "report.html")
    return folder / "report.html"


def measure(tab: Tab, page: Path) -> tuple[float, float]:
    """Seconds until the page is loaded, and until the slowest of the filters is shown."""
    started = time.perf_counter()
    tab.open(page)
    opened = time.perf_counter() - started
    return opened, max(tab.eval(TYPE % json.dumps(words)) for words in WORDS)


if __name__ == "__main__":
    main()
