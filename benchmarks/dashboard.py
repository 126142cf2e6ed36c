"""Optuna's dashboard over a search of very many trials: what notes, attributes and plots cost it.

An experiment and its study are written in bulk into SQLite. The dashboard's answer to a page that
opens the study is measured before anything is published and after; then what publishing took. The
parts of the answer are told by their bytes. The last line is JSON.

    python -m benchmarks.dashboard [--trials 10000] [--epochs 5] [--labels 14]
"""

import argparse
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

from benchmarks.store_filling import fill
from benchmarks.study_filling import fill_study
from results.database.store import Store, open_store
from search.dashboard.artifacts import MadeWhenOpened
from search.dashboard.publishing import Publisher
from search.study import open_storage

NAME = "large"
TURNS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--labels", type=int, default=14)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'sedn.db'}"
        store = open_store(url, create=True)
        fill(store, NAME, chosen.trials, chosen.epochs, chosen.labels)
        fill_study(url, NAME, chosen.trials, chosen.epochs)
        found = {"trials": chosen.trials, "without": measure(store)}
        publisher = Publisher(store, open_storage(store), NAME)
        found["trials_published"] = timed(lambda: publish_all(publisher))
        found["study_published"] = timed(publisher.publish_study)
        found["with"] = measure(store)
    for key, value in found.items():
        print(f"{key}: {value}")
    print(json.dumps(found))


def publish_all(publisher: Publisher) -> None:
    """Publish until nothing is left to do."""
    while publisher.publish_trials():
        pass


def timed(work: Any) -> dict[str, float]:
    """Wall and CPU seconds of some work."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu": round(time.process_time() - busy, 2),
    }


def measure(store: Store) -> dict[str, Any]:
    """The first answer of a dashboard that just started, the fastest of some later ones, and a
    page's asking for news, with the bytes of each.
    """
    from optuna_dashboard import wsgi

    app = wsgi(open_storage(store), artifact_store=MadeWhenOpened(store))
    first = {}
    body = b""

    def ask(path: str) -> None:
        nonlocal body
        body = get(app, path)

    first = timed(lambda: ask("/api/studies/1"))
    again = min(
        (timed(lambda: ask("/api/studies/1")) for _ in range(TURNS)), key=lambda t: t["cpu"]
    )
    parts = {key: len(json.dumps(part)) for key, part in json.loads(body).items()}
    large = {key: size for key, size in parts.items() if size > 10_000}
    whole = len(body)
    count = len(json.loads(body)["trials"])
    news = timed(lambda: ask(f"/api/studies/1?after={count}"))
    return {
        "first": first, "again": again, "bytes": whole, "parts": large, "news": news,
        "news_bytes": len(body),
    }  # fmt: skip


def get(app: Any, path: str) -> bytes:
    """What the dashboard answers."""
    environ: dict[str, Any] = {"wsgi.errors": io.StringIO()}
    setup_testing_defaults(environ)
    environ["PATH_INFO"], _, environ["QUERY_STRING"] = path.partition("?")
    said: list[str] = []
    body = b"".join(app(environ, lambda status, headers, *_: said.append(status)))
    assert said[0].startswith("200"), body
    return body


if __name__ == "__main__":
    main()
