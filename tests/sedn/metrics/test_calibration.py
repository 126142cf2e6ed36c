"""Temperatures against those that logits were spoiled by; the calibration error by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedn.metrics import calibrate, fit_temperature, reliability


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


@given(st.floats(0.1, 10), st.integers(0, 20))
def test_logits_of_twice_the_size_have_twice_the_temperature(scale: float, seed: int) -> None:
    targets, logits = draw(1.0, images=200, seed=seed)
    one, other = fit_temperature(targets, logits), fit_temperature(targets, scale * logits)
    assert other / one == pytest.approx(scale, rel=1e-3)


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


def test_what_is_always_right_is_trusted_and_what_is_not_known_left() -> None:
    targets = np.array([[1.0, 0.0], [0.0, 1.0]])
    certain = fit_temperature(targets, 2 * targets - 1)
    assert certain == pytest.approx(0.01, rel=0.1), "the lowest there is"
    assert np.isfinite(calibrate(1e4 * (2 * targets - 1), certain)).all()
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
