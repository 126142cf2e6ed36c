"""AUC over folds that networks of their own scored: within each, and with an error that is true."""

import numpy as np
import pytest

from sedn.metrics import auc, auc_within, compare_paired, label_influences_within


def scored(
    random: np.random.Generator, images: int, positives: int, folds: int, shift: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, scores on another scale in each fold, and folds; stratified."""
    targets = np.zeros((images, 1))
    targets[:positives] = 1
    fold = np.concatenate(
        [np.arange(positives) % folds, random.permutation(images - positives) % folds]
    )
    scale, level = random.uniform(0.5, 2, folds), random.normal(0, 5, folds)
    scores = (random.normal(size=images) + shift * targets[:, 0]) * scale[fold] + level[fold]
    return targets, scores[:, None].astype(np.float32), fold


def test_it_is_the_mean_of_the_folds() -> None:
    random = np.random.default_rng(0)
    targets = (random.random((120, 3)) < 0.3).astype(float)
    targets[random.random((120, 3)) < 0.1] = np.nan
    scores = random.normal(size=(120, 3)).astype(np.float32)
    folds = random.integers(0, 4, 120)
    found = auc_within(targets, scores, folds)
    own = [auc(targets[folds == fold], scores[folds == fold]).labels for fold in range(4)]
    assert found.labels == pytest.approx(np.mean(own, axis=0))
    assert found.mean == pytest.approx(np.mean(own))
    assert found.positives.tolist() == (targets == 1).sum(axis=0).tolist()
    moved = auc_within(targets, scores * 3.0 ** folds[:, None] + 100 * folds[:, None], folds)
    assert moved.labels == pytest.approx(found.labels)


def test_of_one_fold_it_is_the_plain_estimate() -> None:
    random = np.random.default_rng(1)
    targets = (random.random((60, 2)) < 0.4).astype(float)
    scores = random.normal(size=(60, 2)).astype(np.float32)
    plain, within = auc(targets, scores), auc_within(targets, scores, np.zeros(60))
    assert within.mean == pytest.approx(plain.mean)
    assert within.mean_stderr == pytest.approx(plain.mean_stderr)
    assert within.labels_stderr == pytest.approx(plain.labels_stderr)
    assert within.influence == pytest.approx(plain.influence)
    assert auc_within(targets, scores, None).mean == plain.mean


def test_a_fold_with_one_class_says_nothing_of_the_label() -> None:
    targets = np.array([[1, 1], [0, 1], [1, 0], [0, 1], [1, 1], [0, 1.0]])
    scores = np.array([[2, 0], [1, 1], [1, 2], [2, 1], [3, 0], [2, 0.0]], dtype=np.float32)
    folds = np.array([0, 0, 1, 1, 2, 2])
    found = auc_within(targets, scores, folds)
    assert found.labels.tolist() == [pytest.approx(2 / 3), 0.0]
    nothing = auc_within(np.ones((4, 1)), scores[:4, :1], folds[:4])
    assert np.isnan([nothing.mean, nothing.mean_stderr, nothing.labels[0]]).all()


def test_influences_sum_to_nothing_and_are_none_where_the_truth_is_unknown() -> None:
    random = np.random.default_rng(2)
    targets, scores, folds = scored(random, 50, 15, 5, 1.0)
    targets[20] = np.nan
    _, influences = label_influences_within(targets, scores, folds)
    assert influences[20, 0] == 0
    assert np.abs(influences[targets[:, 0] == 0].sum()) < 1e-9 * 50
    assert np.abs(influences[targets[:, 0] == 1].sum()) < 1e-9 * 50


@pytest.mark.parametrize(
    ("images", "positives", "folds", "shift"), [(40, 5, 5, 1.0), (100, 50, 5, 1.0), (90, 20, 10, 2)]
)
def test_the_error_is_that_of_repeated_draws(
    images: int, positives: int, folds: int, shift: float
) -> None:
    """Not too small, even with one positive image in a fold; too large by a third at most."""
    random = np.random.default_rng(3)
    found = [auc_within(*scored(random, images, positives, folds, shift)) for _ in range(400)]
    spread = np.std([one.mean for one in found])
    told = np.sqrt(np.mean([one.mean_stderr**2 for one in found]))
    assert 0.93 * spread < told < 1.35 * spread


def test_two_models_are_compared_within_folds() -> None:
    random = np.random.default_rng(4)
    targets, scores, folds = scored(random, 200, 60, 5, 1.5)
    other = scores + random.normal(0, 0.3, scores.shape).astype(np.float32)
    # Models whose networks of each fold rank alike differ in nothing, whatever their scales are.
    scaled = scores * 2.0 ** folds[:, None] - 50 * folds[:, None]
    same = compare_paired(targets, [scores], [scaled.astype(np.float32)], folds=folds)
    assert float(same.mean.value[0]) == pytest.approx(0, abs=1e-9)
    differ = compare_paired(targets, [scores], [other], folds=folds)
    assert differ.mean_first == pytest.approx(auc_within(targets, scores, folds).mean)
