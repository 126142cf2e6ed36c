"""`sedn status`: how far a search is, once or until the search ends."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_json
from search.cli.reading import reads
from sedn.errors import UserError

if TYPE_CHECKING:
    from results import Experiment, Store
    from search import Snapshot
    from search.node_use import ClusterUse

out = open_terminal()
WATCH_SECONDS = 2.0
DISK_SECONDS = 0.3
"""How long files are counted: on a local disk those of 10,000 trials take 0.2 s."""


@reads
def status(
    name: NameArgument,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Show the running trials, again and again, to the end."),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show how many trials are done, running, stopped early or failed, and the best so far.

    Of a search by Ray it shows how many cores and GPUs of the cluster are in use, and where the
    nodes have ray[default], how busy each node is.

    Of the disk in use it counts files for 0.3 s, which suffices for 10,000 trials on a local disk,
    and says "more than" where there are more; with --json it counts all.
    """
    from results import open_store
    from search.disk import disk_in_use
    from search.node_use import read_cluster_use
    from sedn.style import byte_text

    if watch and as_json:
        raise UserError("--watch: shows a terminal where the search stands; --json prints once")
    opened = open_store(store)
    if watch:
        _watch(opened, name)
        return
    experiment = opened.experiment(name)
    snapshot, searching = _read(opened, experiment)
    use = read_cluster_use(opened.engine, name) if searching else None
    in_use = disk_in_use(opened, experiment, None if as_json else DISK_SECONDS)
    if as_json:
        size = None if in_use is None else in_use.size
        found = _as_json(name, snapshot, searching) | {"disk_bytes": size}
        print_json(found | {"cluster": None if use is None else use.to_json()})
    else:
        _show(name, snapshot, searching)
        if use is not None:
            _show_nodes(use)
        if in_use is not None:
            least = "" if in_use.is_whole else "more than "
            out.print(
                f"Checkpoints and scores: {least}{byte_text(in_use.size)}; `sedn clean` frees what "
                "it can."
            )


def _read(opened: "Store", experiment: "Experiment") -> tuple["Snapshot", bool]:
    from search.lock import is_driven
    from search.progress import read_snapshot

    searching = is_driven(opened.engine, experiment.name)
    return read_snapshot(opened, experiment, searching=searching), searching


def _as_json(name: str, snapshot: "Snapshot", searching: bool) -> dict[str, object]:
    states = {str(state.value): count for state, count in snapshot.counts.items()}
    return {
        "experiment": name,
        "searching": searching,
        "asked": snapshot.asked,
        "states": states | {"RUNNING": snapshot.unfinished},
        **snapshot.leaders_as_json(),
        "seconds_left": snapshot.remaining,
        "running": [
            {
                "trial": trial.number,
                "epoch": trial.epoch,
                "epochs": trial.epochs,
                "mean_auc": trial.mean_auc,
            }
            for trial in snapshot.running
        ],
    }


def _show(name: str, snapshot: "Snapshot", searching: bool) -> None:
    from search.cli.live import running_table, summary

    unfinished = snapshot.unfinished
    line = summary(name, snapshot, unfinished if searching else 0)
    if unfinished and not searching:
        line.append(f"  ·  {unfinished} not finished")
    out.print(line)
    if snapshot.running:
        out.print(running_table(snapshot))
    if not searching and (unfinished or snapshot.ended < snapshot.asked):
        _say_how_to_go_on(name)


def _show_nodes(use: "ClusterUse") -> None:
    from search.cli.node_tables import nodes_line, nodes_table, unknown_line

    out.print(nodes_line(use))
    out.print(unknown_line(use) or nodes_table(use), markup=False)


def _say_how_to_go_on(name: str) -> None:
    out.print(f"No search of '{name}' runs now; the same `sedn search` command goes on.")


def _watch(opened: "Store", name: str) -> None:
    """Show where the search stands every two seconds, until no process searches."""
    from search.cli.live import LiveView

    searching = True
    with LiveView(out, name) as view:
        while searching:
            snapshot, searching = _read(opened, opened.experiment(name))
            view.show(snapshot)
            if searching:
                time.sleep(WATCH_SECONDS)
    if snapshot.ended < snapshot.asked:
        _say_how_to_go_on(name)
