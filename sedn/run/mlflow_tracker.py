"""A training as a run of MLflow."""

import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sedn.addresses import hide_password, without_password
from sedn.config import TrainingConfig, flatten
from sedn.errors import UserError
from sedn.files import write_text
from sedn.run.summary import RunSummary
from sedn.run.tracking import END_MARK, EPOCH_MARK, end_metrics, epoch_metrics
from sedn.training.result import EpochResult

if TYPE_CHECKING:
    from mlflow import MlflowClient

MLFLOW = "mlflow.json"
ARTIFACTS = (
    "config.yaml", "epochs.csv", "summary.json", "test.npz", "README.md", "config.json",
    "reliability.html", "model.safetensors", "segmenter",
)  # fmt: skip
_BATCH = 100
"""Parameters, or metrics, that are sent at once: what MLflow takes of either."""
_LONGEST = 200
"""Characters of a label that a name has: MLflow takes 250 with the rest."""
_DATABASES = ("postgresql", "mysql", "mssql", "sqlite")
"""How the addresses of databases begin, rather than of servers of MLflow."""
_log = logging.getLogger(__name__)


class MlflowTracker:
    """Logs to one run. Where the server does not answer, training goes on and the epochs are
    kept.
    """

    def __init__(self, client: "MlflowClient", run_id: str, uri: str) -> None:
        self._client = client
        self._uri = uri
        self._run_id = run_id
        self._waiting: list[EpochResult] = []
        steps = [metric.step for metric in client.get_metric_history(run_id, EPOCH_MARK)]
        self.last_epoch = max(steps, default=0)
        self.is_ended = bool(client.get_metric_history(run_id, END_MARK))

    def log_epoch(self, result: EpochResult) -> None:
        """Log an epoch, and the epochs that the server has not taken yet."""
        self._waiting.append(result)
        self.last_epoch = result.epoch
        try:
            self._send()
        except Exception as error:
            _log.warning("MLflow does not answer; training goes on: %s", _reason(error, self._uri))

    def log_end(self, config: TrainingConfig, summary: RunSummary, folder: Path) -> None:
        """Add what the test split gave, and the files of the run.

        Raises:
            UserError: the server does not take it.
        """
        if self.is_ended:
            return
        try:
            self._send()
            for name in ARTIFACTS:
                if (folder / name).is_dir():
                    self._client.log_artifacts(self._run_id, str(folder / name), name)
                elif (folder / name).exists():
                    self._client.log_artifact(self._run_id, str(folder / name))
            self._client.set_tag(self._run_id, "map_source", summary.map_source)
            self._client.set_tag(self._run_id, "data_fingerprint", summary.data_fingerprint)
            self._log(end_metrics(summary), summary.epochs)
        except Exception as error:
            raise UserError(
                f"`mlflow`: the run in {folder} is finished, but MLflow does not take it: "
                f"{_reason(error, self._uri)}; the same command logs what is missing"
            ) from None
        self.is_ended = True

    def _send(self) -> None:
        while self._waiting:
            self._log(epoch_metrics(self._waiting[0]), self._waiting[0].epoch)
            del self._waiting[0]

    def _log(self, metrics: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        named = zip(metric_names(list(metrics)), metrics.values(), strict=True)
        sent = [Metric(name, value, now, step) for name, value in named]
        for start in range(0, len(sent), _BATCH):
            self._client.log_batch(self._run_id, metrics=sent[start : start + _BATCH])


def metric_names(names: list[str]) -> list[str]:
    """The names as MLflow takes them: what it refuses in a label, the last part of a name, becomes
    ``_``, and a name that is then taken gets a number.
    """
    taken: dict[str, None] = {}
    for name in names:
        *groups, last = name.split("/", 2)
        plain = re.sub(r"[^\w\-. :]|^\.+$", "_", last[:_LONGEST])
        allowed = "/".join([*groups, plain])
        free = (allowed, *(f"{allowed}_{number}" for number in range(2, len(names) + 2)))
        taken[next(candidate for candidate in free if candidate not in taken)] = None
    return list(taken)


@contextmanager
def open_mlflow(
    uri: str, experiment: str, config: TrainingConfig, folder: Path
) -> Iterator[MlflowTracker]:
    """A tracker of the run in ``folder``; MLflow's run is named in its ``mlflow.json``, and gone
    on with where it is the same server's.

    Raises:
        UserError: the server cannot be reached or refuses the experiment.
    """
    # A wrong address fails in seconds; MLflow would try for minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if uri.startswith(_DATABASES):
            _connect(uri)
        client = MlflowClient(tracking_uri=uri)
        run_id = _find_run(client, uri, folder) or _create_run(client, experiment, config, folder)
        made = {"uri": without_password(uri), "run_id": run_id}
        write_text(folder / MLFLOW, json.dumps(made) + "\n")
        tracker = MlflowTracker(client, run_id, uri)
        client.update_run(run_id, status="RUNNING")
    except Exception as error:
        raise UserError(f"`mlflow` {without_password(uri)}: {_reason(error, uri)}") from None
    try:
        yield tracker
    finally:
        status = "FINISHED" if tracker.is_ended else "KILLED"
        try:
            client.set_terminated(run_id, status)
        except Exception as error:
            _log.warning("MLflow does not answer: %s", _reason(error, uri))


def _connect(uri: str) -> None:
    """Check in seconds that a database answers; MLflow would try for minutes. A file in a folder
    that is not there is left to MLflow, which makes both.
    """
    from sqlalchemy import create_engine

    engine = create_engine(uri)
    if uri.startswith("sqlite") and not Path(engine.url.database or "").parent.exists():
        return
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _find_run(client: "MlflowClient", uri: str, folder: Path) -> str | None:
    """The run that an earlier start of this training made on this server, if it is still there."""
    from mlflow.exceptions import MlflowException

    path = folder / MLFLOW
    if not path.exists():
        return None
    made: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    if made["uri"] != without_password(uri):
        return None
    try:
        run = client.get_run(made["run_id"])
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return made["run_id"] if run.info.lifecycle_stage == "active" else None


def _create_run(
    client: "MlflowClient", experiment: str, config: TrainingConfig, folder: Path
) -> str:
    from mlflow.entities import Param

    existing = client.get_experiment_by_name(experiment)
    number = existing.experiment_id if existing else client.create_experiment(experiment)
    run_id: str = client.create_run(number, run_name=folder.resolve().name).info.run_id
    fields = flatten(config.model_dump(mode="json"))
    parameters = [Param(name, str(value)) for name, value in fields.items()]
    for start in range(0, len(parameters), _BATCH):
        client.log_batch(run_id, params=parameters[start : start + _BATCH])
    return run_id


def _reason(error: Exception, uri: str) -> str:
    """In one line, not all that MLflow has to say, and nothing of the server's password."""
    return hide_password(" ".join(str(error).split()), uri)[:300]
