"""The settings of a search, which its experiment keeps, and the resources that it runs on."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from results.goals.constraints import parse_constraint
from results.goals.objectives import objectives
from results.versions import without_versions
from sedn.config.groups import LARGEST_SEED
from sedn.errors import UserError, did_you_mean
from sedn.files import absolute_path
from sedn.measures import AUCS

Kind = TypeVar("Kind", "SearchSettings", "Resources")

AUTO = "auto"
"""The name that leaves the choice of a sampler or a scheduler to the search."""
MANY_TRIALS = 40
"""Trials from which promotion leads: in a shorter search too few are promoted to the last epoch."""
BackendName = Literal["ray", "local"]

CHANGEABLE = ("trials", "time_seconds", "gpu_hours", "plateau", "keep_best")
"""Settings that may differ when a search is resumed: its budgets, and what it keeps."""

MOST = 1_000_000
"""The largest count that a setting takes; a larger number is a slip of the keyboard."""
LONGEST = 1e9
"""Seconds, or hours, of a budget."""


class SearchSettings(BaseModel):
    """All settings that decide the outcome of a search; kept with its experiment, fixed but for
    :data:`CHANGEABLE`.

    The same command resumes a search, so all of these but those must be what they were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    data: str = Field(
        "digits-in-clutter",
        description="An embedded data set, or the path of one: data.yaml, table, folder.",
    )
    trials: int = Field(
        100, ge=1, le=MOST, description="Stop after N trials in all, the baseline included."
    )
    epochs: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Epochs of a full training, in place of the space's.",
    )
    folds: int | None = Field(
        None,
        ge=2,
        le=100,
        description="Train a network for each of N folds of train and validation; a trial's value "
        "is over all.",
    )
    """Epochs are then counted over all folds. The folds are the same for every trial."""
    time_seconds: float | None = Field(
        None,
        gt=0,
        le=LONGEST,
        description="Stop after N seconds of training, counted over all runs.",
    )
    """Time budget of the search in seconds; trials that the budget cuts off go on when the search
    is resumed with more.
    """
    gpu_hours: float | None = Field(
        None,
        gt=0,
        le=LONGEST,
        description="Stop after N GPU-hours of training, counted over all runs.",
    )
    """Hours of training times GPUs of a trial."""
    plateau: int | None = Field(
        None, ge=1, le=MOST, description="Stop after N completed trials without improvement."
    )
    objective: tuple[str, ...] = Field(("auc",), description="What to optimise.")
    """Of :func:`results.goals.objectives.objectives`, an AUC among them; the scheduler works on the
    mean AUC whatever they are."""
    where: tuple[str, ...] = Field(
        (), description='What a result must satisfy: "latency_ms<5"; repeatable.'
    )
    """Constraints, as :func:`results.goals.constraints.parse_constraint` reads them."""
    sampler: str = Field(AUTO, description="What draws the trials.")
    """A name of :data:`search.samplers.registry.SAMPLERS`, or ``module:Class``; ``auto``: as
    :func:`search.samplers.automatic.choose_sampler` chooses at the start of the search."""
    sampler_options: dict[str, Any] = Field(
        default={}, description="An option of the sampler; repeatable."
    )
    scheduler: str = Field(AUTO, description="What stops trials early.")
    """A name of :data:`search.schedulers.registry.SCHEDULERS`, or ``module:function``; ``auto``: as
    :func:`search.schedulers.automatic.choose_scheduler` chooses at the start of the search."""
    reduction_factor: int = Field(
        3, ge=2, le=MOST, description="Let the best 1/N of the trials at a rung go on."
    )
    grace_epochs: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="Train each trial for N epochs before it may stop; a quarter by default, an "
        "eighth where auto chooses promote.",
    )
    """``None``: a quarter of all, as curves say little while the learning rate still rises."""
    brackets: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Number of brackets of hyperband; by default as many as fit.",
    )
    min_trials: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Compare with N other trials at least (median); 5 by default.",
    )
    futility: bool = Field(
        True, description="Stop trials that can no longer win, or that violate a constraint."
    )
    """Beside a scheduler that stops trials."""
    warm_start: str | None = Field(
        None,
        description="Begin with the best configurations of an earlier experiment in the store.",
    )
    keep_best: int | Literal["all"] | None = Field(
        None,
        description="Keep the checkpoints of the best N configurations, or of all; as before when "
        "resumed, else 10.",
    )
    """The rest is removed as soon as no trial can go on from it. ``None``: as the experiment has
    it, so that a resume does not remove by oversight what was to be kept."""
    seed: int = Field(
        0, ge=0, le=LARGEST_SEED, description="Seed of the draws and of the trainings."
    )
    skip_unreadable: bool = Field(
        False,
        description="Leave out images, rows and annotations that are missing, wrong or cannot be "
        "read.",
    )
    labels: tuple[str, ...] | None = None
    """The labels to learn. This and what follows are fields of ``data.yaml``, given beside it."""
    label_list: str | None = None
    separator: str | None = None
    image_column: str | None = None
    leave_out: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()

    @field_validator("data")
    @classmethod
    def _is_the_same_everywhere(cls, data: str) -> str:
        return data if data == cls.model_fields["data"].default else absolute_path(data)

    @field_validator("objective")
    @classmethod
    def _has_an_auc(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = objectives()
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known) or f"; there is {', '.join(known)}"
                raise UserError(f"`objective`: no objective '{name}'{hint}")
        if len(set(names)) < len(names):
            raise UserError("`objective`: an objective is given twice")
        if not any(known[name].maximise for name in names):
            raise UserError(
                "`objective`: a cost alone is least where nothing is learned; ask for auc or "
                "worst-auc too, or bound the cost by `where`"
            )
        return names

    @field_validator("keep_best", mode="before")
    @classmethod
    def _is_a_count(cls, value: Any) -> Any:
        text = str(value)
        if value in (None, "all") or (text.isdecimal() and 1 <= int(text) <= MOST):
            return value
        raise UserError(
            f"`keep_best`: '{text}' is neither a number of configurations from 1 to {MOST:,} nor "
            f"'all'"
        )

    @field_validator("where")
    @classmethod
    def _is_readable(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        constraints = [parse_constraint(text) for text in texts]
        for constraint in constraints:
            if constraint.measure in AUCS and not 0 <= constraint.bound <= 1:
                raise UserError(
                    f"`where` '{constraint.text}': an AUC lies between 0 and 1, such as "
                    f"{constraint.measure}>0.8"
                )
        return tuple(dict.fromkeys(constraint.text for constraint in constraints))

    def overrides(self) -> dict[str, Any]:
        """Fields of a configuration that the search fixes, by dotted path."""
        fixed: dict[str, Any] = {
            "data.path": self.data,
            # Of an export that became the base of a space; the experiment keeps that of its data.
            "data.fingerprint": "",
            "data.skip_unreadable": self.skip_unreadable,
            "seed": self.seed,
            **self._reading(),
        }
        lengths = {"epochs": self.epochs, "folds": self.folds}
        return fixed | {path: value for path, value in lengths.items() if value is not None}

    def _reading(self) -> dict[str, Any]:
        fields = {
            "data.labels": self.labels and list(self.labels),
            "data.label_list": self.label_list,
            "data.separator": self.separator,
            "data.image_column": self.image_column,
            "data.leave_out": list(self.leave_out),
            "data.attributes": list(self.attributes),
        }
        return {path: value for path, value in fields.items() if value}


class Resources(BaseModel):
    """The place where a search runs, and the resources of each trial; free to change when the
    search is resumed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backend: BackendName = Field(
        "ray",
        description="Backend: ray, or local, which trains one trial at a time in this process.",
    )
    address: str | None = Field(
        None, description="Ray cluster to join: auto, host:port or ray://…; by default a new one."
    )
    storage_path: str = Field(
        "",
        description="Folder or URI for checkpoints; all nodes must reach it. ./runs by default.",
    )
    cpus_per_trial: float = Field(1.0, gt=0, description="CPU cores of a trial.")
    gpus_per_trial: Annotated[float, Field(ge=0)] | Literal["auto"] | None = Field(
        None,
        description="GPUs of a trial: a number, or auto by measured memory; by default 1, if any.",
    )
    """``auto``: a quarter, a half or the whole of one, by what trials of the same backbone and
    image size were measured to hold. ``None``: one where the cluster has GPUs, else none."""
    max_concurrent: int | None = Field(
        None,
        ge=1,
        le=MOST,
        description="Number of trials at a time; by default as many as there is room for.",
    )
    autoscaling: bool = Field(
        False,
        description="The cluster starts nodes for trials that wait: hand out max_concurrent "
        "trials whatever the room.",
    )
    """Else a trial that fits no node is refused, and no more trials are handed out than fit."""
    trial_seconds: float | None = Field(
        None,
        gt=0,
        le=LONGEST,
        description="Stop each trial after N seconds; it keeps what it reached.",
    )
    """Time limit in seconds of all epochs of a trial together."""

    @model_validator(mode="after")
    def _fits_the_backend(self) -> Self:
        if self.backend == "local":
            if self.address is not None:
                raise UserError("`address`: names a Ray cluster; leave `backend='local'` out")
            if self.autoscaling:
                raise UserError("`autoscaling`: is of a Ray cluster; leave `backend='local'` out")
            if (self.max_concurrent or 1) > 1:
                raise UserError(
                    f"`max_concurrent={self.max_concurrent}`: backend 'local' trains one trial at "
                    f"a time; leave `max_concurrent` or `backend='local'` out"
                )
        return self

    def storage(self) -> str:
        """The storage path: an absolute folder, ``./runs`` when none was named, or the URI."""
        if "://" in self.storage_path:
            return self.storage_path.rstrip("/")
        return str(Path(self.storage_path or "runs").absolute())


def check_unchanged(stored: SearchSettings, given: SearchSettings, name: str) -> None:
    """Refuse to resume a search with other settings than it was started with.

    Raises:
        UserError: a setting that is no budget differs.
    """
    for field in SearchSettings.model_fields:
        before, now = getattr(stored, field), getattr(given, field)
        if field not in CHANGEABLE and before != now:
            raise UserError(
                f"experiment '{name}' was started with {field} = {before!r}, not {now!r}; "
                f"leave it as it was, or give the new search another `name`"
            )


def with_stored(stored: SearchSettings, given: SearchSettings) -> SearchSettings:
    """The settings ``given`` to resume a search, with what they leave to the search as ``stored``
    has it.
    """
    left: dict[str, Any] = {}
    if given.sampler == AUTO:
        left["sampler"] = stored.sampler
    if given.scheduler == AUTO:
        left["scheduler"] = stored.scheduler
    if given.grace_epochs is None and stored.grace_epochs is not None:
        left["grace_epochs"] = stored.grace_epochs
    return given.model_copy(update=left)


def read_settings(stored: Mapping[str, Any], name: str) -> SearchSettings:
    """Read the settings that the experiment called ``name`` keeps.

    Raises:
        UserError: another version of this program wrote them, which had other ones.
    """
    try:
        return SearchSettings.model_validate(without_versions(stored))
    except (ValidationError, UserError) as error:
        fault = _describe(error) if isinstance(error, ValidationError) else str(error)
        raise UserError(
            f"experiment '{name}' was started by another version of sedn-search ({fault}); go on "
            f"with that version, or give the new search another `name`"
        ) from None


def build_settings(**fields: Any) -> SearchSettings:
    """Settings from fields; ``None`` is a field that is not given.

    Raises:
        UserError: a field has a value that it does not take.
    """
    return _build(SearchSettings, fields)


def build_resources(**fields: Any) -> Resources:
    """Resources from fields; as :func:`build_settings`."""
    return _build(Resources, fields)


def _build(kind: type[Kind], fields: Mapping[str, Any]) -> Kind:
    try:
        return kind(**{name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise UserError(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    """Describe the first fault in one line."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"there is no setting `{field}`"
    expected = first["msg"].removeprefix("Input should be ")
    hint = did_you_mean(str(first["input"]), re.findall(r"'([\w-]+)'", expected))
    shown = str(first["input"])
    shown = shown if len(shown) <= 80 else f"{shown[:79]}…"
    return f"`{field}`: '{shown}' is not {expected}{hint}"
