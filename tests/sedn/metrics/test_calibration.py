"""Temperatures against those that logits were spoiled by; the calibration error by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedn.metrics import (
    calibrate,
    fit_temperature,
    log_loss,
    reliability,
    temperature_warning,
)
from sedn.metrics.calibration import COLDEST, HOTTEST, most_likely_temperature


def draw(temperature: float, images: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Targets drawn from the probabilities of logits, and these logits times a temperature."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (images, 3))
    targets = (random.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    return targets, logits * temperature


@pytest.mark.parametrize("temperature", [0.2, 1.0, 3.0])
def test_the_temperature_is_found(temperature: float) -> None:
    targets, logits = draw(temperature)
    found = fit_temperature(targets, logits)
    assert found == pytest.approx(temperature, rel=0.06)
    before = reliability(targets, calibrate(logits, 1.0)).error
    after = reliability(targets, calibrate(logits, found)).error
    assert after < 0.02
    assert temperature == 1 or after < before / 3


@given(st.floats(0.3, 6), st.integers(0, 20))
def test_logits_of_twice_the_size_have_twice_the_temperature(scale: float, seed: int) -> None:
    targets, logits = draw(1.0, images=600, seed=seed)
    one, other = fit_temperature(targets, logits), fit_temperature(targets, scale * logits)
    # But for what the prior draws towards 1, and for 1 itself, which is kept where no other helps.
    assert other / one == pytest.approx(scale, rel=0.15)


def test_unknown_labels_take_no_part() -> None:
    targets, logits = draw(2.0, images=600)
    hidden = np.random.default_rng(1).random(targets.shape) < 0.4
    spoiled = np.where(hidden, 50.0, logits)
    partly = np.where(hidden, np.nan, targets)
    kept = ~hidden
    expected = fit_temperature(targets[kept][:, None], logits[kept][:, None])
    assert fit_temperature(partly, spoiled) == pytest.approx(expected)
    found = reliability(partly, calibrate(spoiled, 1.0))
    assert found.counts.sum() == kept.sum()
    assert found.error == pytest.approx(
        reliability(targets[kept][:, None], calibrate(logits[kept][:, None], 1.0)).error
    )


@pytest.mark.parametrize("images", [2, 10, 100, 1000])
@pytest.mark.parametrize("size", [0.5, 3.0, 10.0])
def test_separated_labels_are_no_certainty(images: int, size: float) -> None:
    targets = np.eye(2)[np.arange(images) % 2]
    found = fit_temperature(targets, size * (2 * targets - 1))
    assert COLDEST < found <= 1
    sure = calibrate(size * (2 * targets - 1), found)
    assert 1e-6 < sure.min() < 0.5 < sure.max() < 1 - 1e-6


@pytest.mark.parametrize(("wrong", "is_warned"), [(False, False), (True, True)])
def test_a_temperature_at_its_bound_is_told(wrong: bool, is_warned: bool) -> None:
    targets, logits = draw(2.0, images=400)
    # Logits that say the opposite are the less wrong the smaller they are.
    found = fit_temperature(targets, -logits if wrong else logits)
    assert (temperature_warning(found) is not None) == is_warned
    assert "highest" in (temperature_warning(HOTTEST) or "")
    assert "lowest" in (temperature_warning(COLDEST) or "")


@given(st.integers(0, 200), st.integers(2, 40), st.floats(0.05, 20))
@settings(max_examples=60, deadline=None)
def test_a_temperature_is_taken_only_where_it_helps_on_other_images(
    seed: int, images: int, scale: float
) -> None:
    targets, logits = draw(scale, images=images, seed=seed)
    found = fit_temperature(targets, logits)
    assert COLDEST <= found <= HOTTEST
    # The folds are the fit's own: any other cut may by chance say otherwise.
    order = np.random.default_rng(0).permutation(images)
    folds = np.array_split(order, min(5, images))
    parts = [np.setdiff1d(order, fold) for fold in folds]
    losses = []
    for fold, part in zip(folds, parts, strict=True):
        tried = most_likely_temperature(targets[part].ravel(), logits[part].ravel())
        losses.append(log_loss(targets[fold], logits[fold], tried) * len(fold) / images)
    held_out = sum(losses)
    assert found == 1 or held_out < log_loss(targets, logits)
    assert log_loss(targets, logits, found) <= log_loss(targets, logits) + 1e-9


def test_what_is_not_known_is_left() -> None:
    assert fit_temperature(np.full((3, 2), np.nan), np.ones((3, 2))) == 1.0
    assert np.isnan(reliability(np.full((3, 2), np.nan), np.ones((3, 2))).error)


def test_bins_by_hand() -> None:
    sure = np.array([[0.05, 0.15, 0.95, 1.0]])
    found = reliability(np.array([[0.0, 1.0, 1.0, 0.0]]), sure, bins=10)
    assert found.counts.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    np.testing.assert_allclose(found.predicted[[0, 1, 9]], [0.05, 0.15, 0.975])
    np.testing.assert_allclose(found.observed[[0, 1, 9]], [0, 1, 0.5])
    assert np.isnan(found.predicted[2])
    assert found.error == pytest.approx((0.05 + 0.85 + 2 * 0.475) / 4)
