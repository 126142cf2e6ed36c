"""The losses that a step of training reduces: of the labels, and of a predicted map.

Every loss is the mean over the entries whose truth is known. Label smoothing by ``s`` moves a
target ``t`` to ``t (1 - s) + s / 2``, and a target between 0 and 1 weighs the loss of a positive
by ``t`` and that of a negative by ``1 - t``, so smoothing means the same to all of them. They are
computed in float32, from logits of any floating type, and read nothing back from the device.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from sedn.config import LossConfig
from sedn.network.layers import resize
from sedn.registry import LOSSES
from sedn.registry.losses import EntryLoss

ClassificationLoss = Callable[[Tensor, Tensor], Tensor]
"""From logits ``(batch, labels)`` and targets ``(batch, labels)``, 0 to 1 or NaN where the truth
is unknown, to a scalar; 0 where no entry is known."""

POS_WEIGHT_LIMIT = 20.0


def classification_loss(config: LossConfig, positives: Tensor, known: Tensor) -> ClassificationLoss:
    """The configured loss of logits and targets.

    Args:
        config: the kind of loss and its constants.
        positives: ``(labels,)``: training images that have the label.
        known: ``(labels,)``: training images for which the label is known.
    """
    loss_of_kind = LOSSES.find(config.kind)
    options = loss_of_kind.options
    own = config if options is None else options(**(config.model_extra or {}))
    entry_loss = loss_of_kind.build(own, positives, known)

    def loss(logits: Tensor, targets: Tensor) -> Tensor:
        is_known = ~targets.isnan()
        smooth = targets.nan_to_num().float() * (1 - config.label_smoothing)
        smooth = smooth + config.label_smoothing / 2
        entries = entry_loss(logits.float(), smooth)
        return entries.where(is_known, 0.0).sum() / is_known.sum().clamp(min=1)

    return loss


def cross_entropy(config: LossConfig, positives: Tensor, known: Tensor) -> EntryLoss:
    """Each entry's binary cross-entropy, positives weighted."""
    weight = positive_weight(config, positives, known)

    def entries(logits: Tensor, targets: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            logits, targets, pos_weight=weight, reduction="none"
        )

    return entries


def focal(config: LossConfig, positives: Tensor, known: Tensor) -> EntryLoss:
    """Each entry's focal loss."""
    return lambda logits, targets: focal_loss(logits, targets, config.gamma)


def asymmetric(config: LossConfig, positives: Tensor, known: Tensor) -> EntryLoss:
    """Each entry's asymmetric loss."""
    return lambda logits, targets: asymmetric_loss(
        logits, targets, config.gamma_negative, config.clip
    )


def positive_weight(config: LossConfig, positives: Tensor, known: Tensor) -> Tensor:
    """``(labels,)``: the weight of a label's positives; a label without any has the greatest."""
    ratio = (known - positives).float() / positives.clamp(min=1)
    if config.pos_weight == "none":
        return torch.ones_like(ratio)
    weight = ratio.sqrt() if config.pos_weight == "sqrt" else ratio
    return weight.clamp(max=POS_WEIGHT_LIMIT)


def focal_loss(logits: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """Each entry's focal loss (Lin et al., arXiv 1708.02002), without weights of the classes.

    torchvision's ``sigmoid_focal_loss`` raises the distance from the truth to the power of gamma,
    and for gamma below 1 its gradient is NaN where a confident logit is right. Logarithms keep
    the gradient finite.
    """
    log_present, log_absent = F.logsigmoid(logits), F.logsigmoid(-logits)
    if_present = (gamma * log_absent).exp() * log_present
    if_absent = (gamma * log_present).exp() * log_absent
    return -(targets * if_present + (1 - targets) * if_absent)


def asymmetric_loss(logits: Tensor, targets: Tensor, gamma_negative: float, clip: float) -> Tensor:
    """Each entry's asymmetric loss (Ridnik et al., arXiv 2009.14119), positives unfocused.

    The probability of a negative is lowered by ``clip``, to 0 at the least; both the focus and
    the logarithm see the lowered one. The gradient passes through the focus, as in the paper.
    """
    log_clip = math.log(clip) if clip > 0 else -math.inf
    log_absent = torch.logaddexp(F.logsigmoid(-logits), torch.full_like(logits, log_clip)).clamp(
        max=0
    )
    # A power below 1 has no gradient at 0; this far down it has one and counts for nothing.
    lowered = (-torch.expm1(log_absent)).clamp(min=1e-12)
    return -(targets * F.logsigmoid(logits) + (1 - targets) * lowered**gamma_negative * log_absent)


def segmentation_loss(region_logits: Tensor, maps: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice (Milletari et al., arXiv 1606.04797) of a predicted map.

    Args:
        region_logits: ``(batch, regions, h, w)``.
        maps: ``(batch, regions, H, W)``, 0 to 1; averaged by area to ``(h, w)``.
        known: ``(batch,)``, bool: images whose map takes part.

    Returns:
        The mean over the images with a known map, a scalar; 0 where there is none.
    """
    logits = region_logits.float()
    truth = resize(maps.float(), logits.shape[2:])
    truth = truth.where(known[:, None, None, None], 0.0)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none").mean((2, 3))
    predicted = logits.sigmoid()
    overlap = (predicted * truth).sum((2, 3))
    # One cell more on both sides: a region that is absent and not predicted is no error.
    dice = (2 * overlap + 1) / (predicted.sum((2, 3)) + truth.sum((2, 3)) + 1)
    images = (entropy + 1 - dice).mean(1)
    return images.where(known, 0.0).sum() / known.sum().clamp(min=1)
