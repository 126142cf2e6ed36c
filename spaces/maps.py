"""The maps that the trials of a space may ask for and that a semantic source computes."""

from collections.abc import Iterator
from itertools import product

from sedn.config import MapConfig
from sedn.registry import SEMANTIC_SOURCES
from sedn.registry.semantic_sources import ComputedMaps
from spaces.space import Space


def computed_maps(space: Space) -> Iterator[tuple[ComputedMaps, MapConfig]]:
    """Each source that computes maps, with each configuration that decides what is computed.

    A field that is a continuous axis has no list of values; its maps are computed in the trials.
    """
    for source in space.values_of("semantic_map.source"):
        computed = SEMANTIC_SOURCES.find(source).computed
        if computed is None:
            continue
        choices = [space.values_of(f"semantic_map.{field}") for field in computed.fields]
        for values in product(*choices):
            fields = dict(zip(computed.fields, values, strict=True))
            yield computed, MapConfig.model_validate({"source": source, **fields})


def check_maps(space: Space) -> None:
    """Check what computes the maps of the trials, before the data are read.

    Raises:
        UserError: a trial's maps cannot be computed, such as by a segmenter that is missing.
    """
    for computed, config in computed_maps(space):
        computed.check(config)
