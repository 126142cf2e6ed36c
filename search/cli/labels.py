"""`sedn labels`: what an experiment reaches per label."""

from search.cli.console import open_terminal
from search.cli.images import say_skipped
from search.cli.options import DEFAULT_STORE, JsonOption, NameArgument, StoreOption, print_frame
from search.cli.reading import reads

out = open_terminal()
err = open_terminal(stderr=True)


@reads
def labels(
    name: NameArgument, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False
) -> None:
    """Show for each label the best configuration, both AUCs, prevalence and positives."""
    from results import labels as by_label
    from results import open_store
    from search.cli.tables import labels_table

    opened = open_store(store)
    frame = by_label(opened, name)
    if as_json:
        print_frame(frame)
        return
    out.print(labels_table(frame, name))
    say_skipped(err, opened.experiment(name).skipped_images)
