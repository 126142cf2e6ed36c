"""The head: from the backbone's last feature to one logit for each label.

:mod:`sedn.registry.heads` names them; ``average`` is no part of this: it is the backbone's own
pooling and classifier.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import isqrt

import torch
from timm.layers.attention_pool import AttentionPoolLatent
from torch import Tensor, nn

from sedn.config import BackboneConfig
from sedn.errors import UserError
from sedn.network.backbone import create_backbone
from sedn.network.features import Layout, map_layout
from sedn.network.layers import resize, zero
from sedn.registry.heads import BuildHead

QUERY_WIDTH = 256
"""Channels of a label's query."""


@dataclass(frozen=True)
class LastFeature:
    """The feature that a backbone yields before its own pooling."""

    channels: int
    layout: Layout
    prefix: int
    """Tokens, of class or register, before those of the patches."""
    unused: tuple[str, ...]
    """Modules that another head leaves without work: the backbone's own pooling and classifier."""


class Head(nn.Module):
    """Pools the last feature of the backbone and scores each label."""

    def __init__(self, build: BuildHead, last: LastFeature, n_labels: int) -> None:
        super().__init__()
        self.last = last
        self.score = build(last.channels, n_labels)

    def forward(self, feature: Tensor) -> Tensor:
        """Logits (B, labels) of the backbone's last ``feature``, in whatever layout."""
        logits: Tensor = self.score(_tokens(feature, self.last))
        return logits


class GemHead(nn.Module):
    """Generalised mean with a learnt exponent (Radenović et al., arXiv 1711.02512), then linear.

    Between the mean (exponent 1) and the maximum. What is below zero counts as zero: the method
    is made for features that a ReLU has passed.
    """

    def __init__(self, channels: int, n_labels: int) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.full((1,), 3.0))
        self.classifier = nn.Linear(channels, n_labels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, labels) of ``tokens`` (B, N, channels)."""
        # Powers leave the range of half precision soon.
        powers = tokens.float().clamp(min=1e-6).pow(self.exponent)
        logits: Tensor = self.classifier(powers.mean(1).pow(1 / self.exponent))
        return logits


class AttentionHead(nn.Module):
    """A learnt query attends to all places of the image (arXiv 1810.00825), then linear."""

    def __init__(self, channels: int, n_labels: int) -> None:
        super().__init__()
        heads = max(n for n in (1, 2, 4, 8) if channels % n == 0)
        self.norm = nn.LayerNorm(channels)
        self.pool = AttentionPoolLatent(channels, out_features=0, num_heads=heads, q_proj=False)
        self.classifier = nn.Linear(channels, n_labels)

    def no_weight_decay(self) -> set[str]:
        """The query is an input of the pool, and no weight."""
        return {"pool.latent"}

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, labels) of ``tokens`` (B, N, channels)."""
        logits: Tensor = self.classifier(self.pool(self.norm(tokens)))
        return logits


class QueryHead(nn.Module):
    """A layer of a transformer decoder with one query for each label, which finds its own evidence
    in the image (Query2Label, arXiv 2107.10834; ML-Decoder, arXiv 2111.12933).
    """

    def __init__(self, channels: int, n_labels: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, QUERY_WIDTH))
        self.queries = nn.Parameter(torch.randn(n_labels, QUERY_WIDTH))
        self.decoder = nn.TransformerDecoderLayer(
            QUERY_WIDTH, nhead=8, dim_feedforward=4 * QUERY_WIDTH, batch_first=True
        )
        bound = QUERY_WIDTH**-0.5
        self.weight = nn.Parameter(torch.empty(n_labels, QUERY_WIDTH).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(n_labels))

    def no_weight_decay(self) -> set[str]:
        """The queries are inputs of the decoder, and no weights."""
        return {"queries"}

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, labels) of ``tokens`` (B, N, channels)."""
        queries = self.queries.expand(tokens.shape[0], -1, -1)
        attended: Tensor = self.decoder(queries, self.project(tokens))
        return (attended * self.weight).sum(-1) + self.bias


class LateConcatenation(nn.Module):
    """Features of the map, pooled in each region, beside those of the image.

    A linear layer over two vectors is the sum of one over each: that of the image is the head's,
    and this is that of the map. Its weights start at zero, so the network begins without it.
    """

    def __init__(self, regions: int, width: int, n_labels: int) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(regions, width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            nn.SiLU(),
        )
        self.last = zero(nn.Linear(regions * width, n_labels, bias=False))

    def forward(self, maps: Tensor) -> Tensor:
        """The share of ``maps`` (B, K, H, W) in the logits (B, labels)."""
        features = self.encode(maps)
        regions = resize(maps, features.shape[-2:])
        # An empty region has a mean of zero.
        weights = regions / regions.sum((2, 3), keepdim=True).clamp(min=1e-6)
        pooled = torch.einsum("bkhw,bchw->bkc", weights.to(features.dtype), features)
        share: Tensor = self.last(pooled.flatten(1))
        return share


def find_last_feature(config: BackboneConfig, image_size: int) -> LastFeature:
    """The feature that a backbone pools, traced without weights.

    Raises:
        UserError: the feature is not one map or sequence; the head must be ``average``.
    """
    return _trace_last(config.model_copy(update={"pretrained": False}), image_size)


def remove_unused(backbone: nn.Module, last: LastFeature) -> None:
    """Take out of the backbone what only its own head needs."""
    for name in last.unused:
        backbone.set_submodule(name, nn.Identity())


@lru_cache(maxsize=256)
# Gradients are traced, wherever this is called.
@torch.inference_mode(False)
@torch.enable_grad()
def _trace_last(config: BackboneConfig, image_size: int) -> LastFeature:
    with torch.device("meta"):
        model = create_backbone(config, 1, image_size).eval()
        x = model.forward_features(torch.zeros(2, 3, image_size, image_size))  # type: ignore[operator]
    channels = int(model.num_features)  # type: ignore[arg-type]
    shape = tuple(x.shape) if isinstance(x, Tensor) else ()
    prefix = getattr(model, "num_prefix_tokens", None)
    if prefix is None:
        # Volo has a token of class and does not say so.
        prefix = int(len(shape) == 3 and isqrt(shape[1]) ** 2 == shape[1] - 1 > 0)
    layout = map_layout(x, channels, model) if shape else None
    if len(shape) == 3 and shape[2] == channels and shape[1] > prefix:
        layout = "tokens"
    if layout is None:
        raise UserError(
            f"head.kind: backbone '{config.name}' has not one last feature that another head could "
            "pool: set head.kind to average"
        )
    return LastFeature(channels, layout, int(prefix), _unused(model, x))


def _unused(model: nn.Module, feature: Tensor) -> tuple[str, ...]:
    """The outermost modules none of whose parameters the feature depends on."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    gradients = torch.autograd.grad(feature.sum(), list(trained.values()), allow_unused=True)
    used = {name for name, gradient in zip(trained, gradients, strict=True) if gradient is not None}
    unused: list[str] = []
    for name, module in model.named_modules():
        inside = [f"{name}.{own}" for own, _ in module.named_parameters()]
        is_new = bool(name) and not any(name.startswith(f"{outer}.") for outer in unused)
        if is_new and inside and not used.intersection(inside):
            unused.append(name)
    return tuple(unused)


def _tokens(feature: Tensor, last: LastFeature) -> Tensor:
    """The places of the image (B, N, channels), without tokens of class and register."""
    if last.layout == "NCHW":
        return feature.flatten(2).transpose(1, 2)
    if last.layout == "NHWC":
        return feature.flatten(1, 2)
    return feature[:, last.prefix :]
