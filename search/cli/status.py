"""`sedn status`: how far a search is, without waiting for it."""

from search.cli.console import open_terminal
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_json
from search.cli.reading import reads

out = open_terminal()


@reads
@reads
def status(
    name: NameArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False
) -> None:
    """Show how many trials are done, running, stopped early or failed, and the best so far."""
    from results import open_store
    from search.cli.live import summary
    from search.lock import is_driven
    from search.progress import Tally

    opened = open_store(store)
    experiment = opened.experiment(name)
    tally = Tally.read(opened, experiment.id)
    snapshot = tally.snapshot(experiment.settings["trials"], ())
    unfinished = tally.unfinished
    searching = is_driven(opened.engine, name)
    if as_json:
        states = {str(state.value): n for state, n in snapshot.counts.items()} | {
            "RUNNING": unfinished
        }
        print_json(
            {
                "experiment": name,
                "searching": searching,
                "asked": snapshot.asked,
                "states": states,
            }
        )
        return
    line = summary(name, snapshot, unfinished if searching else 0)
    if unfinished and not searching:
        line.append(f"  ·  {unfinished} not finished")
    out.print(line)
    if not searching and (unfinished or snapshot.ended < snapshot.asked):
        out.print("No search of it runs now; the same `sedn search` command goes on.")
