"""How many trials have room: all of a trial on one node, a part of a GPU on one GPU."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.backends.ray_tune.cluster import check_room
from search.backends.ray_tune.room import Node, nodes_of, slots
from search.settings import Resources, SearchSettings
from sedn.errors import UserError

ONE_GPU = Node("node 'a'", 4.0, 1.0)
CPU_ONLY = Node("node 'b'", 64.0, 0.0)
FOUR_GPUS = Node("node 'c'", 16.0, 4.0)


@pytest.mark.parametrize(
    ("nodes", "asked", "room"),
    [
        ([ONE_GPU], {}, 1),
        ([ONE_GPU, ONE_GPU], {}, 2),
        ([ONE_GPU, CPU_ONLY], {"gpus_per_trial": 0}, 68),
        ([ONE_GPU, CPU_ONLY], {"gpus_per_trial": 0.5}, 2),
        ([CPU_ONLY], {}, 64),
        ([CPU_ONLY], {"gpus_per_trial": "auto"}, 64),
        ([FOUR_GPUS], {"gpus_per_trial": 2}, 2),
        ([FOUR_GPUS, ONE_GPU], {"gpus_per_trial": 2}, 2),
        # Each GPU holds two of 0.4; the fifth that the sum has room for would lie on two GPUs.
        ([FOUR_GPUS], {"gpus_per_trial": 0.4}, 8),
        ([FOUR_GPUS], {"gpus_per_trial": 0.1}, 16),
        ([FOUR_GPUS], {"gpus_per_trial": "auto"}, 16),
        ([ONE_GPU], {"cpus_per_trial": 3}, 1),
        ([ONE_GPU, ONE_GPU], {"cpus_per_trial": 3, "gpus_per_trial": 0}, 2),
        ([Node("node 'd'", 0.3, 0.0)], {"cpus_per_trial": 0.1}, 3),
    ],
)
def test_room_is_counted_node_by_node(nodes: list[Node], asked: dict[str, Any], room: int) -> None:
    assert slots(nodes, Resources(**asked))[0] == room


@pytest.mark.parametrize(
    ("nodes", "asked", "said"),
    [
        (
            [ONE_GPU, ONE_GPU, CPU_ONLY],
            {"gpus_per_trial": 2},
            "no room for a trial: a trial asks for 1 CPU and 2 GPUs on one node, and node 'a', the "
            "largest of 3, has 4 CPUs and 1 GPU; lower `cpus_per_trial` or `gpus_per_trial`",
        ),
        ([ONE_GPU, ONE_GPU], {"cpus_per_trial": 5}, "5 CPUs and 1 GPU on one node"),
        ([CPU_ONLY], {"gpus_per_trial": 0.5}, "0.5 GPUs on one node, and node 'b' has 64 CPUs"),
        ([CPU_ONLY, ONE_GPU], {"cpus_per_trial": 65, "gpus_per_trial": 0}, "node 'b', the largest"),
        ([FOUR_GPUS], {"gpus_per_trial": 1.5}, "`gpus_per_trial=1.5`: give a part of one GPU, or"),
        ([], {}, "and the cluster has no node"),
    ],
)
def test_what_no_node_has_room_for_is_refused(
    nodes: list[Node], asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        slots(nodes, Resources(**asked))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


amounts = st.sampled_from([0.0, 0.25, 0.3, 0.4, 0.5, 1.0, 2.0, 3.0])
clusters = st.lists(
    st.builds(Node, st.just("node"), st.integers(0, 8).map(float), st.integers(0, 4).map(float)),
    max_size=5,
)


@given(clusters, st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0]), amounts)
def test_so_many_trials_can_be_placed_and_no_more(
    nodes: list[Node], cpus: float, gpus: float
) -> None:
    """Beside a placement trial by trial, in Ray's units, on the first node that takes it."""
    left = [[round(n.cpus * 10_000), [10_000] * int(n.gpus)] for n in nodes]
    placed = 0
    while any(place(node, round(cpus * 10_000), round(gpus * 10_000)) for node in left):
        placed += 1
    try:
        room, grant = slots(nodes, Resources(cpus_per_trial=cpus, gpus_per_trial=gpus))
    except UserError:
        room = 0
    else:
        assert (grant.cpus, grant.gpus) == (cpus, gpus)
    assert room == placed


