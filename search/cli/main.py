"""The `sedn` command: each command is a thin skin over the Python API."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.commands import Command
from search.cli.confirm import confirm
from search.cli.console import accept_any_text, open_terminal
from search.cli.data import app as data_app
from search.cli.experiments import delete, list_experiments, note, rename, tag
from search.cli.export import export
from search.cli.images import say_skipped
from search.cli.importance import importance
from search.cli.options import (
    DEFAULT_STORE,
    AttributesOption,
    DataOption,
    ImageColumnOption,
    JsonOption,
    LabelListOption,
    LabelsOption,
    LeaveOutOption,
    SeparatorOption,
    SkipOption,
    StoreOption,
    absolute,
    print_json,
    reading_fields,
)
from search.cli.predict import predict
from search.cli.search import search
from search.cli.store import app as store_app
from search.cli.train import train
from sedn.errors import TrainingError, UserError

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Search where and how to embed a semantic map in a multi-label image classifier.",
)
out = open_terminal()
err = open_terminal(stderr=True)


def main() -> None:
    """Run the command line; wrong input ends in one line and exit code 2, a training that broke in
    one and exit code 1.
    """
    # Read by torch when it is loaded. By default its threads wait for each other without giving up
    # their core: beside other work, an epoch takes many times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    accept_any_text()
    try:
        app(standalone_mode=True)
    except UserError as error:
        err.print(f"sedn: {error}", style="red", soft_wrap=True)
        sys.exit(2)
    except TrainingError as error:
        err.print(f"sedn: {error}", style="red", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("sedn: stopped")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        if (line := _of_the_database(error)) is None:
            raise
        err.print(f"sedn: {line}", style="red", soft_wrap=True)
        sys.exit(2)


def _of_the_database(error: Exception) -> str | None:
    """What to say of a database that can be read no more; ``None`` of any other error."""
    if "sqlalchemy" not in sys.modules:
        return None
    from results.database.outage import is_refusal, reason_of

    return f"--store: {reason_of(error)}" if is_refusal(error) else None


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"sedn {version('sedn-search')}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options of the command itself."""


app.command(cls=Command)(search)
app.command("list", cls=Command)(list_experiments)


