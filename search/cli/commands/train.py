"""`sedn train`: a configuration to a model, and once its scores on the test split."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, Field

from search.cli.console import open_terminal
from search.cli.fields import Flag, takes
from search.cli.options import JsonOption, print_json
from sedn.errors import UserError

if TYPE_CHECKING:
    from sedn.config import TrainingConfig
    from sedn.run.summary import RunSummary
    from sedn.run.tracking import Tracking
    from sedn.training.result import EpochResult

out = open_terminal()
err = open_terminal(stderr=True)


class TrackingFields(BaseModel):
    """The fields of a tracking that are options."""

    tensorboard: bool = Field(
        False, description="Write event files for TensorBoard to the folder of the run."
    )
    mlflow: str | None = Field(None, description="Log to MLflow: a server, or sqlite:///mlflow.db.")
    mlflow_experiment: str | None = Field(
        None,
        description="Experiment in MLflow; without --mlflow the server is MLFLOW_TRACKING_URI.",
    )


@takes(
    {"mlflow": Flag(metavar="URI"), "mlflow_experiment": Flag(metavar="NAME")},
    tracking=TrackingFields,
)
def train(
    config: Annotated[Path, typer.Argument(help="A configuration, as `sedn export` writes it.")],
    output: Annotated[
        Path, typer.Option("-o", help="Folder of the run; a run that is there is resumed.")
    ],
    tracking: dict[str, Any],
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1024,
            help="Threads of the CPU, in place of the configuration's: the result is then another "
            "replicate of the trial, not equal to the last digit.",
        ),
    ] = None,
    beside: Annotated[
        Path | None, typer.Option(help="Compare with this finished run on the test split.")
    ] = None,
    trained_folds: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Take the networks of the folds from the folder of the trial, rather than train "
            "them again.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train a configuration to a model, and score it once on the test split."""
    from search.cli.images import say_skipped
    from sedn.config import load_config
    from sedn.run.summary import read_summary
    from sedn.run.train import check_run

    followed = _tracking(**tracking)
    loaded = load_config(config)
    if threads is not None:
        loaded = loaded.model_copy(update={"threads": threads})
    check_run(loaded, output)
    if beside is not None:
        read_summary(beside)
    summary = _train(loaded, output, followed, trained_folds)
    say_skipped(err, summary.skipped_images)
    _print_result(summary, output, beside, as_json)


def _train(
    config: "TrainingConfig", output: Path, tracking: "Tracking", trained_folds: str | None
) -> "RunSummary":
    """Prepare the data and train, with a bar for images and steps and a line for each epoch."""
    import numpy as np

    from search.cli.images import ImageBar
    from search.cli.live import epoch_line, epoch_of_folds_line, folds_line
    from search.cli.steps import StepBar
    from sedn.data import prepare_dataset
    from sedn.data.folds import CUT
    from sedn.run.train import train_run

    with ImageBar(err) as bar:
        dataset = prepare_dataset(config.data, bar.show)
    for line in dataset.notes:
        err.print(line, markup=False, highlight=False, soft_wrap=True)
    names = ("validation",) if config.folds is None else CUT
    targets = np.concatenate([dataset.splits[name].truth for name in names])

    def show(result: "EpochResult") -> None:
        if config.folds is None:
            err.print(epoch_line(result, config.epochs, targets))
            return
        err.print(epoch_of_folds_line(result, config))
        if result.epoch == config.total_epochs:
            err.print(folds_line(result, config, targets), soft_wrap=True)

    epochs = config.total_epochs + (0 if config.folds is None else config.epochs)
    with StepBar(err, epochs) as steps:
        return train_run(config, output, show, tracking, steps.show, trained_folds)


def _print_result(summary: "RunSummary", run: Path, beside: Path | None, as_json: bool) -> None:
    """The test split: of the run alone, or beside another."""
    from search.cli.tables import comparison_table, test_table
    from sedn.metrics import temperature_warning
    from sedn.run.comparison import compare_runs

    comparison = compare_runs(run, beside) if beside else None
    warning = temperature_warning(summary.temperature)
    if warning and (as_json or comparison):
        err.print(warning, soft_wrap=True)
    if as_json:
        print_json(comparison.to_json() if comparison else summary.to_json())
    elif comparison and beside:
        out.print(comparison_table(comparison, run.name, beside.name))
    else:
        out.print(test_table(summary, run.name))


def _tracking(
    tensorboard: bool = False, mlflow: str | None = None, mlflow_experiment: str | None = None
) -> "Tracking":
    """The tracking that the options configure; an MLflow experiment without a URI takes the URI of
    the environment.

    Raises:
        UserError: an experiment has no server, or a package is not installed.
    """
    from sedn.run.tracking import Tracking, check_tracking

    uri = mlflow or (os.environ.get("MLFLOW_TRACKING_URI") if mlflow_experiment else None)
    if mlflow_experiment and not uri:
        raise UserError("--mlflow-experiment: name its server too: --mlflow or MLFLOW_TRACKING_URI")
    named = {"mlflow_experiment": mlflow_experiment} if mlflow_experiment else {}
    tracking = Tracking(tensorboard, uri, **named)
    check_tracking(tracking)
    return tracking
