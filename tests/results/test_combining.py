"""Whose ranks are averaged, and that only the order of scores counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from results.combining import choose_members
from sedn.metrics import auc, auc_within, mid_ranks

Scores = list[np.ndarray]


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, Scores]:
    """Targets with unknown ones, and scores of some networks, with ties."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images, labels = draw(st.integers(4, 40)), draw(st.integers(1, 4))
    targets = random.integers(0, 2, (images, labels)).astype(np.float32)
    targets[0], targets[1] = 0, 1
    unknown = random.random((images, labels)) < draw(st.sampled_from([0.0, 0.3]))
    unknown[:2] = False
    noise = draw(st.sampled_from([0.3, 1.0, 3.0]))
    networks = [
        (targets + noise * random.normal(size=targets.shape)).astype(np.float32)
        for _ in range(draw(st.integers(1, 5)))
    ]
    if draw(st.booleans()):
        networks = [np.round(one) for one in networks]
    targets[unknown] = np.nan
    return targets, networks


@given(scored())
@settings(max_examples=100, deadline=None)
def test_ranks_are_those_of_scipy(case: tuple[np.ndarray, Scores]) -> None:
    for scores in case[1]:
        np.testing.assert_array_equal(mid_ranks(scores), rankdata(scores, axis=0) - 0.5)


@given(scored())
@settings(max_examples=100, deadline=None)
def test_every_member_raises_the_mean_auc_and_no_other_would(
    case: tuple[np.ndarray, Scores],
) -> None:
    targets, networks = case
    choice = choose_members(targets, networks)
    own = [auc(targets, one).mean for one in networks]
    assert own[choice.members[0]] == max(own)
    assert len(set(choice.members)) == len(choice.members) == len(choice.mean_aucs)
    total = np.zeros(targets.shape)
    for place, reached in zip(choice.members, choice.mean_aucs, strict=True):
        total += mid_ranks(networks[place])
        assert auc(targets, total).mean == reached
    assert list(choice.mean_aucs) == sorted(set(choice.mean_aucs))
    for place in set(range(len(networks))) - set(choice.members):
        assert auc(targets, total + mid_ranks(networks[place])).mean <= choice.mean_aucs[-1]


@given(scored(), st.sampled_from([np.cbrt, np.arctan, lambda x: 1000 * x - 7, lambda x: x**3 + x]))
@settings(max_examples=100, deadline=None)
def test_a_rising_change_of_a_members_scores_changes_nothing(
    case: tuple[np.ndarray, Scores], change: object
) -> None:
    targets, networks = case
    assert callable(change)
    # In float64 and of values that lie apart, so that the change rounds no two to one.
    changed = [change(mid_ranks(one)) for one in networks]
    assert choose_members(targets, changed) == choose_members(targets, networks)


def test_over_folds_a_change_of_the_scale_of_a_folds_network_changes_nothing() -> None:
    random = np.random.default_rng(2)
    targets = random.integers(0, 2, (120, 4)).astype(np.float32)
    folds = np.arange(120) % 3
    networks = [targets + 2 * random.normal(size=targets.shape) for _ in range(5)]
    scale = np.array([1.0, 1e-3, 50.0])[folds][:, None]
    changed = [one * scale + 9 * folds[:, None] * (place + 1) for place, one in enumerate(networks)]
    choice = choose_members(targets, networks, folds)
    assert choose_members(targets, changed, folds) == choice
    assert len(choice.members) > 1
    first = networks[choice.members[0]]
    assert choice.mean_aucs[0] == auc_within(targets, first, folds).mean


def test_copies_of_the_best_add_nothing() -> None:
    random = np.random.default_rng(0)
    targets = random.integers(0, 2, (50, 3)).astype(np.float32)
    one = targets + random.normal(size=targets.shape)
    assert choose_members(targets, [one, one, one]).members == (0,)
    assert choose_members(targets, [one, 5 * one - 2, one]).members == (0,)


@pytest.mark.parametrize("many", [2, 8])
def test_networks_whose_errors_have_nothing_in_common_help_each_other(many: int) -> None:
    random = np.random.default_rng(1)
    targets = random.integers(0, 2, (400, 5)).astype(np.float32)
    networks = [targets + 2 * random.normal(size=targets.shape) for _ in range(many)]
    choice = choose_members(targets, networks)
    assert len(choice.members) == many
    assert choice.mean_aucs[-1] > choice.mean_aucs[0] + 0.03