@app.command(cls=Command)
def status(name: str, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """How many trials are done, running, stopped early or failed, and the best so far."""
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


@app.command(cls=Command)
def rank(
    name: str,
    top: Annotated[int, typer.Option(min=1, help="Rows to show.")] = 20,
    pareto: Annotated[
        bool, typer.Option("--pareto", help="Only those on the front of the objectives.")
    ] = False,
    show_stopped: Annotated[
        bool,
        typer.Option("--stopped", help="List the trials that were stopped early instead."),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Configurations by mean per-label AUC on validation, with 95 % intervals."""
    from results import Goals, TrialState, open_store, stopped_early
    from results.ranking.leaders import order_experiment, with_details
    from results.ranking.standing import standing, with_standing
    from results.ranking.stopped import MOST_LINES, stopped_lines
    from results.ranking.words import standing_lines
    from search.cli.tables import ranking_table, stopped_table

    if pareto and show_stopped:
        raise UserError("--pareto: chooses from the ranking, and --stopped lists what is not in it")

    opened = open_store(store)
    experiment = opened.experiment(name)
    ranked = order_experiment(opened, experiment)
    if show_stopped:
        early = stopped_early(opened, name, ranked)
        if as_json:
            _print_frame(early)
        else:
            out.print(stopped_table(early, name, len(ranked)))
        return
    chosen = ranked[ranked["pareto"]] if pareto else ranked
    frame = with_details(opened, experiment, chosen if as_json else chosen.head(top))
    known = standing(opened, experiment.id, ranked)
    frame = with_standing(frame, known)
    stopped = opened.count_stopped(experiment.id)
    if as_json:
        _print_frame(frame)
        if stopped:
            err.print(f"Stopped early, so not ranked: {stopped}; `sedn rank --stopped` lists all.")
        return
    for line in standing_lines(known, ranked):
        out.print(line, highlight=False)
    out.print(ranking_table(frame, name, Goals.of(experiment.settings)))
    early = stopped_early(opened, name, ranked, MOST_LINES)
    for line in stopped_lines(early, ranked, stopped):
        out.print(line, soft_wrap=True)
    if failed := opened.counts(experiment.id)[TrialState.FAILED]:
        out.print(f"Failed, so not ranked: {failed}; `sedn report` has the reasons.")
    say_skipped(err, experiment.skipped_images)
    if ranked.empty:
        err.print(f"No trial of '{name}' has been trained to its last epoch yet.")
    elif frame.empty:
        err.print(f"No configuration of '{name}' satisfies the constraints yet.")


@app.command(cls=Command)
def labels(name: str, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Per label: the best configuration, its AUC, the baseline's, prevalence and positives."""
    from results import labels as by_label
    from results import open_store
    from search.cli.tables import labels_table

    opened = open_store(store)
    frame = by_label(opened, name)
    if as_json:
        _print_frame(frame)
        return
    out.print(labels_table(frame, name))
    say_skipped(err, opened.experiment(name).skipped_images)


app.command(cls=Command)(confirm)
app.command(cls=Command)(importance)
app.command(cls=Command)(export)
app.command(cls=Command)(train)
app.command(cls=Command)(predict)
for look_after in (note, tag, rename, delete):
    app.command(cls=Command)(look_after)
app.add_typer(data_app, name="data")
app.add_typer(store_app, name="store")


@app.command(cls=Command)
def segment(
    output: Annotated[Path, typer.Option("-o", help="Folder of the segmenter.")],
    data: DataOption = "digits-in-clutter",
    image_size: Annotated[int, typer.Option(help="Side of the images in pixels.")] = 224,
    architecture: Annotated[str, typer.Option(help="unet or fpn.")] = "unet",
    encoder: Annotated[str, typer.Option(help="A timm model.")] = "resnet18",
    pretrained: Annotated[bool, typer.Option(help="Start from timm's weights.")] = True,
    weights: Annotated[
        str, typer.Option(help="Start from the encoder's weights in this file.")
    ] = "",
    folds: Annotated[int, typer.Option(help="Parts of the training images.")] = 2,
    epochs: Annotated[int, typer.Option(help="Epochs at most.")] = 30,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate of AdamW at the start.")
    ] = 1e-3,
    seed: Annotated[int, typer.Option()] = 0,
    split_seed: Annotated[int, typer.Option(help="For data without splits of its own.")] = 0,
    skip_unreadable: SkipOption = False,
    labels: LabelsOption = None,
    label_list: LabelListOption = None,
    separator: SeparatorOption = None,
    image_column: ImageColumnOption = None,
    leave_out: LeaveOutOption = None,
    attributes: AttributesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a segmenter on the training masks; `semantic_map.source: predicted` uses it."""
    from search.cli.images import ImageBar
    from search.cli.live import fold_line
    from sedn.config import DataConfig
    from sedn.config.reading import build_group
    from sedn.data import prepare_dataset
    from sedn.segmentation.config import SegmenterConfig
    from sedn.segmentation.segmenter import check_segmenter, train_segmenter

    network = {
        "architecture": architecture,
        "encoder": encoder,
        "pretrained": pretrained,
        "weights": weights,
    }
    training = {"folds": folds, "epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    config = build_group(SegmenterConfig, network | training, "segmenter")
    dataset = build_group(
        DataConfig,
        {
            "path": absolute(data),
            "image_size": image_size,
            "split_seed": split_seed,
            "skip_unreadable": skip_unreadable,
            **reading_fields(labels, label_list, separator, image_column, leave_out, attributes),
        },
        "--data",
    )
    check_segmenter(config, output)
    with ImageBar(err) as bar:
        prepare_dataset(dataset, bar.show)
    summary = train_segmenter(
        dataset, config, output, lambda epoch: err.print(fold_line(epoch, config))
    )
    if as_json:
        print_json(summary.to_json())


@app.command(cls=Command)
def report(
    name: str,
    output: Annotated[Path, typer.Option("-o", help="The page.")] = Path("report.html"),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write one self-contained page: ranking, history, axes, labels, cost."""
    from results import open_store, write_report

    write_report(open_store(store), name, output)
    err.print(f"Wrote {output}")


@app.command(cls=Command)
def dashboard(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Serve the Optuna dashboard over the database, live."""
    from search.dashboard import serve

    err.print(f"Optuna dashboard at http://{host}:{port}/ — Ctrl-C ends it.")
    serve(store, host, port)


def _print_frame(frame: "pd.DataFrame") -> None:
    sys.stdout.write(frame.to_json(orient="records", indent=1) + "\n")


if __name__ == "__main__":
    main()
