"""The releases that pyproject.toml claims, and those that the two environments of tests have."""

import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
TYPES = {"pandas-stubs", "types-PyYAML"}
"""Releases of these follow what they describe; no program runs them."""


def requirements() -> dict[str, Requirement]:
    """What pyproject.toml asks for, extras too, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return {Requirement(line).name: Requirement(line) for line in lines}


def pinned(text: str) -> dict[str, str]:
    """Release by name, of lines ``name==release``."""
    pairs = (line.split("==") for line in text.split() if "==" in line)
    return {name.lower().replace("_", "-"): release for name, release in pairs}


def test_each_requirement_has_a_lowest_release_that_the_lowest_environment_installs() -> None:
    command = [sys.executable, str(ROOT / ".ci/lowest.py")]
    lowest = pinned(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    asked = {name: one for name, one in requirements().items() if name not in TYPES}
    assert lowest.keys() == {name.lower() for name in asked}
    for name, one in asked.items():
        assert f">={lowest[name.lower()]}" in str(one.specifier)
        assert one.specifier.contains(lowest[name.lower()])


def test_the_releases_that_make_installs_are_within_the_bounds() -> None:
    installed = pinned((ROOT / "constraints.txt").read_text())
    for name, one in requirements().items():
        assert one.specifier.contains(installed[name.lower()]), name
