"""What is private in Optuna and Ray is used by one module each, and is there in what is installed.

A test of a door has the door's name: where a release changes what the door uses, that test fails.
"""

import ast
import ctypes
import gc
import inspect
import os
import signal
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
import ray
from optuna.distributions import FloatDistribution
from optuna.samplers import BruteForceSampler, GPSampler, TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune import Callback, Trainable
from ray.tune.schedulers import FIFOScheduler
from sqlalchemy import create_engine

from search import optuna_private
from search.backends.ray_tune import private as ray_private
from search.backends.ray_tune.bridge import NoProgress
from search.backends.ray_tune.cluster import RAY_SETTINGS

ROOT = Path(optuna_private.__file__).parent.parent
DOORS = {
    ROOT / "search/optuna_private.py",
    ROOT / "search/optuna_tables.py",
    ROOT / "search/backends/ray_tune/private.py",
}
UNDOCUMENTED = {"error_file", "pickled_error_file", "get_live_trials", "get_storage"}
ALLOWED = {"os._exit", "segment._replace"}
"""Python's own; both are documented."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name != "_"


def private_uses(tree: ast.Module) -> Iterator[str]:
    """What a module uses that is private to another library, as far as its text shows."""
    nodes = list(ast.walk(tree))
    mentioned = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    foreign = set(imported_names(nodes))
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and is_foreign(node.module or ""):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (ast.unparse(node) for name in names if is_private(name))
            yield from (ast.unparse(node) for name in names if name in UNDOCUMENTED)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if is_foreign(alias.name) and any(map(is_private, alias.name.split("."))):
                    yield ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node.attr in UNDOCUMENTED:
            yield ast.unparse(node)
        elif isinstance(node, ast.Call):
            if ast.unparse(node.func).split(".")[0] in foreign:
                yield from (f"{word.arg}=" for word in node.keywords if is_private(word.arg or ""))
            if ast.unparse(node.func) in ("getattr", "setattr", "hasattr"):
                name = node.args[1]
                if isinstance(name, ast.Constant) and is_private(str(name.value)):
                    yield ast.unparse(node)
        elif isinstance(node, ast.ClassDef):
            yield from called_from_outside(node, mentioned)
    yield from reached_into(tree)


def imported_names(nodes: list[ast.AST]) -> Iterator[str]:
    """Names of this module that stand for a part of Optuna or Ray."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and is_foreign(node.module or ""):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)


def is_foreign(module: str) -> bool:
    return module.split(".")[0] in ("optuna", "optuna_dashboard", "ray")


def called_from_outside(cls: ast.ClassDef, mentioned: set[str]) -> Iterator[str]:
    """Private methods that nothing in the module calls: a library calls them."""
    for one in cls.body:
        is_method = isinstance(one, ast.FunctionDef) and not one.decorator_list
        if is_method and is_private(one.name) and one.name not in mentioned:
            yield f"{cls.name}.{one.name}"


def reached_into(tree: ast.Module) -> Iterator[str]:
    """Private attributes of what is not the class's own."""
    own = {"self", "cls"}
    for node in ast.walk(tree):
        # An object that a class method makes is of the class itself.
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("cls("):
            own |= {ast.unparse(target) for target in node.targets}
    for node in ast.walk(tree):
        is_reached = isinstance(node, ast.Attribute) and is_private(node.attr)
        if is_reached and ast.unparse(node.value) not in own and ast.unparse(node) not in ALLOWED:
            yield ast.unparse(node)
    for cls in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        yield from not_its_own(cls, tree)


