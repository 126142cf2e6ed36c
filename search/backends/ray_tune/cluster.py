"""Joining a Ray cluster, or starting one on this machine."""

import contextlib
import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from search.backends.ray_tune import room
from search.backends.ray_tune.private import (
    ask_head,
    count_resources,
    leaving_nodes,
    read_settings_again,
    secrets_left_to_us,
    signals_left_to_us,
)
from search.backends.ray_tune.shipping import runtime_env
from search.packing import Grant, check_gpu_hours
from search.settings import Resources, SearchSettings
from sedn.errors import UserError

MOST_BYTES = 38
"""Longest path of Ray's folder: the path of a socket in the folder has 69 bytes more, and may have
107.
"""

TOKEN_FILE = Path("~/.ray/auth_token")

RAY_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # The database is the record; Tune's own CSV, JSON and event files would be a second one.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # The driver hands out no more trials than have room: Tune may place all of them at once.
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # A job that was submitted has an environment of its own: its modules are ours, the rest stays.
    "RAY_OVERRIDE_JOB_RUNTIME_ENV": "1",
    # Threads that wait for each other in turns cost other trials the core they wait on.
    "OMP_WAIT_POLICY": "PASSIVE",
}


def check_address(address: str | None) -> None:
    """Check at once that a cluster at ``host:port`` lets us in; Ray itself tries for a minute.

    Raises:
        UserError: nothing listens there, or it asks for a token that is not there.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if address is None or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(_refusal(address, error)) from None
    if not address.startswith("ray://"):
        _check_token(address)


def connect(resources: Resources, empty: Path) -> None:
    """Connect to the cluster that ``resources`` name, or start one.

    Args:
        resources: name the cluster.
        empty: an empty folder. Ray puts the driver's working folder before all else on its
            workers' path: a ``search.py`` or ``random.py`` of the user's there would be imported
            in place of this package, or of Python's own module. So Ray starts in this folder.

    Raises:
        UserError: the cluster cannot be reached, or asks for a token that is not there, or Ray has
            no folder for its sockets.
    """
    _set_environment()
    import ray

    # Its closing word is a list of the failed trials by names that only Tune knows.
    logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if resources.address is None:
        with contextlib.chdir(empty), _short_paths(), signals_left_to_us(), secrets_left_to_us():
            ray.init(address="local", include_dashboard=False, **options)
        return
    _use_token()
    code = runtime_env()
    try:
        with contextlib.chdir(empty), signals_left_to_us(), secrets_left_to_us():
            ray.init(address=resources.address, runtime_env=code, **options)
    except Exception as error:
        raise UserError(_refusal(resources.address, error)) from None


def slots(resources: Resources) -> tuple[int | None, Grant]:
    """How many trials have room at a time, and what each gets; as :func:`.room.slots`.

    Raises:
        UserError: no node of the cluster has room for a trial.
    """
    return room.slots(_nodes(), resources)


def room_now(grant: Grant) -> int:
    """How many trials with so much each have room on the nodes that run now."""
    return room.room_for(_nodes(), grant)


def _nodes() -> list[room.Node]:
    """The nodes on which a trial may start."""
    import ray

    return room.nodes_of(ray.nodes(), leaving_nodes())


def check_room(resources: Resources, settings: SearchSettings) -> None:
    """Check that a cluster started on this machine has room for a trial, or that a
    limit on trials at a time is given for a cluster which starts nodes.

    A cluster that is joined is asked when it has been joined.

    Raises:
        UserError: the cluster has no room, or GPU-hours are asked for where trials use no GPU.
    """
    if resources.autoscaling:
        _check_autoscaling(resources)
    if resources.address is not None:
        return
    _set_environment()
    here = room.Node("this machine", *count_resources())
    check_gpu_hours(settings, room.slots([here], resources)[1])


def _check_autoscaling(resources: Resources) -> None:
    if resources.address is None:
        raise UserError("`autoscaling`: give the `address` of the cluster that starts nodes")
    if resources.max_concurrent is None or resources.gpus_per_trial is None:
        raise UserError(
            "`autoscaling`: the nodes that run now do not tell how many trials there will be room "
            "for; give `max_concurrent` and `gpus_per_trial`"
        )


@contextlib.contextmanager
def _short_paths() -> Iterator[None]:
    """Let Ray keep its sockets in a folder of a short path, where the path of its own is too long.

    Raises:
        UserError: that folder's path is too long for a socket, and there is no ``/tmp``.
    """
    temporary = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    if len(os.fsencode(temporary)) <= MOST_BYTES:
        yield
        return
    folder = Path("/tmp") / f"sedn-ray-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Ray's sockets need a folder whose path has at most {MOST_BYTES} bytes, and "
            f"'{temporary}' has {len(os.fsencode(temporary))}; set RAY_TMPDIR to a "
            f"shorter one ({error})"
        ) from None
    before = os.environ.get("RAY_TMPDIR")
    os.environ["RAY_TMPDIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["RAY_TMPDIR"]
        else:
            os.environ["RAY_TMPDIR"] = before


def _set_environment() -> None:
    for name, value in RAY_SETTINGS.items():
        os.environ.setdefault(name, value)


def _use_token() -> None:
    """Ray uses a token for a cluster that is named in token mode only; choose it if there is one.

    Not for a cluster started here: for that Ray makes a token by itself.
    """
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if (named or TOKEN_FILE.expanduser().is_file()) and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        # Ray has read its settings already where it was imported before.
        read_settings_again()


def _check_token(address: str) -> None:
    _set_environment()
    _use_token()
    try:
        ask_head(address)
    except Exception as error:
        if "oken" in str(error):
            raise UserError(_refusal(address, error)) from None


def _refusal(address: str, error: Exception) -> str:
    """Describe in one line why a cluster could not be joined, and what to do."""
    text = " ".join(str(error).split())
    if "oken" in text:
        return (
            f"Ray at '{address}' asks for its token: copy {TOKEN_FILE} from the head node, or set "
            f"RAY_AUTH_TOKEN"
        )
    return f"no Ray cluster at '{address}': {text[:200]}; start one with `ray start --head`"
