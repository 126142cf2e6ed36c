"""The versions of Python and the libraries on each node of a cluster, beside the driver's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sedn.errors import UserError

SAME = ("Python", "torch", "timm")
"""In other versions of which a trial comes to other results, or cannot be sent at all."""
NEEDED = ("numpy", "optuna", "pandas", "pillow", "pydantic", "PyYAML", "SQLAlchemy")
"""Without which a worker does not start."""
SECONDS = 60.0
"""In which a node answers, which has to start a process for that."""

Versions = Mapping[str, str | None]
"""By library, and of Python; ``None`` where it is not installed."""


def check_nodes() -> None:
    """Check that each node of the cluster has the driver's Python and libraries.

    A node that does not answer in time is left out: its trials will say what is wrong with it.

    Raises:
        UserError: a node has another version of one; the line names node, library and versions.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = _asking((*SAME[1:], *NEEDED))
    remote = ray.remote(num_cpus=0, max_retries=0)(ask)
    asked = {}
    for row in ray.nodes():
        if row["Alive"]:
            there = NodeAffinitySchedulingStrategy(row["NodeID"], soft=False)
            name = str(row.get("NodeManagerHostname") or row.get("NodeManagerAddress"))
            asked[remote.options(scheduling_strategy=there).remote()] = name
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=SECONDS)
    answers = [(asked[answer], _value(answer)) for answer in answered]
    refuse_others(ask(), [(name, versions) for name, versions in answers if versions is not None])


def refuse_others(own: Versions, nodes: Sequence[tuple[str, Versions]]) -> None:
    """Compare the versions of nodes, each with its name, with the driver's.

    Raises:
        UserError: a node has another version of something, or not even that.
    """
    for node, versions in nodes:
        for library, version in own.items():
            there = versions.get(library)
            wrong = there != version if library in SAME else there is None
            if wrong and version is not None:
                has = f"has {library} {there}" if there else f"has no {library}"
                raise UserError(
                    f"node '{node}' {has}, this machine has {library} {version}: install that "
                    f"version there"
                )


def _asking(libraries: Sequence[str]) -> Callable[[], dict[str, str | None]]:
    """A function that tells the versions where it runs. Ray sends a function within a function
    with its code: a node needs nothing of ours to answer.
    """

    def versions() -> dict[str, str | None]:
        import platform
        from importlib import metadata

        minor = ".".join(platform.python_version_tuple()[:2])
        found: dict[str, str | None] = {"Python": minor}
        for library in libraries:
            try:
                # What follows a plus says for which GPU a wheel was built.
                found[library] = metadata.version(library).partition("+")[0]
            except metadata.PackageNotFoundError:
                found[library] = None
        return found

    return versions


def _value(answer: Any) -> dict[str, str | None] | None:
    import ray

    try:
        return dict(ray.get(answer))
    except ray.exceptions.RayError:
        return None