def not_its_own(cls: ast.ClassDef, tree: ast.Module) -> Iterator[str]:
    """Private attributes of ``self`` that neither the class defines nor a base of this module."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    bases = [ast.unparse(base).split("[")[0] for base in cls.bases]
    family = [cls, *(classes[name] for name in bases if name in classes)]
    defined = {name for one in family for name in definitions(one)}
    for node in ast.walk(cls):
        is_own = isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls")
        if is_own and is_private(node.attr) and node.attr not in defined:
            yield f"{cls.name}: {ast.unparse(node)}"


def definitions(cls: ast.ClassDef) -> Iterator[str]:
    for node in ast.walk(cls):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


SOURCES = [
    path
    for package in ("search", "results", "spaces", "benchmarks")
    for path in sorted((ROOT / package).rglob("*.py"))
    if path not in DOORS
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_uses_a_private_name(path: Path) -> None:
    assert not list(private_uses(ast.parse(path.read_text())))


@pytest.mark.parametrize(
    "text",
    [
        "from optuna.storages._rdb.models import TrialModel",
        "from optuna.study import _tell",
        "from optuna.storages import get_storage",
        "import ray._private.worker",
        "study._storage",
        "self.study._study_id",
        "import ray\nray.init(_temp_dir='/tmp')",
        "getattr(study, '_storage')",
        "trial.pickled_error_file",
        "class Mine(QMCSampler):\n    def _find_sample_id(self): return 1",
        "class Mine(Study):\n    def names(self): return self._storage",
    ],
)
def test_the_rule_sees_each_way_to_use_a_private_name(text: str) -> None:
    assert list(private_uses(ast.parse(text)))


def point(trial: optuna.Trial) -> float:
    return trial.suggest_float("x", 0.0, 1.0)


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    """A study of one trial that runs, with its parameter, and nothing else."""
    storage = RDBStorage(f"sqlite:///{tmp_path}/study.db")
    study = optuna.create_study(study_name="doors", storage=storage, direction="maximize")
    point(study.ask())
    return study


def opens_trial(study: optuna.Study) -> None:
    tables = optuna_private.StudyTables(study)
    tables.trial(0).set_user_attr("seen", 1)
    assert study.trials[0].user_attrs == {"seen": 1}


def opens_frozen(study: optuna.Study) -> None:
    assert optuna_private.StudyTables(study).frozen(0) == study.trials[0]


def opens_report(study: optuna.Study) -> None:
    tables = optuna_private.StudyTables(study)
    tables.report(0, 1, 0.5)
    tables.report(0, 1, 0.75)
    assert study.trials[0].intermediate_values == {1: 0.75}


def opens_constrain(study: optuna.Study) -> None:
    tables = optuna_private.StudyTables(study)
    tables.constrain(0, [0.5, -1.0])
    tables.constrain(0, [0.5, -2.0])
    assert study.trials[0].constraints == {"0": 0.5, "1": -2.0}


def opens_prune(study: optuna.Study) -> None:
    tables = optuna_private.StudyTables(study)
    tables.report(0, 1, 0.25)
    tables.prune(0, [0.5])
    assert (study.trials[0].state, study.trials[0].values) == (TrialState.PRUNED, [0.5])


def opens_reopen(study: optuna.Study) -> None:
    study.tell(0, 0.5)
    assert study.trials[0].state is TrialState.COMPLETE
    optuna_private.StudyTables(study).reopen(0)
    frozen = study.trials[0]
    assert (frozen.state, frozen.values) == (TrialState.RUNNING, None)
    assert frozen.datetime_complete is None
    study.tell(0, 0.75)
    assert study.trials[0].values == [0.75]


def opens_study_storage(study: optuna.Study) -> None:
    """More of it in tests/search/test_study_storage.py."""
    own = optuna.Study("doors", optuna_private.StudyStorage(study._storage._backend))
    assert own.trials == study.trials
    study.tell(0, 0.5)
    assert own.trials[0].values == [0.5]
    trial = own.ask()
    point(trial)
    assert own.trials == study.trials


def opens_set_attribute(study: optuna.Study) -> None:
    tables = optuna_private.StudyTables(study)
    for value in ({"one": 1}, {"two": [2.5, None]}):
        tables.set_attribute("sedn:door", value)
    assert tables._backend.get_study_system_attrs(study._study_id)["sedn:door"] == value


def opens_count(study: optuna.Study) -> None:
    tables = optuna_private.StudyTables(study)
    assert tables.count() == 1
    backend = tables._backend
    optuna.delete_study(study_name="doors", storage=backend)
    assert tables.count() is None
    optuna.create_study(study_name="other", storage=backend)
    optuna.create_study(study_name="doors", storage=backend)
    assert tables.count() is None


def opens_constraint_attrs(study: optuna.Study) -> None:
    attrs = optuna_private.constraint_attrs([0.5])
    study.add_trial(optuna.trial.create_trial(value=1.0, system_attrs=attrs))
    assert study.trials[1].constraints == {"0": 0.5}
    assert optuna_private.constraint_attrs([]) == {}


def opens_fixed_attrs(study: optuna.Study) -> None:
    attrs = optuna_private.fixed_attrs({"x": 0.125})
    study.add_trial(optuna.trial.create_trial(state=TrialState.RUNNING, system_attrs=attrs))
    assert point(optuna_private.StudyTables(study).trial(1)) == 0.125


def opens_fixed_names(study: optuna.Study) -> None:
    study.enqueue_trial({"x": 0.125})
    assert optuna_private.fixed_names(study.ask()) == {"x"}
    assert optuna_private.fixed_names(study.ask()) == set()


def opens_frozen_of(study: optuna.Study) -> None:
    trial = study.ask()
    value = point(trial)
    assert optuna_private.frozen_of(trial).params == {"x": value}


def opens_rename_studies(study: optuna.Study) -> None:
    storage = optuna_private.StudyTables(study)._backend
    with storage.engine.begin() as connection:
        optuna_private.rename_studies(connection, {"doors": "windows", "absent": None})
    assert optuna.get_all_study_names(storage) == ["windows"]


def opens_study_names(study: optuna.Study) -> None:
    storage = optuna_private.StudyTables(study)._backend
    with storage.engine.begin() as connection:
        assert optuna_private.study_names(connection) == {"doors"}
    with create_engine("sqlite://").begin() as empty:
        assert optuna_private.study_names(empty) == set()


def opens_numbered_qmc(study: optuna.Study) -> None:
    axes = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}

    def drawn(number: int) -> dict[str, Any]:
        sampler = optuna_private.NumberedQmc(number, seed=0)
        return sampler.sample_relative(study, study.trials[0], axes)

    assert drawn(3) == drawn(3) != drawn(4)


def opens_study_view(study: optuna.Study) -> None:
    study.tell(0, 0.5)
    for value in (0.5, 0.25):
        study.tell(study.ask({"x": FloatDistribution(0.0, 1.0)}), value)
    running = optuna_private.frozen_of(study.ask())
    readings: list[str] = []

    def only_what_runs() -> list[FrozenTrial]:
        readings.append("read")
        return [running]

    view: Any = optuna_private.StudyView(study, only_what_runs)
    x = FloatDistribution(0.0, 1.0, step=0.25)
    for kind in (TPESampler, GPSampler, BruteForceSampler):
        sampler = kind()
        readings.clear()
        sampler.infer_relative_search_space(view, running)
        sampler.sample_relative(view, running, {"x": x})
        sampler.sample_independent(view, running, "x", x)
        assert readings, f"{kind.__name__} reads the trials by another way"
    assert view.study_name == "doors"


OF_OPTUNA: dict[str, Callable[[optuna.Study], None]] = {
    "StudyTables.trial": opens_trial,
    "StudyTables.frozen": opens_frozen,
    "StudyTables.report": opens_report,
    "StudyTables.constrain": opens_constrain,
    "StudyTables.prune": opens_prune,
    "StudyTables.reopen": opens_reopen,
    "StudyTables.set_attribute": opens_set_attribute,
    "StudyStorage": opens_study_storage,
    "StudyTables.count": opens_count,
    "constraint_attrs": opens_constraint_attrs,
    "fixed_attrs": opens_fixed_attrs,
    "fixed_names": opens_fixed_names,
    "frozen_of": opens_frozen_of,
    "rename_studies": opens_rename_studies,
    "study_names": opens_study_names,
    "NumberedQmc": opens_numbered_qmc,
    "StudyView": opens_study_view,
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("door", OF_OPTUNA)
def test_optuna_has_what_is_used_by(door: str, study: optuna.Study) -> None:
    OF_OPTUNA[door](study)


def doors_of(module: Any) -> set[str]:
    """The public functions and classes of a module, and of ``StudyTables`` the methods."""
    own = {
        name
        for name, one in vars(module).items()
        if getattr(one, "__module__", "") == module.__name__ and not name.startswith("_")
    }
    methods = {
        f"{name}.{method}"
        for name in own & {"StudyTables"}
        for method in vars(getattr(module, name))
        if not method.startswith("_")
    }
    return (own - {"StudyTables"}) | methods


def test_every_door_of_optuna_is_opened() -> None:
    assert doors_of(optuna_private) == OF_OPTUNA.keys()


class Breaks(Trainable):
    def step(self) -> dict[str, Any]:
        raise ValueError("the first step broke")


class Seen(Callback):
    """What the doors say of a trial at the moment at which it breaks."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.traceback = ""

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.error = ray_private.error_of(trial)
        self.traceback = ray_private.traceback_of(trial)


