"""The average of the weights of several networks of one architecture."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Soup:
    """The sum of the weights of some networks.

    The sum is kept in float64, so that the average of equal weights is these weights. Counts, such
    as how many batches a norm has seen, are those of the first network. The statistics of norms are
    averaged like weights; those of the average :mod:`sedn.run.batch_norms` computes.
    """

    total: Mapping[str, Tensor]
    networks: int

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> "Soup":
        """Begin with the weights of a network."""
        return cls({name: _wide(value) for name, value in weights.items()}, 1)

    def stirred(self, weights: Mapping[str, Tensor]) -> "Soup":
        """Add the weights of another network of the same :func:`architecture`."""
        total = {
            name: value + _wide(weights[name]) if value.is_floating_point() else value
            for name, value in self.total.items()
        }
        return Soup(total, self.networks + 1)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The average; what loads it gives each weight its own type."""
        return {
            name: value / self.networks if value.is_floating_point() else value
            for name, value in self.total.items()
        }


def architecture(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The names and shapes of weights: networks that agree in them can be averaged."""
    return {name: tuple(value.shape) for name, value in weights.items()}


def _wide(value: Tensor) -> Tensor:
    """A copy of the value, a fraction in float64."""
    kind = torch.float64 if value.is_floating_point() else value.dtype
    return value.detach().to(kind, copy=True)
