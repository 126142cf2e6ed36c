"""`sedn labels`: what an experiment reaches per label."""

from search.cli.console import open_terminal
from search.cli.images import say_skipped
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_rows
from search.cli.reading import reads

out = open_terminal()
err = open_terminal(stderr=True)


@reads
def labels(
    name: NameArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False
) -> None:
    """Show for each label the best configuration, both AUCs, prevalence and positives."""
    from results import open_store
    from results.ranking.by_label import read_by_label
    from search.cli.tables import labels_table

    opened = open_store(store)
    experiment = opened.experiment(name)
    frame = read_by_label(opened, name)
    if as_json:
        print_rows(frame)
        return
    out.print(labels_table(frame, name, experiment.folds))
    say_skipped(err, experiment.skipped_images)