class LastFirst(FIFOScheduler):
    """Runs, of the pending trials, the one that was made last."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[int] = []

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        pending = ray_private.pending_trials(tune_controller)
        self.pending.append(len(pending))
        return pending[-1] if pending else None


@dataclass(frozen=True)
class Run:
    """What a short run of Tune on a cluster of its own showed."""

    head: str
    seen: Seen
    scheduler: LastFirst
    handlers: tuple[bytes, bytes]
    """Of SIGTERM, as the kernel has them, before Ray started and after."""
    groups: frozenset[int]
    """Process groups of Ray's processes."""
    environments: tuple[bytes, ...]
    """Of Ray's processes, as the kernel shows them."""


def handler_of_sigterm() -> bytes:
    """What the C library says of the signal; Python's own word knows nothing of C++ code's."""
    action = ctypes.create_string_buffer(256)
    ctypes.CDLL(None).sigaction(signal.SIGTERM, None, action)
    return action.raw[: ctypes.sizeof(ctypes.c_void_p)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    seen, scheduler = Seen(), LastFirst()
    before = handler_of_sigterm()
    with pytest.MonkeyPatch.context() as planted:
        planted.setattr(sys, "orig_argv", ["sedn", "--store=postgresql://u:hunter2@h/d"])
        for name in ray_private.SECRETS:
            planted.setenv(name, "hunter2")
        with ray_private.signals_left_to_us(), ray_private.secrets_left_to_us():
            ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    handlers = (before, handler_of_sigterm())
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    daemons = [pid for pid in children if "ray" in Path(f"/proc/{pid}/cmdline").read_text()]
    groups = frozenset(os.getpgid(int(pid)) for pid in daemons)
    environments = tuple(Path(f"/proc/{pid}/environ").read_bytes() for pid in daemons)
    try:
        tune.run(
            Breaks,
            num_samples=1,
            scheduler=scheduler,
            callbacks=[seen],
            storage_path=str(tmp_path_factory.mktemp("tune")),
            raise_on_failed_trial=False,
            verbose=0,
        )
        address = ray.get_runtime_context().gcs_address
        yield Run(address, seen, scheduler, handlers, groups, environments)
    finally:
        ray.shutdown()


def opens_count_resources(run: Run) -> None:
    cpus, gpus = ray_private.count_resources()
    assert cpus >= 1
    assert gpus >= 0


def opens_read_settings_again(run: Run) -> None:
    ray_private.read_settings_again()


def opens_ask_head(run: Run) -> None:
    ray_private.ask_head(run.head)


@ray.remote(num_cpus=0)
class Stays:
    """A node that is drained ends when no worker is left on it."""

    def leaving(self) -> set[str]:
        return ray_private.leaving_nodes()


def opens_leaving_nodes(run: Run) -> None:
    assert ray_private.leaving_nodes() == set()
    kept = Stays.remote()
    assert ray.get(kept.leaving.remote()) == set()
    head, reason = ray.get_runtime_context().get_node_id(), 2
    client, until = ray._raylet.GcsClient(address=run.head), int(1000 * time.time()) + 600_000
    assert client.drain_node(head, reason, "a test", until) == (True, "")
    assert ray_private.leaving_nodes() == {head}
    assert ray.get(kept.leaving.remote()) == {head}


def opens_pending_trials(run: Run) -> None:
    assert max(run.scheduler.pending) == 1
    assert run.scheduler.pending[-1] == 0


class Ends(Trainable):
    """Ends after two steps, or breaks in the second."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        return True

    def step(self) -> dict[str, Any]:
        if self.config["breaks"] and self.iteration:
            raise ValueError("the second step broke")
        return {"done": self.iteration == 1}


class Ended(Callback):
    """Weak references to the trials that ended or broke: they keep none of them alive."""

    def __init__(self) -> None:
        self.trials: list[weakref.ref[Any]] = []

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.trials.append(weakref.ref(trial))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.trials.append(weakref.ref(trial))


class Forgets(FIFOScheduler):
    """Lets Tune forget, and counts the trials that Tune lists then, and those that anything keeps
    when one more has ended.
    """

    def __init__(self, ended: Ended) -> None:
        super().__init__()
        self.ended = ended
        self.listed: list[int] = []
        self.kept: dict[int, int] = {}

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        ray_private.drop_ended_trials(tune_controller)
        self.listed.append(len(tune_controller.get_trials()))
        trials = self.ended.trials
        if len(trials) not in self.kept:
            gc.collect()
            self.kept[len(trials)] = sum(trial() is not None for trial in trials)
        return super().choose_trial_to_run(tune_controller)


def opens_drop_ended_trials(run: Run) -> None:
    ended = Ended()
    scheduler = Forgets(ended)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        # Tune's own displays and logs, which a search does without, keep trials too.
        for name, value in RAY_SETTINGS.items():
            environment.setenv(name, value)
        tune.run(
            Ends,
            config={"breaks": tune.grid_search([False, True, False, False])},
            scheduler=scheduler,
            callbacks=[ended, NoProgress()],
            max_concurrent_trials=1,
            reuse_actors=True,
            storage_path=folder,
            raise_on_failed_trial=False,
            verbose=0,
        )
    assert len(ended.trials) == 4
    assert max(scheduler.listed) <= 2
    # Of the last to end the actor's answer may be on its way.
    assert max(scheduler.kept.values()) <= 1, "Tune keeps trials where the door does not look"


def opens_error_of(run: Run) -> None:
    assert isinstance(run.seen.error, RayTaskError)
    assert isinstance(run.seen.error.cause, ValueError)


def opens_traceback_of(run: Run) -> None:
    assert "ValueError: the first step broke" in run.seen.traceback


def opens_signals_left_to_us(run: Run) -> None:
    before, after = run.handlers
    assert before == after
    assert run.groups
    assert os.getpgrp() not in run.groups


def opens_secrets_left_to_us(run: Run) -> None:
    assert run.environments
    assert b"hunter2" not in b"".join(run.environments)
    (job,) = ray._private.state.jobs()
    assert job["Entrypoint"] == "sedn --store=postgresql://u@h/d"


OF_RAY: dict[str, Callable[[Run], None]] = {
    "count_resources": opens_count_resources,
    "read_settings_again": opens_read_settings_again,
    "ask_head": opens_ask_head,
    "pending_trials": opens_pending_trials,
    "drop_ended_trials": opens_drop_ended_trials,
    "error_of": opens_error_of,
    "traceback_of": opens_traceback_of,
    "signals_left_to_us": opens_signals_left_to_us,
    "secrets_left_to_us": opens_secrets_left_to_us,
    # The last: nothing more can start on the node.
    "leaving_nodes": opens_leaving_nodes,
}


@pytest.mark.parametrize("door", OF_RAY)
def test_ray_has_what_is_used_by(door: str, run: Run) -> None:
    OF_RAY[door](run)


def test_every_door_of_ray_is_opened() -> None:
    assert doors_of(ray_private) == OF_RAY.keys()


@pytest.mark.parametrize("module", [optuna_private, ray_private])
def test_every_door_says_why_it_is_there(module: Any) -> None:
    for door in doors_of(module):
        one: Any = module
        for name in door.split("."):
            one = getattr(one, name)
        assert inspect.getdoc(one), door