def place(node: list[Any], cpus: int, gpus: int) -> bool:
    """Take a trial's share from a node: its CPUs, and the CPUs and GPUs left."""
    free: list[int] = node[1]
    takes = [i for i, left in enumerate(free) if left >= min(gpus, 10_000)]
    needed = 0 if not gpus else max(1, gpus // 10_000)
    if node[0] < cpus or len(takes) < needed:
        return False
    node[0] -= cpus
    for i in takes[:needed]:
        free[i] -= min(gpus, 10_000)
    return True


def test_a_cluster_that_starts_nodes_refuses_no_trial() -> None:
    asked = {"cpus_per_trial": 99, "gpus_per_trial": 1, "max_concurrent": 3, "address": "auto"}
    with pytest.raises(UserError, match="; give `autoscaling` where the cluster starts nodes"):
        slots([CPU_ONLY], Resources(**asked))
    room, grant = slots([], Resources(**asked, autoscaling=True))
    assert (room, grant.cpus, grant.gpus) == (None, 99, 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "`autoscaling`: give the `address` of"),
        ({"address": "auto"}, "give `max_concurrent` and `gpus_per_trial`"),
        ({"address": "auto", "gpus_per_trial": 0}, "give `max_concurrent` and `gpus_per_trial`"),
        ({"address": "auto", "max_concurrent": 2}, "give `max_concurrent` and `gpus_per_trial`"),
        ({"backend": "local"}, "leave `backend='local'` out"),
    ],
)
def test_what_a_cluster_that_starts_nodes_must_be_told(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_room(Resources(**asked, autoscaling=True), SearchSettings())


def test_a_node_that_is_gone_or_leaves_has_no_room() -> None:
    rows = [
        {
            "Alive": True,
            "NodeManagerHostname": "a",
            "NodeID": "1",
            "Resources": {"CPU": 2.0, "GPU": 1.0},
        },
        {"Alive": False, "NodeManagerHostname": "b", "NodeID": "2", "Resources": {"CPU": 8.0}},
        {"Alive": True, "NodeManagerAddress": "10.0.0.3", "NodeID": "3", "Resources": {}},
    ]
    assert nodes_of(rows) == [Node("node 'a'", 2.0, 1.0), Node("node '10.0.0.3'", 0.0, 0.0)]
    assert nodes_of(rows, {"1"}) == [Node("node '10.0.0.3'", 0.0, 0.0)], "nor one that is leaving"


REAL = """
from ray.cluster_utils import Cluster
from search.backends.ray_tune import cluster
from search.settings import Resources, SearchSettings
from sedn.errors import UserError
import tempfile, sys
from pathlib import Path
two = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1})
second = two.add_node(num_cpus=2, num_gpus=1)
two.wait_for_nodes()
cluster.connect(Resources(address=two.address), Path(tempfile.mkdtemp()))
def say(**asked):
    try:
        print(cluster.slots(Resources(**asked))[0])
    except UserError as error:
        print(error)
say(), say(gpus_per_trial=0.5), say(gpus_per_trial=2), say(cpus_per_trial=3), say(cpus_per_trial=2)
two.remove_node(second)
say()
import ray
ray.shutdown()
two.shutdown()
"""


@pytest.mark.slow
def test_a_real_cluster_of_two_nodes() -> None:
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, timeout=200)
    lines = done.stdout.splitlines()
    assert lines[:2] == ["2", "4"], done.stderr
    for line in lines[2:4]:
        assert line.startswith("no room for a trial: ")
        assert "the largest of 2, has 2 CPUs and 1 GPU; lower" in line
    assert lines[4:] == ["2", "1"]
