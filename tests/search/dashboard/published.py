"""A search in a database as rows: its store and its Optuna study, without any training."""

import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import optuna
from optuna.storages import RDBStorage
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from results.database.models import BASELINE, TrialState
from results.database.store import Store
from search.dashboard.artifacts import MadeWhenOpened
from search.dashboard.publishing import Publisher
from search.rebuilding import OPTUNA_STATES
from search.study import open_storage
from tests.results.rows import add_trial, new_experiment

HOSTILE = "<img src=x onerror=alert(1)>"
REASON = f"ValueError: {HOSTILE} | [a](javascript:b) ```\nTraceback\n```\n  line 3 of {HOSTILE}"
LABELS = ("red", HOSTILE, "never")


def label_aucs(auc: float) -> dict[str, tuple[float | None, float | None]]:
    return {"red": (auc + 0.05, 0.02), HOSTILE: (auc - 0.05, 0.03), "never": (None, None)}


def answer(store: Store, storage: RDBStorage, path: str) -> bytes:
    """What the dashboard answers."""
    from optuna_dashboard import wsgi

    environ: dict[str, Any] = {"wsgi.errors": io.StringIO()}
    setup_testing_defaults(environ)
    environ["PATH_INFO"] = path
    said: list[str] = []
    app: Any = wsgi(storage, artifact_store=MadeWhenOpened(store))
    body = b"".join(app(environ, lambda status, headers, *_: said.append(status)))
    assert said[0].startswith("200"), body
    return body


class Rows:
    """An experiment ``rows`` and its study."""

    def __init__(self, store: Store, storage: RDBStorage | None = None) -> None:
        self.store = store
        self.storage = storage or open_storage(store)
        self.experiment_id = new_experiment(store, "rows", LABELS)
        self.study = optuna.create_study(
            study_name="rows", storage=self.storage, direction="maximize"
        )
        self.publisher = Publisher(store, self.storage, "rows")

    def add(self, auc: float | None, state: TrialState = TrialState.COMPLETE, **fields: Any) -> int:
        """Add a trial that has ended to store and study."""
        number = len(self.study.get_trials(deepcopy=False))
        role = "sampled" if number else BASELINE
        scores = None if auc is None else label_aucs(auc)
        if number:
            fields = {"optimizer": {"learning_rate": 0.001 * number}, **fields}
        add_trial(
            self.store, self.experiment_id, number, auc, state=state, role=role, labels=scores,
            **fields,
        )  # fmt: skip
        of_optuna = OPTUNA_STATES.get(state, OptunaState.RUNNING)
        value = auc if of_optuna is OptunaState.COMPLETE else None
        self.study.add_trial(create_trial(state=of_optuna, value=value))
        return number

    def fill(self) -> None:
        """A baseline, a better one, one that was stopped, one that failed, one that runs."""
        self.add(0.7)
        stage = "stage1+stage2+stage3+stage4"
        params = {"embedding.placement": "all"}
        self.add(0.8, embedding={"placement": stage}, params=params)
        self.add(0.6, TrialState.PRUNED, embedding={"placement": "input"})
        self.add(None, TrialState.FAILED, reason=REASON)
        self.add(0.5, TrialState.RUNNING)

    def publish(self) -> None:
        while self.publisher.publish_trials():
            pass
        self.publisher.publish_study()

    def fresh(self) -> Publisher:
        """A publisher that remembers nothing, as of a process that starts."""
        return Publisher(self.store, self.storage, "rows")

    def shown(self) -> Any:
        """What the dashboard's page gets of the study."""
        return json.loads(self.get("/api/studies/1"))

    def get(self, path: str) -> bytes:
        """What the dashboard answers."""
        return answer(self.store, self.storage, path)

    def tables(self) -> dict[str, list[Any]]:
        """All rows of the attributes in Optuna's tables, their own keys left out."""
        names = ("study_system_attributes", "trial_system_attributes", "trial_user_attributes")
        with self.storage.engine.connect() as connection:
            return {
                name: sorted(
                    tuple(row)[1:] for row in connection.exec_driver_sql(f"select * from {name}")
                )
                for name in names
            }
