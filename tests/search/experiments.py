"""Experiments for tests that train nothing real: all but what a search needs is a placeholder."""

from collections.abc import Mapping, Sequence
from typing import Any

from results.database.store import LabelCounts, NewExperiment
from spaces import Space


def experiment_of(
    name: str, space: Space, settings: Mapping[str, Any], labels: Sequence[str] = ("a",)
) -> NewExperiment:
    """An experiment of a space, on data that are not there."""
    return NewExperiment(
        name=name,
        data_path="data",
        data_fingerprint="0" * 16,
        skipped_images=0,
        splits=b"",
        space_name=space.name,
        space_yaml=space.source_text,
        settings=settings,
        labels=[LabelCounts(label, 1, 2, 1, 2) for label in labels],
    )
