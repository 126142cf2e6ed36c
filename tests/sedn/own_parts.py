"""Parts of a network and a training as a user adds them, and a package that does."""

from pathlib import Path

import torch
from torch import Tensor, nn

from sedn.config import LossConfig
from sedn.registry.losses import EntryLoss


class Film(nn.Module):
    """Scales each channel by a factor that the map's mean tells; 1 at first."""

    def __init__(self, regions: int, width: int, channels: int) -> None:
        super().__init__()
        self.factor = nn.Linear(regions, channels)
        nn.init.zeros_(self.factor.weight)
        nn.init.zeros_(self.factor.bias)

    def forward(self, x: Tensor, maps: Tensor) -> Tensor:
        return x * (1 + self.factor(maps.mean((2, 3))))[:, :, None, None]


class MaxHead(nn.Module):
    """The maximum over all places, then linear."""

    def __init__(self, channels: int, n_labels: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(channels, n_labels)

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.classifier(tokens.amax(1))
        return logits


def poly(config: LossConfig, positives: Tensor, known: Tensor) -> EntryLoss:
    """Cross-entropy and, weighted by gamma, the distance from the truth."""

    def entries(logits: Tensor, targets: Tensor) -> Tensor:
        distance = (targets - logits.sigmoid()).abs()
        entropy = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return entropy + config.gamma * distance

    return entries


class ChannelBias(nn.Module):
    """Multiplies each channel by a learnt factor."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


PLUGIN = """
import torch
from sedn.registry import register_fusion

class Film(torch.nn.Module):
    def __init__(self, regions, width, channels):
        super().__init__()
        self.factor = torch.nn.Linear(regions, channels)
        torch.nn.init.zeros_(self.factor.weight)
        torch.nn.init.zeros_(self.factor.bias)

    def forward(self, x, maps):
        return x * (1 + self.factor(maps.mean((2, 3))))[:, :, None, None]

REGISTER = lambda: register_fusion("own_film", Film, "one factor for each channel", fields=())
"""


def install(folder: Path, entry_point: str = "sedn_film", code: str = PLUGIN) -> None:
    """Lay a package into ``folder`` as an installer does: its module, and its entry point."""
    by_function = entry_point.endswith(":register")
    if code == PLUGIN:
        code += "register = REGISTER\n" if by_function else "REGISTER()\n"
    (folder / "sedn_film.py").write_text(code)
    described = folder / "sedn_film-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: sedn-film\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text(f"[sedn.plugins]\nfilm = {entry_point}\n")
