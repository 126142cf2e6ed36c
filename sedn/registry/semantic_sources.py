"""The sources of the semantic map, and the controls that take its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from sedn.config import MapConfig

MapsOfSplit = Callable[[Any, str, "MapConfig"], Any]
"""From a :class:`sedn.data.Dataset`, a split and the configuration to the maps (images, regions, H,
W) and of which images (images,) they are known."""


@dataclass(frozen=True)
class SemanticSource:
    """One source of maps."""

    description: str
    card: str
    """What a model card says of the maps."""
    fields: tuple[str, ...] = ()
    why_no_masks: str | None = None
    """Why `sedn predict` takes no masks; ``None`` where it takes them."""
    check: Callable[["MapConfig"], Any] = lambda config: None
    """See before the data are read what can be seen to be wrong; raises ``UserError``."""
    maps: MapsOfSplit | None = None
    """``None``: the data set's masks."""


SEMANTIC_SOURCES = Registry(
    "semantic_map.source",
    {
        "given": SemanticSource(
            "the data set's own masks, an oracle where they exist at test time too",
            "The network sees maps that come with the images. At test time they were the data "
            "set's own masks, so the results are those of a perfect segmenter; expect less of "
            "another.",
            fields=("dropout", "noise"),
        ),
        "predicted": SemanticSource(
            "by the segmenter at `semantic_map.segmenter`",
            "The maps are predicted from the image by the segmenter in `segmenter/`.",
            fields=("segmenter", "dropout", "noise"),
            why_no_masks="its own segmenter predicts the maps",
            check=lazily("sedn.segmentation.maps:check_segmenter"),
            maps=lazily("sedn.segmentation.maps:maps_of_split"),
        ),
        "auxiliary": SemanticSource(
            "by a head on the backbone that is trained along, and needs masks in training alone",
            "The network predicts its maps itself.",
            # The network sees its own prediction, which nothing roughens or withholds.
            fields=("auxiliary_weight",),
            why_no_masks="its network predicts its maps itself",
        ),
    },
    fields=("segmenter", "auxiliary_weight", "dropout", "noise"),
)
"""By the values of ``semantic_map.source``."""

MAPS_IN_PLACE: dict[str, SemanticSource] = {
    "none": SemanticSource(
        "no map",
        "The network sees no semantic map.",
        why_no_masks="its network sees no map",
    ),
    "constant": SemanticSource(
        "the same map for all images",
        "A control: all images have the same map.",
        why_no_masks="its network sees the same map for all images",
    ),
    "shuffled": SemanticSource(
        "the map of another image",
        "A control: each image has the map of another; it cannot score single images.",
        why_no_masks="its network learned with the maps of other images",
    ),
}
"""What a network sees in place of its image's map: the other values of
:attr:`sedn.config.TrainingConfig.map_source`."""


def describe_source(map_source: str) -> SemanticSource:
    """The entry of a value of :attr:`sedn.config.TrainingConfig.map_source`."""
    return MAPS_IN_PLACE.get(map_source) or SEMANTIC_SOURCES.find(map_source)
