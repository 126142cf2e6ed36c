"""Syne Tune's schedulers as peers, each version in a process of its own environment."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from optuna.distributions import CategoricalDistribution

from benchmarks.efficiency_peers import MakePeer
from search.samplers.distributions import all_axes
from spaces import Space
from spaces.axes import is_active

PROGRAM = Path(__file__).with_name("syne_tune_peer.py")
METHODS = {
    "0.13": ("ASHA", "MOBSTER", "HyperTune", "DyHPO", "PASHA", "BOHB"),
    "0.16": ("ASHACQR", "ASHABORE", "CQR", "BORE", "TPE"),
}
"""Names of Syne Tune's baselines, by version."""


class Server:
    """The process of an environment, which answers line by line."""

    def __init__(self, python: Path) -> None:
        """Start it.

        Args:
            python: the interpreter of the environment.
        """
        asked = "import syne_tune; print(syne_tune.__version__)"
        shown = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
        self.version = shown.stdout.split()[-1]
        """Of Syne Tune."""
        self._process = subprocess.Popen(
            [python, PROGRAM],
            # Threads for so little data wait for one another more than they compute.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to a request; the kind of the request comes first."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"Syne Tune {self.version}: {answer['error']}")
        return answer

    def peers(self) -> dict[str, MakePeer]:
        """The peers of the environment, by their names in the tables."""
        series = self.version[: self.version.rindex(".")]
        return {
            f"Syne Tune {series}: {name}": lambda *search, name=name: SyneTunePeer(
                self, name, *search
            )
            for name in METHODS[series]
        }


class SyneTunePeer:
    """A scheduler of Syne Tune."""

    def __init__(self, server: Server, name: str, space: Space, epochs: int, seed: int) -> None:
        """Begin a search."""
        self._server, self._space = server, space
        self._goes_on = True
        axes = [_described(path, axis) for path, axis in all_axes(space).items()]
        server.ask(begin=name, space=axes, epochs=epochs, seed=seed)

    def draw(self, number: int, *, may_be_new: bool) -> dict[str, Any] | int | None:
        """Parameters that the searcher suggests, or the trial that the scheduler promotes."""
        answer = self._server.ask(draw=number, may_be_new=may_be_new)
        if "new" not in answer:
            return answer.get("resume")
        # Syne Tune knows no conditions: a value of an axis that is not active changes nothing.
        params: dict[str, Any] = {}
        for axis in self._space.axes:
            if is_active(axis, params):
                # One that has a single value is not asked for.
                drawn = axis.path in answer["new"]
                params[axis.path] = answer["new"][axis.path] if drawn else (axis.values() or [])[0]
        return params

    def goes_on(self, number: int, epoch: int, auc: float) -> bool:
        """Whether the scheduler lets the trial go on."""
        self._goes_on = self._server.ask(report=number, epoch=epoch, auc=auc)["goes_on"]
        return bool(self._goes_on)

    def end(self, number: int, epoch: int, auc: float) -> None:
        """Complete a trial that the scheduler has neither stopped nor paused."""
        if self._goes_on:
            self._server.ask(complete=number, epoch=epoch, auc=auc)


def _described(path: str, axis: Any) -> dict[str, Any]:
    if isinstance(axis, CategoricalDistribution):
        return {"path": path, "choices": list(axis.choices)}
    is_int = type(axis).__name__.startswith("Int")
    return {"path": path, "low": axis.low, "high": axis.high, "log": axis.log, "is_int": is_int}
