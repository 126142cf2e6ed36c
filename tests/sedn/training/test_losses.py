from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from sedn.config import LossConfig
from sedn.registry import LOSSES
from sedn.training.optimization.losses import (
    classification_loss,
    positive_weight,
    segmentation_loss,
)

IMAGES, LABELS = 6, 4
KINDS = LOSSES.names()


def configs() -> st.SearchStrategy[LossConfig]:
    return st.builds(
        LossConfig,
        kind=st.sampled_from(KINDS),
        pos_weight=st.sampled_from(["none", "sqrt", "inverse"]),
        gamma=st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.5]),
        gamma_negative=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
        clip=st.sampled_from([0.0, 0.05, 0.5]),
        label_smoothing=st.sampled_from([0.0, 0.1]),
    )


def evaluate(config: LossConfig, logits: Tensor, targets: Tensor) -> Tensor:
    positives, known = torch.tensor([5.0, 1, 0, 80]), torch.tensor([100.0, 100, 60, 90])
    return classification_loss(config, positives, known)(logits, targets)


def batch(seed: int = 0, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(IMAGES, LABELS, generator=generator)
    return logits, torch.randint(0, 2, (IMAGES, LABELS), generator=generator).float()


def test_cross_entropy_equals_torchs() -> None:
    logits, targets = batch()
    weight = torch.tensor([19.0, 20.0, 20.0, 0.125])
    expected = F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)
    torch.testing.assert_close(
        evaluate(LossConfig(pos_weight="inverse"), logits, targets), expected
    )
    smooth = targets * 0.9 + 0.05
    expected = F.binary_cross_entropy_with_logits(logits, smooth)
    torch.testing.assert_close(evaluate(LossConfig(label_smoothing=0.1), logits, targets), expected)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
def test_focal_equals_torchvisions(gamma: float) -> None:
    logits, targets = batch()
    ours = evaluate(LossConfig(kind="focal", gamma=gamma), logits, targets)
    expected = sigmoid_focal_loss(logits, targets, alpha=-1, gamma=gamma, reduction="mean")
    torch.testing.assert_close(ours, expected)


def test_smoothing_mixes_the_losses_of_both_truths() -> None:
    logits, targets = batch()
    plain = LossConfig(kind="focal")
    mixed = 0.9 * evaluate(plain, logits, targets) + 0.1 * evaluate(plain, logits, 1 - targets)
    smoothed = evaluate(LossConfig(kind="focal", label_smoothing=0.2), logits, targets)
    torch.testing.assert_close(smoothed, mixed)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_asymmetric_without_focus_and_clip_is_cross_entropy(smoothing: float) -> None:
    logits, targets = batch(scale=20)
    bare = LossConfig(kind="asl", gamma_negative=0.0, clip=0.0, label_smoothing=smoothing)
    expected = evaluate(LossConfig(label_smoothing=smoothing), logits, targets)
    torch.testing.assert_close(evaluate(bare, logits, targets), expected)


def test_asymmetric_is_the_papers_formula() -> None:
    logits, targets = batch()
    p = logits.double().sigmoid()
    lowered = (p - 0.05).clamp(min=0)
    entries = torch.where(targets == 1, p.log(), lowered**4 * (1 - lowered).log())
    ours = evaluate(LossConfig(kind="asl"), logits, targets)
    torch.testing.assert_close(ours.double(), -entries.mean(), rtol=1e-5, atol=1e-8)


def test_asymmetric_negatives_below_the_clip_cost_nothing() -> None:
    logits = torch.full((1, LABELS), -4.0, requires_grad=True)
    loss = evaluate(LossConfig(kind="asl"), logits, torch.zeros(1, LABELS))
    loss.backward()
    assert loss.item() == 0.0
    assert not logits.grad.any()


def test_positive_weights_are_capped_and_rooted() -> None:
    positives, known = torch.tensor([50, 10, 1, 0]), torch.tensor([100, 100, 1000, 7])
    weights = {kind: _weight(kind, positives, known) for kind in ("none", "sqrt", "inverse")}
    assert weights["none"] == [1, 1, 1, 1]
    assert weights["sqrt"] == pytest.approx([1, 3, 20, 7**0.5])
    assert weights["inverse"] == pytest.approx([1, 9, 20, 7])


def _weight(kind: Any, positives: Tensor, known: Tensor) -> list[float]:
    return positive_weight(LossConfig(pos_weight=kind), positives, known).tolist()


