"""Nodes with other versions than the driver's are named before the first trial."""

import json
from pathlib import Path

import pytest

from search.backends.ray_tune.shipping import PACKAGES, place_of, runtime_env
from search.backends.ray_tune.versions import refuse_others
from sedn.errors import UserError
from sedn.registry.plugins import GROUP, SENT, found_plugins
from tests.sedn.own_parts import install

OURS = {"Python": "3.11", "torch": "2.11.0", "timm": "1.0.31", "pandas": "2.3.0"}


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ({}, None),
        ({"pandas": "2.2.9"}, None),
        ({"torch": "2.10.0"}, "node 'b' has torch 2.10.0, this machine has torch 2.11.0: install"),
        ({"Python": "3.12"}, "node 'b' has Python 3.12, this machine has Python 3.11"),
        ({"timm": None}, "node 'b' has no timm, this machine has timm 1.0.31"),
        ({"pandas": None}, "node 'b' has no pandas"),
    ],
)
def test_versions_of_nodes(there: dict[str, str | None], said: str | None) -> None:
    nodes = [("a", OURS), ("b", {**OURS, **there})]
    if said is None:
        refuse_others(OURS, nodes)
        return
    with pytest.raises(UserError) as refused:
        refuse_others(OURS, nodes)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_what_this_machine_lacks_no_node_needs() -> None:
    refuse_others({**OURS, "pandas": None}, [("a", {**OURS, "pandas": None})])


def test_the_code_and_the_plugins_are_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    env = runtime_env()
    names = [Path(module).stem for module in env["py_modules"]]
    assert names == [*PACKAGES, "sedn_film"]
    assert all(Path(module).exists() for module in env["py_modules"])
    assert json.loads(env["env_vars"][SENT]) == {"film": "sedn_film"}


def test_a_worker_finds_a_plugin_that_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SENT, json.dumps({"film": "sedn_film"}))
    found = {(point.name, point.value, point.group) for point in found_plugins()}
    assert ("film", "sedn_film", GROUP) in found


def test_a_module_that_is_no_file_is_not_sent() -> None:
    assert place_of("sys") is None
    assert place_of("no_such_module") is None
