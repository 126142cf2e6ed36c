"""The sources of the semantic map, and the controls that take its place."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sedn.registry.registry import Registry, lazily

if TYPE_CHECKING:
    from sedn.config import MapConfig


@dataclass(frozen=True)
class ComputedMaps:
    """How a source computes the maps that the network sees, in training and of new images."""

    fields: tuple[str, ...]
    """Fields of the semantic map that decide what is computed."""
    check: Callable[["MapConfig"], Any]
    """Check the configuration before the data are read; raises ``UserError``."""
    of_split: Callable[[Any, str, "MapConfig"], Any]
    """From a :class:`sedn.data.Dataset`, a split and the configuration to the maps (images,
    regions, H, W), and the images (images,) whose map is known. Kept on disk: a search computes
    the maps of its trials before the first trial."""
    keep: Callable[["MapConfig", Path], Any]
    """Write into the folder of a run what computes the maps of new images."""
    load: Callable[[Path, tuple[str, ...], Any], Any]
    """From the folder of a run, the regions that its network sees and a device to a
    :class:`sedn.prediction.predictor.ComputesMaps`."""


@dataclass(frozen=True)
class SemanticSource:
    """A source of semantic maps."""

    description: str
    card: str
    """The text about the maps in a model card."""
    fields: tuple[str, ...] = ()
    why_no_masks: str | None = None
    """Why `sedn predict` takes no masks; ``None`` where it takes them."""
    why_no_scores: str | None = None
    """Why a network that saw these maps scores no single images; ``None`` where it does."""
    needs_masks: bool = False
    """Whether a training without any mask gives the network nothing to see."""
    by_network: bool = False
    """Whether the network predicts its maps, by a head that learns from the masks."""
    computed: ComputedMaps | None = None
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
            needs_masks=True,
        ),
        "predicted": SemanticSource(
            "by the segmenter at `semantic_map.segmenter`",
            "The maps are predicted from the image by the segmenter in `segmenter/`.",
            fields=("segmenter", "dropout", "noise"),
            why_no_masks="its own segmenter predicts the maps",
            computed=ComputedMaps(
                fields=("segmenter",),
                check=lazily("sedn.segmentation.maps:check_segmenter"),
                of_split=lazily("sedn.segmentation.maps:maps_of_split"),
                keep=lazily("sedn.segmentation.of_run:keep_segmenter"),
                load=lazily("sedn.segmentation.of_run:load_kept_segmenter"),
            ),
        ),
        "auxiliary": SemanticSource(
            "by a head on the backbone that is trained along, and needs masks in training alone",
            "The network predicts its maps itself.",
            # The network sees its own prediction, which nothing roughens or withholds.
            fields=("auxiliary_weight",),
            why_no_masks="its network predicts its maps itself",
            needs_masks=True,
            by_network=True,
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
        why_no_scores="its network learned with the maps of other images, a control "
        "(semantic_map.control: shuffled) that cannot score single ones",
        needs_masks=True,
    ),
}
"""The maps that a network sees in place of its image's map: the other values of
:attr:`sedn.config.TrainingConfig.map_source`.
"""


def describe_source(map_source: str) -> SemanticSource:
    """The entry of a value of :attr:`sedn.config.TrainingConfig.map_source`."""
    return MAPS_IN_PLACE.get(map_source) or SEMANTIC_SOURCES.find(map_source)
