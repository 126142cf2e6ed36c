"""The versions by which each run of a search was made, kept among its experiment's settings."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

KEY = "versions"
"""Among the settings. What stands there decides nothing, and is no setting of a search."""
PACKAGES = ("sedn-search", "torch", "torchvision", "timm", "numpy", "optuna", "ray")

Versions = dict[str, str]
"""By the name of the package, Python among them."""


def installed() -> Versions:
    """The versions of this process."""
    versions = {"Python": python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def with_versions(settings: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as an experiment keeps them, with the versions of all runs.

    Args:
        settings: of this run.
        before: as the experiment kept them after its last run; empty for a new one.
    """
    runs, now = versions_of(before), installed()
    return {**settings, KEY: runs if runs[-1:] == [now] else [*runs, now]}


def without_versions(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The settings alone."""
    return {name: value for name, value in kept.items() if name != KEY}


def versions_of(kept: Mapping[str, Any]) -> list[Versions]:
    """The versions of the runs of a search, each once where they stayed as they were; empty where
    an earlier version of this program, or another program, made the experiment.
    """
    return list(kept.get(KEY, []))


def versions_text(kept: Mapping[str, Any]) -> str:
    """The same in words."""
    runs = [map(" ".join, one.items()) for one in versions_of(kept)]
    return "; later ".join(map(", ".join, runs)) or "not recorded"
