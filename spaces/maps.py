"""The maps that the trials of a space may ask for: computed ones, and the masks of the data."""

from collections.abc import Iterator
from itertools import product

from sedn.config import MapConfig
from sedn.config.groups import EmbeddingConfig
from sedn.registry import SEMANTIC_SOURCES, describe_source
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


def needing_masks(space: Space) -> str | None:
    """The value of the space with which networks see, or learn from, the masks of the data, such as
    ``semantic_map.source: given``; ``None`` where no network needs any.
    """
    choices = [space.values_of(f"embedding.{name}") for name in ("placement", "fusion")]
    if not any(_uses_map(*values) for values in product(*choices)):
        return None
    controls = space.values_of("semantic_map.control")
    if controls and not any(_needs_masks(control) for control in controls):
        return None
    sources = space.values_of("semantic_map.source")
    needing = (source for source in sources if SEMANTIC_SOURCES.find(source).needs_masks)
    return next((f"semantic_map.source: {source}" for source in needing), None)


def _uses_map(placement: str, fusion: str) -> bool:
    return EmbeddingConfig(placement=placement, fusion=fusion).uses_map


def _needs_masks(control: str) -> bool:
    """Whether the map is the source's own, or that of another image."""
    return control == "none" or describe_source(control).needs_masks


def check_maps(space: Space) -> None:
    """Check what computes the maps of the trials, before the data are read.

    Raises:
        UserError: a trial's maps cannot be computed, such as by a segmenter that is missing.
    """
    for computed, config in computed_maps(space):
        computed.check(config)
