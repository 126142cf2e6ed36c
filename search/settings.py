"""What a search is asked to do: the settings that its experiment keeps, and where it runs."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from results.constraints import parse_constraint
from sedn.errors import UserError, did_you_mean

SchedulerName = Literal["asha", "hyperband", "median", "promote", "none"]

ObjectiveName = Literal[
    "auc", "worst-auc", "latency", "latency-32", "parameters", "flops", "memory"
]

BUDGETS = ("trials", "time_seconds", "gpu_hours", "plateau")
"""Settings that may differ when a search is resumed."""


class SearchSettings(BaseModel):
    """What decides the outcome of a search; kept with its experiment, fixed but for its budgets.

    The same command resumes a search, so all of these but the budgets must be what they were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits-in-clutter"
    trials: int = Field(100, ge=1)
    """Trials that the experiment holds in the end, the baseline included."""
    epochs: int | None = Field(None, ge=1)
    """Epochs of a full training; ``None`` leaves it to the space."""
    objective: tuple[ObjectiveName, ...] = ("auc",)
    """Of :data:`results.objectives.OBJECTIVES`, an AUC among them; the scheduler works on the mean
    AUC whatever they are."""
    where: tuple[str, ...] = ()
    """Constraints, as :func:`results.constraints.parse_constraint` reads them."""
    sampler: str = "tpe"
    """A name of :data:`search.samplers.options.SAMPLERS`, or ``module:Class``."""
    sampler_options: dict[str, Any] = Field(default_factory=dict)
    scheduler: SchedulerName = "asha"
    reduction_factor: int = Field(3, ge=2)
    """The best ``1 / reduction_factor`` of the trials at each rung go on."""
    grace_epochs: int | None = Field(None, ge=1)
    """Epochs that every trial gets before it may be stopped; ``None``: a quarter of all, as curves
    say little while the learning rate still rises."""
    brackets: int | None = Field(None, ge=1)
    """Of Hyperband; ``None``: as many as there can be."""
    min_trials: int | None = Field(None, ge=1)
    """Other trials that median stopping needs at an epoch; ``None``: five."""
    futility: bool = True
    """Stop a trial that can no longer become the best, beside a scheduler that stops trials."""
    time_seconds: float | None = Field(None, gt=0)
    """Seconds in which trials are trained, over all runs; what is cut off goes on with more."""
    gpu_hours: float | None = Field(None, gt=0)
    """Hours of training times GPUs of a trial, over all trials; likewise."""
    plateau: int | None = Field(None, ge=1)
    """Complete trials in a row without a better one, after which no more are started."""
    warm_start: str | None = None
    """An earlier experiment in the same store, whose leaders are tried first."""
    seed: int = Field(0, ge=0)
    skip_unreadable: bool = False
    """Leave out images that cannot be read, instead of refusing the data."""

    @field_validator("objective")
    @classmethod
    def _has_an_auc(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise UserError("--objective: the same one is asked for twice")
        if not {"auc", "worst-auc"} & set(names):
            raise UserError(
                "--objective: a cost alone is least where nothing is learned; ask for auc or "
                "worst-auc too, or bound the cost by --where"
            )
        return names

    @field_validator("where")
    @classmethod
    def _is_readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(parse_constraint(text).text for text in texts))

    def overrides(self) -> dict[str, Any]:
        """Fields of a configuration that the search fixes, by dotted path."""
        fixed: dict[str, Any] = {
            "data.path": self.data,
            "data.skip_unreadable": self.skip_unreadable,
            "seed": self.seed,
        }
        return fixed if self.epochs is None else {**fixed, "epochs": self.epochs}


class Resources(BaseModel):
    """Where a search runs and what each trial gets; free to change when it is resumed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str | None = None
    """A Ray cluster to join (``auto``, ``host:port``, ``ray://…``); ``None`` starts one here."""
    storage_path: str = ""
    """Folder or URI for checkpoints and predictions; on a cluster every node must reach it."""
    cpus_per_trial: float = Field(1.0, gt=0)
    gpus_per_trial: Annotated[float, Field(ge=0)] | Literal["auto"] | None = None
    """``None``: one where the cluster has GPUs, else none. ``auto``: a quarter, a half or the whole
    of one, by what trials of the same backbone and image size were measured to hold."""
    max_concurrent: int | None = Field(None, ge=1)
    """Trials at a time; ``None``: as many as the cluster has room for."""
    trial_seconds: float | None = Field(None, gt=0)
    """A trial stops after this time, of all its epochs together, and keeps what it reached."""

    def storage(self) -> str:
        """The storage path: an absolute folder, ``./runs`` when none was named, or the URI."""
        if "://" in self.storage_path:
            return self.storage_path.rstrip("/")
        return str(Path(self.storage_path or "runs").absolute())


def check_unchanged(stored: SearchSettings, asked: SearchSettings, name: str) -> None:
    """Refuse to resume a search with other settings than it was started with.

    Raises:
        UserError: a setting that is no budget differs.
    """
    for field in SearchSettings.model_fields:
        before, now = getattr(stored, field), getattr(asked, field)
        if field not in BUDGETS and before != now:
            raise UserError(
                f"experiment '{name}' was started with {field} = {before!r}, not {now!r}; "
                f"leave it as it was, or give the new search another --name"
            )


def build_settings(**fields: Any) -> SearchSettings:
    """Settings from the options of the command line.

    Raises:
        UserError: an option has a value it does not take.
    """
    try:
        return SearchSettings(**{k: value for k, value in fields.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = str(first["loc"][0]).replace("_", "-")
        expected = first["msg"].removeprefix("Input should be ")
        options = re.findall(r"'([\w-]+)'", expected)
        hint = did_you_mean(str(first["input"]), options)
        raise UserError(f"--{option}: '{first['input']}' is not {expected}{hint}") from None
