"""Ranks of single images: in the order of the networks', whatever else is scored."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sedn.errors import UserError
from sedn.metrics import auc, auc_within, fit_sigmoids, log_loss, mid_ranks
from sedn.run.rank_average import CLOSEST, KNOTS, RankAverage
from sedn.run.soup import Soup, architecture


def draw_scores(seed: int, images: int, labels: int, scale: float = 2.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (scale * random.normal(size=(images, labels))).astype(np.float32)


def draw_targets(seed: int, images: int, labels: int) -> np.ndarray:
    targets = (np.random.default_rng(seed).random((images, labels)) < 0.3).astype(np.float32)
    targets[0], targets[1] = 0, 1
    return targets


def never_falls(scores: np.ndarray, logits: np.ndarray) -> bool:
    order = np.argsort(scores, kind="stable")
    return bool((np.diff(logits[order]) >= 0).all())


@given(
    seed=st.integers(0, 2**31),
    images=st.sampled_from([2, 3, 20, 201, 202, 1000]),
    scale=st.sampled_from([1e-3, 1.0, 20.0]),
    digits=st.sampled_from([0, 2, 9]),
)
@settings(max_examples=60, deadline=None)
def test_one_member_gives_the_order_of_that_member(
    seed: int, images: int, scale: float, digits: int
) -> None:
    kept = np.round(draw_scores(seed, images, 3, scale), digits)
    average = RankAverage.fit(draw_targets(seed, images, 3), [kept])
    new = np.concatenate([kept, draw_scores(seed + 1, 300, 3, 3 * scale)])
    logits = average.combine([new])
    assert np.isfinite(logits).all()
    for label in range(3):
        assert never_falls(new[:, label], logits[:, label])
        ends = kept[:, label].min(), kept[:, label].max()
        inside = (new[:, label] >= ends[0]) & (new[:, label] <= ends[1])
        apart = np.unique(np.round(new[inside, label] / (ends[1] - ends[0] or 1), 4)).size
        assert np.unique(logits[inside, label]).size >= 0.9 * min(apart, 100)


def test_the_auc_of_one_member_is_its_own_to_the_last_digit() -> None:
    targets, scores = draw_targets(0, 400, 6), draw_scores(0, 400, 6)
    new = draw_scores(5, 500, 6)
    truth = draw_targets(5, 500, 6)
    logits = RankAverage.fit(targets, [scores]).combine([new])
    np.testing.assert_allclose(auc(truth, logits).labels, auc(truth, new).labels, atol=1e-12)


@pytest.mark.parametrize("images", [60, 2000])
def test_on_validation_the_average_is_that_of_the_ranks(images: int) -> None:
    targets = draw_targets(0, images, 4)
    scores = [draw_scores(seed, images, 4) for seed in range(3)]
    logits = RankAverage.fit(targets, scores).combine(scores)
    ranks = np.mean([mid_ranks(one) for one in scores], axis=0)
    np.testing.assert_allclose(auc(targets, logits).labels, auc(targets, ranks).labels, atol=0.005)


def test_over_folds_an_image_is_ranked_among_those_that_its_network_did_not_see_either() -> None:
    images, folds = 300, np.arange(300) % 3
    targets = draw_targets(0, images, 4)
    trainings = [draw_scores(seed, images, 4) + 2 * targets for seed in range(2)]
    # Each network on a scale of its own.
    scaled = [
        (one * (1 + folds[:, None]) + 100 * (folds[:, None] + place)).astype(np.float32)
        for place, one in enumerate(trainings)
    ]
    average = RankAverage.fit(targets, scaled, folds)
    logits = average.combine_validation(scaled, folds)
    expected = np.empty_like(logits, dtype=np.float64)
    for fold in range(3):
        rows = folds == fold
        expected[rows] = np.mean([mid_ranks(one[rows]) for one in trainings], axis=0)
    np.testing.assert_allclose(
        auc_within(targets, logits, folds).labels, auc_within(targets, expected, folds).labels,
        atol=0.005,
    )  # fmt: skip
    # The sigmoids hold for images of all folds together.
    assert np.isfinite(logits).all()
    shares = 1 / (1 + np.exp(-logits.astype(float)))
    np.testing.assert_allclose(shares.mean(axis=0), targets.mean(axis=0), atol=0.02)
    # A new image is scored by all networks: those of the first training come first.
    of_networks = [one[folds == fold] for one in scaled for fold in range(3)]
    for network, own in enumerate(of_networks):
        np.testing.assert_allclose(average.values[network, :, 0], own.min(axis=0), rtol=1e-6)
    middle = average.combine([np.median(own, axis=0, keepdims=True) for own in of_networks])
    odds = (middle - average.offsets.numpy()) / average.slopes.numpy()
    np.testing.assert_allclose(odds, 0, atol=0.1)


def test_an_image_is_scored_alone_as_among_others() -> None:
    scores = [draw_scores(seed, 300, 4) for seed in range(3)]
    average = RankAverage.fit(draw_targets(0, 300, 4), scores)
    new = [draw_scores(seed + 10, 600, 4) for seed in range(3)]
    together = average.combine(new)
    alone = [average.combine([one[row : row + 1] for one in new]) for row in range(20)]
    np.testing.assert_array_equal(np.concatenate(alone), together[:20])


def test_scores_beyond_all_that_validation_had_still_differ() -> None:
    scores = draw_scores(0, 100, 1)
    average = RankAverage.fit(draw_targets(0, 100, 1), [scores])
    beyond = np.array([-50, -9, -8, 8, 9, 50], dtype=np.float32)[:, None]
    logits = average.combine([beyond])[:, 0]
    assert (np.diff(logits) > 0).all()
    extreme = np.array([[-3e38], [3e38]], dtype=np.float32)
    assert np.isfinite(average.combine([extreme])).all()


def test_what_is_kept_is_small_and_lies_apart() -> None:
    scores = draw_scores(0, 5000, 2)
    average = RankAverage.fit(draw_targets(0, 5000, 2), [scores])
    assert average.values.shape[-1] <= KNOTS
    for values in average.values[0]:
        distinct = np.unique(values.numpy())
        assert distinct[0] == values[0]
        closest = min(b - a for a, b in pairwise(distinct.tolist()))
        assert closest >= 0.99 * CLOSEST * (distinct[-1] - distinct[0])


def test_probabilities_are_as_frequent_as_the_label() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((4000, 2)) < [0.5, 0.05]).astype(np.float32)
    scores = [(targets + random.normal(size=targets.shape)).astype(np.float32) for _ in range(3)]
    logits = RankAverage.fit(targets, scores).combine(scores)
    sure = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(sure.mean(axis=0), targets.mean(axis=0), atol=0.01)


def test_a_sigmoid_is_fitted_by_label_and_never_turns_the_order() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(size=(3000, 5))
    logits = 2.5 * scores - 1
    targets = (random.random(scores.shape) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    targets[:, 1] = 1 - targets[:, 1]  # Turned round.
    targets[:, 2] = np.nan
    targets[:, 3] = 0
    targets[:, 4] = scores[:, 4] > 0  # Separated.
    slopes, offsets = fit_sigmoids(targets, scores)
    assert slopes[0] == pytest.approx(2.5, rel=0.1)
    assert offsets[0] == pytest.approx(-1, rel=0.2)
    assert slopes[1] > 0
    assert (slopes[2], offsets[2]) == (1, 0)
    assert slopes[3] == 1
    assert offsets[3] < -3
    assert np.isfinite(slopes).all()
    fitted = slopes[:1] * scores[:, :1] + offsets[:1]
    assert log_loss(targets[:, :1], fitted) <= log_loss(targets[:, :1], logits[:, :1]) + 1e-3


def test_a_soup_is_the_mean_and_of_identical_members_the_member() -> None:
    generator = torch.Generator().manual_seed(0)

    def weights() -> dict[str, Tensor]:
        return {
            "a": torch.randn(5, 3, generator=generator),
            "half": torch.randn(4, generator=generator).half(),
            "count": torch.tensor(7),
        }

    one, other = weights(), weights()
    for many in range(1, 8):
        soup = Soup.of(one)
        for _ in range(many):
            soup = soup.stirred(one)
        for name, value in soup.weights.items():
            assert torch.equal(value.to(one[name].dtype), one[name])
    mixed = Soup.of(one).stirred(other).weights
    torch.testing.assert_close(mixed["a"], ((one["a"].double() + other["a"].double()) / 2))
    assert mixed["count"] == 7
    assert architecture(one) == architecture(other) != architecture({"a": one["a"]})


def test_a_damaged_ensemble_is_refused(tmp_path: Path) -> None:
    from sedn.config import build_config
    from sedn.run.calibration import Calibration
    from sedn.run.model_file import ModelHeader, load_rank_average, read_header, save_model

    average = RankAverage.fit(draw_targets(0, 50, 2), [draw_scores(1, 50, 2)] * 2)
    config = build_config({"backbone": {"name": "test_resnet", "pretrained": False}}, "test")
    calibration = Calibration(1.0, (0.5, 0.5), ())
    header = ModelHeader(config, ("a", "b"), (), False, calibration, members=("one", "two"))
    path = tmp_path / "model.safetensors"
    save_model(average, header, path)
    assert read_header(path) == header
    again = load_rank_average(path, header)
    for name, value in average.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="the file is damaged"):
        load_rank_average(path, header)