@given(configs(), st.integers(0, 2**32 - 1), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_unknown_entries_change_nothing(config: LossConfig, seed: int, share: float) -> None:
    logits, targets = batch(seed)
    generator = torch.Generator().manual_seed(seed)
    unknown = torch.rand(targets.shape, generator=generator) < share
    targets = targets.masked_fill(unknown, float("nan"))
    logits.requires_grad_()
    loss = evaluate(config, logits, targets)
    loss.backward()
    assert not logits.grad[unknown].any()
    other = logits.detach().masked_fill(unknown, 77.0)
    assert evaluate(config, other, targets) == loss
    if unknown.all():
        assert loss == 0
        return
    rows = [
        evaluate(config, logits[i : i + 1], targets[i : i + 1]).item() * (~unknown[i]).sum().item()
        for i in range(IMAGES)
    ]
    assert loss.item() == pytest.approx(sum(rows) / (~unknown).sum().item(), rel=1e-5)


@given(configs(), st.sampled_from([torch.float32, torch.bfloat16]))
@settings(max_examples=100, deadline=None)
def test_gradients_are_finite_at_extreme_logits(config: LossConfig, dtype: torch.dtype) -> None:
    column = torch.tensor([-1e30, -1e4, -200, -90, -20, 0, 20, 90, 200, 1e4, 1e30])
    for target in (0.0, 1.0):
        logits = column[:, None].repeat(1, LABELS).to(dtype).requires_grad_()
        loss = evaluate(config, logits, torch.full(logits.shape, target))
        loss.backward()
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
        # A wrong and sure negative is pulled back, unless the clip tells it is mislabelled.
        if target == 1 or config.kind != "asl" or config.clip == 0:
            assert logits.grad[1 if target else -2].abs().min() > 0


@given(configs())
@settings(max_examples=50, deadline=None)
def test_a_step_along_the_gradient_separates_the_classes(config: LossConfig) -> None:
    logits = torch.zeros(IMAGES, LABELS, requires_grad=True)
    _, targets = batch()
    evaluate(config, logits, targets).backward()
    step = -logits.grad
    assert (step[targets == 1] > 0).all()
    if config.kind != "asl" or config.clip < 0.5:
        negative = step[targets == 0]
        assert (negative < step[targets == 1].min()).all()


def test_segmentation_is_entropy_plus_dice() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 2, 4, 4, generator=generator)
    maps = torch.rand(3, 2, 16, 16, generator=generator)
    truth = maps.reshape(3, 2, 4, 4, 4, 4).mean((3, 5))
    p = logits.sigmoid()
    entropy = -(truth * p.log() + (1 - truth) * (1 - p).log()).mean()
    overlap, size = (p * truth).sum((2, 3)), p.sum((2, 3)) + truth.sum((2, 3))
    expected = entropy + (1 - (2 * overlap + 1) / (size + 1)).mean()
    torch.testing.assert_close(segmentation_loss(logits, maps, torch.ones(3).bool()), expected)


@given(st.lists(st.booleans(), min_size=5, max_size=5), st.sampled_from([4, 6, 24]))
@settings(max_examples=50, deadline=None)
def test_images_without_a_map_take_no_part(known: list[bool], side: int) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(5, 2, side, side, generator=generator, requires_grad=True)
    maps = torch.rand(5, 2, 12, 12, generator=generator)
    mask = torch.tensor(known)
    maps[~mask] = float("nan")
    loss = segmentation_loss(logits, maps, mask)
    loss.backward()
    assert not logits.grad[~mask].any()
    assert logits.grad.isfinite().all()
    if not any(known):
        assert loss == 0
        return
    alone = segmentation_loss(logits[mask], maps[mask], torch.ones(sum(known)).bool())
    torch.testing.assert_close(loss, alone)
    assert logits.grad[mask].abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_segmentation_is_finite_at_extreme_logits(dtype: torch.dtype) -> None:
    logits = torch.tensor([-1e4, 1e4, -90, 90]).reshape(1, 1, 2, 2).to(dtype).requires_grad_()
    for truth in (torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)):
        loss = segmentation_loss(logits, truth, torch.ones(1).bool())
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()


def test_a_perfect_map_costs_nearly_nothing() -> None:
    maps = torch.zeros(2, 2, 8, 8)
    maps[0, :, 2:6, 2:6] = 1.0
    logits = 40 * (maps - 0.5)
    assert segmentation_loss(logits, maps, torch.ones(2).bool()) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_is_read_back_from_the_device(kind: Any) -> None:
    """Tensors of the meta device have no values: reading one raises."""
    counts, batched = torch.ones(LABELS, device="meta"), torch.ones(2, LABELS, device="meta")
    loss = classification_loss(LossConfig(kind=kind), counts, counts)(batched, batched)
    maps = torch.ones(2, 3, 8, 8, device="meta")
    loss = loss + segmentation_loss(maps, maps, torch.ones(2, device="meta").bool())
    assert loss.shape == ()
