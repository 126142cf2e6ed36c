"""The average rank of an image over several networks, for one image at a time.

A rank needs other images to be counted against. These are the validation images: of each network
and label the distribution of its validation scores is kept, and a score's rank is the share of them
that lie below it. Between the kept scores the share is interpolated, and beyond the first and the
last it goes on to 0 and 1, so that a higher score always has a higher share. Where the shares of an
image lie therefore does not depend on the images that are scored beside it.

The average share has no meaning as a probability: half of all images have a share above ½,
whatever the label. A sigmoid of each label, fitted on validation, turns its log odds into a logit.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sedn.arrays import Floats
from sedn.metrics import fit_sigmoids, images_of_folds, mid_ranks

KNOTS = 201
"""Validation scores that are kept of each network and label, at most."""
CLOSEST = 1e-3
"""The least distance of kept scores of a label, as a share of the distance of first and last:
the last digits of a score, which machines differ in, must not decide the rank."""
_EDGE = 2.0**-22
_TINY = float(np.finfo(np.float32).tiny)
_BLOCK = 256
"""Images that are ranked at a time."""


class RankAverage(nn.Module):
    """From the logits of several networks to one logit for each label."""

    values: Tensor
    """``(networks, labels, knots)``: validation scores, ascending."""
    shares: Tensor
    """The same shape: the share of the validation scores that lie below each."""
    slopes: Tensor
    """``(labels,)``: from log odds of the average share to the logit."""
    offsets: Tensor
    """``(labels,)``."""

    def __init__(self, networks: int, labels: int, knots: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(networks, labels, knots))
        self.register_buffer("shares", torch.full((networks, labels, knots), 0.5))
        self.register_buffer("slopes", torch.ones(labels))
        self.register_buffer("offsets", torch.zeros(labels))

    @classmethod
    def fit(
        cls,
        targets: NDArray[np.floating],
        scores: Sequence[NDArray[np.float32]],
        folds: NDArray[np.int64] | None = None,
    ) -> "RankAverage":
        """Fit the average to networks with these scores on validation.

        Args:
            targets: ``(images, labels)``: 1, 0, or NaN where the truth is unknown.
            scores: ``(images, labels)`` of each network, or of each training over folds: logits.
            folds: ``(images,)``: the fold of each image, from 0. Each training then has a network
                for each fold, the first training's networks coming first; a network's rank is
                among the images of its fold, which the network did not see.
        """
        networks = [one[rows] for one in scores for rows in images_of_folds(folds, len(targets))]
        kept = [_kept(of_network) for of_network in networks]
        knots = max(len(values) for of_network in kept for values, _ in of_network)
        average = cls(len(networks), targets.shape[1], knots)
        for network, of_network in enumerate(kept):
            for label, (values, shares) in enumerate(of_network):
                # What is repeated at the end is never looked at.
                more = (0, knots - len(values))
                average.values[network, label] = torch.tensor(np.pad(values, more, "edge"))
                average.shares[network, label] = torch.tensor(np.pad(shares, more, "edge"))
        slopes, offsets = fit_sigmoids(targets, average.combine_validation(scores, folds))
        average.slopes.copy_(torch.tensor(slopes))
        average.offsets.copy_(torch.tensor(offsets))
        return average.eval()

    def forward(self, *scores: Tensor) -> Tensor:
        """Logits (B, labels) of the networks' ``scores``, (B, labels) each."""
        return self._average(range(len(scores)), scores)

    def _average(self, networks: Sequence[int], scores: Sequence[Tensor]) -> Tensor:
        """Logits (B, labels) of the ``scores`` of some of the networks."""
        shares = [self._share(*of_one) for of_one in zip(networks, scores, strict=True)]
        mean = torch.stack(shares).mean(0).clamp(_EDGE, 1 - _EDGE)
        return self.slopes * (mean.log() - (1 - mean).log()) + self.offsets

    def combine(self, scores: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Combine arrays (images, labels) as :meth:`forward` combines tensors."""
        return self._combine(range(len(scores)), scores)

    def combine_validation(
        self, scores: Sequence[NDArray[np.float32]], folds: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Combine scores on validation; over folds each image by the networks that did not see the
        image, one of each training.

        Args:
            scores: as for :meth:`fit`.
            folds: as for :meth:`fit`.
        """
        logits = np.empty_like(scores[0])
        parts = images_of_folds(folds, len(logits))
        for fold, rows in enumerate(parts):
            networks = [training * len(parts) + fold for training in range(len(scores))]
            logits[rows] = self._combine(networks, [one[rows] for one in scores])
        return logits

    def _combine(
        self, networks: Sequence[int], scores: Sequence[NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        blocks = [
            self._average(
                networks, [torch.tensor(one[start : start + _BLOCK]) for one in scores]
            ).numpy()
            for start in range(0, len(scores[0]), _BLOCK)
        ]
        return np.concatenate(blocks) if blocks else np.empty_like(scores[0])

    def _share(self, network: int, scores: Tensor) -> Tensor:
        """The share of a network's validation scores below each of ``scores``."""
        values, shares = self.values[network], self.shares[network]
        labels, knots = values.shape
        below = (values < scores.unsqueeze(-1)).sum(-1)
        first = torch.arange(labels, device=scores.device) * knots
        lower = first + (below - 1).clamp(min=0)
        upper = first + below.clamp(max=knots - 1)
        value, share = values.reshape(-1), shares.reshape(-1)
        width = (value[upper] - value[lower]).clamp(min=_TINY)
        within = ((scores - value[lower]) / width).clamp(0, 1)
        between = share[lower] + (share[upper] - share[lower]) * within
        # Rounded up it would pass what comes after.
        between = torch.minimum(between, share[upper])
        under = shares[:, 0] / (1 + (values[:, 0] - scores).clamp(min=0))
        over = 1 - (1 - shares[:, -1]) / (1 + (scores - values[:, -1]).clamp(min=0))
        outside = torch.where(below == 0, under, over)
        return torch.where((below == 0) | (below == knots), outside, between)


def _kept(scores: NDArray[np.float32]) -> list[tuple[Floats, Floats]]:
    """Of each label the scores that are kept, and their shares."""
    images = len(scores)
    values = np.sort(scores.astype(np.float64), axis=0)
    shares = np.sort(mid_ranks(scores), axis=0) / images
    rows = _spread(images)
    return [_apart(values[rows, label], shares[rows, label]) for label in range(scores.shape[1])]


def _spread(images: int) -> NDArray[np.int64]:
    """Choose the sorted scores that are kept: all of few, and of many more at both ends, where the
    images lie that have a rare label.
    """
    if images <= KNOTS:
        return np.arange(images)
    end = np.log(2 * images)
    places = images / (1 + np.exp(-np.linspace(-end, end, KNOTS)))
    return np.unique(np.clip(np.floor(places), 0, images - 1).astype(np.int64))


def _apart(values: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """The knots without those that lie too near; the first and the last stay."""
    least = CLOSEST * (values[-1] - values[0])
    kept = [0]
    for knot in range(1, len(values)):
        near = values[knot] - values[kept[-1]] < least
        if not near and values[-1] - values[knot] >= least and values[knot] > values[kept[-1]]:
            kept.append(knot)
    if values[-1] > values[kept[-1]]:
        kept.append(len(values) - 1)
    return values[kept], shares[kept]
