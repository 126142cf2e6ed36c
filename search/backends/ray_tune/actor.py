"""The worker: a Ray actor that trains one trial after another, and stays warm in between."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
from ray.tune import Trainable

from search.backends.generators import close_training, start_training
from search.backends.ray_tune.output import OutputKeeper
from search.backends.ray_tune.private import leaving_nodes
from search.driver import Assignment, TrainFunction
from sedn.training.result import EpochResult


class NodeLeaves(Exception):
    """The node of a worker is about to be taken: the trial goes on elsewhere."""


class TrialActor(Trainable):  # type: ignore[misc]
    """Runs the training generator of a trial, one epoch a step.

    An actor is reused for the next trial: torch stays imported and the data stays mapped. One that
    raised is replaced by Ray, so that no broken CUDA context is handed on.
    """

    _epochs: Iterator[EpochResult] = iter(())

    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> dict[str, float]:
        """The cores and GPU that Ray reserves for the trial."""
        assignment: Assignment = config["assignment"]
        return {"cpu": assignment.cpus, "gpu": assignment.gpus}

    def setup(
        self,
        config: dict[str, Any],
        train: TrainFunction | None = None,
        folder: str = ".",
        weights: Mapping[str, bytes] | None = None,
    ) -> None:
        """Start the first trial, in the driver's working ``folder`` where this node has it, with
        the files of ``weights`` that the driver sends.
        """
        if train is None:
            raise TypeError("TrialActor needs a training function: tune.with_parameters(train=…)")
        self._train = train
        self._output = OutputKeeper()
        if weights:
            # Imports timm, which no other trial needs before its training starts.
            from sedn.network.weights_file import keep_sent

            keep_sent(weights)
        if Path(folder).is_dir():
            # What a configuration names by a relative path lies there.
            os.chdir(folder)
        _use_granted_threads()
        self._node_id = ray.get_runtime_context().get_node_id()
        self._node = f"{platform.node()} ({self._node_id[:8]})"
        self._begin(config["assignment"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Start the next trial in the same process."""
        self._begin(new_config["assignment"])
        return True

    def step(self) -> dict[str, Any]:
        """Train for one epoch; the driver says when the last one was reached.

        Raises:
            NodeLeaves: before the epoch, when the one before is in the checkpoint. Ray ends a
                worker that has raised, and a node that is drained when no worker is left there.
        """
        if self._node_id in leaving_nodes():
            raise NodeLeaves(self._node)
        try:
            result = next(self._epochs)
        finally:
            self._output.keep()
        return {
            "epoch": result.epoch,
            "mean_auc": result.mean_auc,
            "result": result,
            "node": self._node,
        }

    def cleanup(self) -> None:
        """Close the generator, which frees the memory of the training."""
        close_training(self._epochs)
        self._output.keep()

    def _begin(self, assignment: Assignment) -> None:
        close_training(self._epochs)
        self._output.begin(assignment.folder)
        self._epochs = start_training(self._train, assignment)


def _use_granted_threads() -> None:
    """Let torch use the cores that Ray grants, and no more, whatever the environment says."""
    cores = max(1, int(ray.get_runtime_context().get_assigned_resources().get("CPU", 1)))
    os.environ["OMP_NUM_THREADS"] = str(cores)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(cores)
