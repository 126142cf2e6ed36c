"""SE-DNN: a backbone whose stages see a semantic map (Shen et al., arXiv 2305.05228)."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from sedn.config import TrainingConfig
from sedn.errors import UserError
from sedn.network.auxiliary import AuxiliaryHead, auxiliary_place, embeddable
from sedn.network.backbone import check_weights, create_backbone
from sedn.network.batch_norm import needs_two_images, why_two_images
from sedn.network.embedding import InputChannels
from sedn.network.features import Place
from sedn.network.heads import Head, LateConcatenation, find_last_feature, remove_unused
from sedn.network.places import place_embeddings
from sedn.network.stage import Stage
from sedn.registry import HEADS, SEMANTIC_SOURCES
from sedn.registry.placements import find_placement

Hook = Callable[[nn.Module, tuple[Any, ...], Any], Any]


class Outputs(NamedTuple):
    """The predictions of the network for a batch."""

    logits: Tensor
    """``(batch, labels)``."""
    region_logits: Tensor | None
    """``(batch, regions, h, w)``: the map that an auxiliary head predicts, where there is one."""


class SemanticNetwork(nn.Module):
    """A timm model with a semantic map embedded at some of its places.

    The backbone is timm's own module, untouched, and so are the names of its weights below
    ``backbone.``; what takes up the map lies below ``embeddings.<place>.``. The added modules are
    hooked to the backbone for the time of a forward pass only, so a network can be copied, pickled
    and loaded like any other module.
    """

    def __init__(
        self,
        backbone: nn.Module,
        places: Mapping[str, Place],
        embeddings: Mapping[str, nn.Module],
        head: nn.Module | None = None,
        image_arm: nn.Module | None = None,
        auxiliary: AuxiliaryHead | None = None,
        takes_maps: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.places = dict(places)
        self.embeddings = nn.ModuleDict(embeddings)
        self.head = head
        self.image_arm = image_arm
        self.auxiliary = auxiliary
        self.takes_maps = takes_maps
        """Whether maps must be given: the network sees them and does not predict them."""

    def forward(self, images: Tensor, maps: Tensor | None = None) -> Tensor:
        """Logits (B, labels) of ``images`` (B, 3, H, W) with their ``maps`` (B, regions, H, W);
        a network that predicts its own maps takes no notice of these.
        """
        return self.outputs(images, maps).logits

    def outputs(self, images: Tensor, maps: Tensor | None = None) -> Outputs:
        """The logits, and what else the network predicts in training.

        Raises:
            ValueError: the network needs maps and got none.
        """
        if maps is None and self.takes_maps:
            raise ValueError("this network takes maps (batch, regions, height, width) with images")
        if self.image_arm is not None:
            images = self.image_arm(images, maps)
        run = _Pass(maps)
        with ExitStack() as hooked:
            if self.auxiliary is not None:
                module = self.backbone.get_submodule(self.auxiliary.place.module)
                hook = _predict(self.auxiliary, run)
                hooked.enter_context(module.register_forward_hook(hook))
            for name, place in self.places.items():
                module = self.backbone.get_submodule(place.module)
                hook = _embed(self.embeddings[name], run)
                hooked.enter_context(module.register_forward_hook(hook))
            logits = self._classify(images)
        if "head" in self.embeddings:
            logits = logits + self.embeddings["head"](run.maps)
        return Outputs(logits, run.region_logits)

    def _classify(self, images: Tensor) -> Tensor:
        logits: Tensor = (
            self.backbone(images)
            if self.head is None
            else self.head(self.backbone.forward_features(images))  # type: ignore[operator]
        )
        return logits

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


def check_network(config: TrainingConfig) -> None:
    """Check that the network of a configuration can be built and trained; fetches no weights.

    Raises:
        UserError: the backbone cannot be had, lacks a place of the placement, cannot have the
            head or the auxiliary map, or cannot train on single images, which the configuration
            asks for.
    """
    place_embeddings(config)
    check_weights(config.backbone)
    if HEADS.find(config.head.kind).build is not None:
        find_last_feature(config.backbone, config.data.image_size)
    if SEMANTIC_SOURCES.find(config.semantic_map.source).by_network:
        auxiliary_place(config)
    if 1 in (config.batch_size, config.micro_batch_size) and not trains_on_single_images(
        config.from_scratch()
    ):
        name = "batch_size" if config.batch_size == 1 else "micro_batch_size"
        raise UserError(f"{name}: {why_two_images(config)}")


def build_network(
    config: TrainingConfig, n_labels: int, n_regions: int, has_indicator: bool = False
) -> SemanticNetwork:
    """Build the network of a configuration, with pretrained weights if it asks for them.

    With ``has_indicator`` the maps have one channel more, the last: 1 where an image's map is
    known and 0 where it is not.

    Raises:
        UserError: as :func:`check_network`, or the weights cannot be had.
    """
    check_network(config)
    return _build(config, n_labels, n_regions, has_indicator)


@lru_cache(maxsize=256)
def trains_on_single_images(config: TrainingConfig) -> bool:
    """Whether the network can train on one image at once, which norms over a batch may not allow.

    The network is run once, on the meta device, to find out.

    Args:
        config: without pretrained weights.
    """
    side = config.data.image_size
    try:
        with torch.device("meta"):
            network = _build(config, n_labels=1, n_regions=1, has_indicator=False).train()
            network.outputs(torch.zeros(1, 3, side, side), torch.zeros(1, 1, side, side))
    except ValueError as error:
        return not needs_two_images(error)
    except Exception:
        # Not all that a network computes has a form on the meta device; training tells.
        return True
    return True


def _build(
    config: TrainingConfig, n_labels: int, n_regions: int, has_indicator: bool
) -> SemanticNetwork:
    places = place_embeddings(config)
    # First of all that draws random weights: from one seed, all arms begin with one backbone.
    backbone = create_backbone(config.backbone, n_labels, config.data.image_size)
    head = _create_head(config, n_labels)
    if head is not None:
        remove_unused(backbone, head.last)
    auxiliary = _create_auxiliary(config, n_regions)
    # A map that is predicted is always known.
    channels = n_regions if auxiliary is not None else n_regions + has_indicator
    embeddings: dict[str, nn.Module] = {}
    for name, place in places.items():
        if name == "input":
            first = backbone.get_submodule(place.module)
            assert isinstance(first, nn.Conv2d)
            embeddings[name] = InputChannels(first, channels)
        else:
            embeddings[name] = Stage(config, place, channels)
    if config.embedding.has_head:
        embeddings["head"] = LateConcatenation(channels, config.embedding.width, n_labels)
    placement = find_placement(config.embedding.placement)
    build_arm = placement.build_arm if placement else None
    image_arm = build_arm(n_regions) if build_arm else None
    takes_maps = config.embedding.uses_map and auxiliary is None
    return SemanticNetwork(backbone, places, embeddings, head, image_arm, auxiliary, takes_maps)


def _create_head(config: TrainingConfig, n_labels: int) -> Head | None:
    build = HEADS.find(config.head.kind).build
    if build is None:
        return None
    last = find_last_feature(config.backbone, config.data.image_size)
    return Head(build, last, n_labels)


def _create_auxiliary(config: TrainingConfig, n_regions: int) -> AuxiliaryHead | None:
    if not SEMANTIC_SOURCES.find(config.semantic_map.source).by_network:
        return None
    return AuxiliaryHead(auxiliary_place(config), n_regions)


@dataclass
class _Pass:
    """The state that the hooks of one forward pass share."""

    maps: Tensor | None
    region_logits: Tensor | None = None


def _predict(auxiliary: nn.Module, run: _Pass) -> Hook:
    """A hook that predicts the maps from the output of its module and leaves the output as is."""

    def predict(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        run.region_logits = auxiliary(output)
        run.maps = embeddable(run.region_logits)

    return predict


def _embed(embedding: nn.Module, run: _Pass) -> Hook:
    """A hook that replaces the output of a module by the output fused with the map."""

    def embed(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        if isinstance(embedding, InputChannels):
            return embedding(inputs[0], output, run.maps)
        return embedding(output, run.maps)

    return embed
