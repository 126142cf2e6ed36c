"""The private parts of Ray that the project uses.

No other module uses a private name of Ray, nor one that its documents leave out. Each door here
says what is used, and why there is no public way. The tests in
``tests/search/backends/test_private_doors.py`` open each with the installed release.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from results.commands import STORE_VARIABLE
from sedn.addresses import without_passwords


def count_resources() -> tuple[float, float]:
    """CPUs and GPUs that Ray would find on this machine, by the limits of a container too.

    Uses ``ResourceAndLabelSpec.resolve``, with which Ray counts when it starts; the public
    functions ask a cluster that runs.
    """
    from ray._private.resource_and_label_spec import ResourceAndLabelSpec

    resources = ResourceAndLabelSpec().resolve(is_head=True, node_ip_address="127.0.0.1")
    return float(resources.num_cpus), float(resources.num_gpus)


def read_settings_again() -> None:
    """Let Ray read its settings from the environment once more.

    Uses ``ray._raylet.Config``: Ray reads its settings once, when it is imported.
    """
    import ray

    ray._raylet.Config.initialize("")


def ask_head(address: str) -> None:
    """Ask the head of a cluster, at ``host:port``, whether this process may join.

    Uses ``ray._raylet.GcsClient``: ``ray.init`` calls the head for twenty seconds, and then says
    nothing of the token.

    Raises:
        Exception: of Ray; the token, where the head asks for one, is named in the message.
    """
    import ray

    ray._raylet.GcsClient(address=address)


def leaving_nodes() -> set[str]:
    """The ids of the nodes that are about to go: drained by a person or by the cluster, or
    ended by SIGTERM. Empty where this process is only a client of a cluster.

    Uses ``ray._private.state.state.get_draining_nodes``: ``ray.nodes`` lists such a node as any
    other that is alive, and no public function tells the two apart.
    """
    from ray._private.state import state
    from ray.util.client import ray as client

    return set() if client.is_connected() else set(state.get_draining_nodes())


def pending_trials(tune_controller: Any) -> list[Any]:
    """The trials that wait in Tune, and for which no worker is starting yet.

    Uses ``get_live_trials``: the documented ``get_trials`` gives all that ended too, and takes
    longer with each. And ``TuneController._trial_to_actor``: where a scheduler chooses a trial
    whose worker is starting, Tune gives the trial the next worker that is free, and ends the one
    that starts. Where trials end faster than workers start, no worker of a new node would ever be
    ready.

    Args:
        tune_controller: as for :func:`drop_ended_trials`.
    """
    from ray.tune.experiment import Trial

    controller = getattr(tune_controller, "_tune_controller", tune_controller)
    return [
        trial
        for trial in tune_controller.get_live_trials()
        if trial.status == Trial.PENDING and trial not in controller._trial_to_actor
    ]


def drop_ended_trials(tune_controller: Any) -> None:
    """Let Tune forget the trials that have ended.

    Uses ``TuneController._trials``, the sets of the ended trials by how they ended, and what waits
    to be written of each: Tune keeps every trial to the end of a run, and has no option against
    that, so that memory and each turn of its loop grow with the search.

    Args:
        tune_controller: as a scheduler gets it, which is a view of the controller's public part.
    """
    controller = getattr(tune_controller, "_tune_controller", tune_controller)
    ended = controller._stopped_trials | controller._failed_trials
    # An actor may still be on its way from the trial to the next one.
    ended -= controller._trial_to_actor.keys()
    if not ended:
        return
    controller._trials[:] = [trial for trial in controller._trials if trial not in ended]
    controller._stopped_trials -= ended
    controller._failed_trials -= ended
    controller._live_trials -= ended
    controller._trials_to_cache -= ended
    for trial in ended:
        controller._trial_metadata.pop(trial.trial_id, None)
        controller._cached_trial_decisions.pop(trial.trial_id, None)


def error_of(trial: Any) -> BaseException | None:
    """The error that Tune has just written down of a trial; ``None`` if it cannot be read back.

    Uses ``Trial.pickled_error_file``: Tune hands a callback no error, and ``get_pickled_error``
    reads a copy which is made later, or never.
    """
    from ray import cloudpickle

    try:
        error = cloudpickle.loads(Path(trial.pickled_error_file).read_bytes())
    except Exception:
        return None
    return error if isinstance(error, BaseException) else None


def traceback_of(trial: Any) -> str:
    """The traceback that Tune has just written down of a trial; empty where there is none.

    Uses ``Trial.error_file``, as :func:`error_of` does.
    """
    file = Path(trial.error_file or "")
    return file.read_text() if file.is_file() else ""


SECRETS = (STORE_VARIABLE, "PGPASSWORD")
"""Variables of the environment that may hold the database's password, which no worker needs."""


@contextmanager
def secrets_left_to_us() -> Iterator[None]:
    """Keep the database's password from Ray, which starts or is joined within.

    Uses ``ray._private.services.ConsolePopen``: Ray's processes get the whole environment of this
    one, and so do the workers. Taken out of this process's own, the variables would be missing to
    a thread that connects to the database meanwhile. And
    ``ray._private.utils.get_entrypoint_name``: Ray keeps the command line of this process in the
    cluster's list of jobs, which the dashboard shows.
    """
    from ray._private import services, utils

    before = services.ConsolePopen, utils.get_entrypoint_name

    class WithoutSecrets(before[0]):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            given = options.get("env") or os.environ
            options["env"] = {name: given[name] for name in given if name not in SECRETS}
            super().__init__(*args, **options)

    services.ConsolePopen = WithoutSecrets
    utils.get_entrypoint_name = lambda: " ".join(without_passwords(sys.orig_argv))
    try:
        yield
    finally:
        services.ConsolePopen, utils.get_entrypoint_name = before


@contextmanager
def signals_left_to_us() -> Iterator[None]:
    """Keep Ray, which starts or is joined within, from answering signals in place of this process.

    Uses ``ray._private.utils.set_sigterm_handler``, by which Ray ends the process with a code of
    its own; ``ray._private.ray_constants.RAY_DISABLE_FAILURE_SIGNAL_HANDLER``, without which
    Ray's C++ code writes a stack and aborts; and ``ray._private.services.ConsolePopen``: Ray's
    processes get a process group of their own. A signal to the group of this process would
    otherwise end them first, and Ray's code in this process then exits without a word. The kernel
    ends them with this process.
    """
    from ray._private import ray_constants, services, utils

    class OwnGroup(services.ConsolePopen):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            group = 0 if utils.detect_fate_sharing_support_linux() else None
            super().__init__(*args, process_group=group, **options)

    name = "RAY_DISABLE_FAILURE_SIGNAL_HANDLER"
    before = services.ConsolePopen, utils.set_sigterm_handler, getattr(ray_constants, name)
    services.ConsolePopen, utils.set_sigterm_handler = OwnGroup, lambda _: None
    setattr(ray_constants, name, True)
    try:
        yield
    finally:
        services.ConsolePopen, utils.set_sigterm_handler, stacks = before
        setattr(ray_constants, name, stacks)
