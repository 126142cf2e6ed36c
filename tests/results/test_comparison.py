"""Two sides compared: the truth that was planted is found, and noise is told as noise."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from results import Comparison, Store, TrialState, compare
from results.comparison.comparing import compare_sides
from results.comparison.page import render_page
from results.comparison.sides import Side
from results.comparison.words import answer, assumptions
from results.predictions import Predictions
from sedn.errors import UserError
from sedn.metrics import SIGNIFICANCE, auc, compare_paired
from tests.results.rows import add_trial, new_experiment
from tests.results.scored import add_baseline, add_scored, label_names, split_of

Array = NDArray[np.floating]
IMAGES, LABELS = 200, 6
STAGE = {"embedding": {"placement": "stage1"}}


def world(seed: int, images: int = IMAGES) -> tuple[Array, Callable[..., Array]]:
    """Targets, and a function that draws the scores of a network which knows so much of labels."""
    rng = np.random.default_rng(seed)
    targets = (rng.normal(size=(images, 1)) + rng.normal(size=(images, LABELS)) > 1.2) * 1.0
    hard = rng.normal(size=(images, LABELS))

    def scores(knows: float | list[float]) -> Array:
        return hard + 0.5 * rng.normal(size=targets.shape) + np.asarray(knows) * targets

    return targets, scores


@pytest.fixture
def spring(store: Store, tmp_path: Path) -> Store:
    """A baseline, a configuration with two seeds that is better for labels 0 and 1, and another."""
    targets, scores = world(0)
    split, number = split_of(targets), new_experiment(store, "spring", label_names(LABELS))
    better = [3.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    add_baseline(store, number, split, scores(1.0), tmp_path)
    add_scored(store, number, 1, split, scores(better), tmp_path, **STAGE)
    add_scored(store, number, 2, split, scores(better), tmp_path, **STAGE, seed=5)
    add_scored(store, number, 3, split, scores(0.9), tmp_path, embedding={"placement": "input"})
    return store


def differing_labels(found: Comparison) -> list[str]:
    frame = found.frame()
    return list(frame.loc[frame["differs"], "label"])


def test_the_labels_that_were_made_better_are_found(spring: Store) -> None:
    found = compare(spring, "spring:1", "spring:baseline")
    assert differing_labels(found) == ["label 0", "label 1"]
    said = answer(found)
    assert said[0].startswith("spring:1 is higher than spring:baseline in mean AUC: 0.")
    assert "2 of 6 labels differ (Holm): spring:1 is higher for label 0, label 1." in said[1]
    turned = compare(spring, "spring:baseline", "spring:1")
    assert answer(turned)[0].startswith("spring:baseline is lower than spring:1 in mean AUC")
    assert turned.mean()["difference"] == -found.mean()["difference"]


def test_the_aucs_are_those_of_the_store(spring: Store) -> None:
    found, rows = compare(spring, "spring:1"), spring.trials(1)
    assert found.mean()["first"] == pytest.approx(rows[1].mean_auc, abs=1e-12)
    assert found.mean()["second"] == pytest.approx(rows[0].mean_auc, abs=1e-12)
    whole = compare(spring, "spring#1")
    means = [rows[number].mean_auc or 0.0 for number in (1, 2)]
    assert whole.mean()["first"] == pytest.approx(np.mean(means), abs=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "what", "seeds"),
    [
        ("spring", None, ("rank 1, trial 1", "the baseline, trial 0"), (2, 1)),
        ("spring#1", "spring:3", ("rank 1, trial 1", "trial 3"), (2, 1)),
        ("spring:2", "spring:1", ("trial 2", "trial 1"), (1, 1)),
        ("spring:baseline", "spring#3", ("the baseline, trial 0", "rank 3, trial 3"), (1, 1)),
    ],
)
def test_sides_are_named_in_each_way(
    spring: Store, first: str, second: str | None, what: tuple[str, str], seeds: tuple[int, int]
) -> None:
    found = compare(spring, first, second)
    assert (found.first.description, found.second.description) == what
    assert (len(found.first.trainings), len(found.second.trainings)) == seeds


def test_a_leader_is_said_to_be_chosen_and_seeds_to_be_few(spring: Store) -> None:
    leader = " ".join(assumptions(compare(spring, "spring")))
    assert "spring was chosen on these images as the best of 3 configurations" in leader
    assert "2 and 1 seeds: the intervals cover images and seeds" in leader
    single = " ".join(assumptions(compare(spring, "spring:1")))
    assert "chosen" not in single
    assert "One training each: the intervals cover the choice of images, and not" in single


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("spring:9", "spring", "'spring:9': experiment 'spring' has no such trial; its trials are"),
        ("spring#5", "spring", "'spring#5': experiment 'spring' has ranks 1 to 4"),
        ("spring#0", "spring", "'spring#0': experiment 'spring' has ranks 1 to 4"),
        ("sprig", None, "no experiment 'sprig' in this database; did you mean 'spring'"),
        ("spring:first", "spring", "'spring:first': names nothing to compare; a trial is NAME:12"),
        ("./nowhere", "spring", "'./nowhere': names nothing to compare"),
        ("spring:baseline", None, "'spring:baseline': name what it is to be compared with"),
        ("spring:1", "spring:1", "'spring:1' and 'spring:1': are the same training"),
        ("spring#1", "spring:1", "'spring#1' and 'spring:1': have a training in common"),
        ("spring:4", "spring:1", "experiment 'spring', trial 4: kept no predictions: an earlier"),
        ("spring:5", "spring:1", "trial 5: kept no predictions: it is pruned after epoch 1 of 2"),
        ("other", "spring", "'other' and 'spring': cannot be compared, as their labels differ"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_line(
    spring: Store, tmp_path: Path, first: str, second: str | None, said: str
) -> None:
    add_trial(spring, 1, 4, 0.3, embedding={"placement": "stage2"})
    add_trial(spring, 1, 5, 0.5, state=TrialState.PRUNED)
    targets, scores = world(1)
    names = [*label_names(LABELS - 1), "another"]
    add_scored(
        spring, new_experiment(spring, "other", names), 0, split_of(targets), scores(1.0),
        tmp_path, labels=names,
    )  # fmt: skip
    with pytest.raises(UserError) as caught:
        compare(spring, first, second)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_images_are_refused_and_the_same_of_another_search_are_not(
    store: Store, tmp_path: Path
) -> None:
    targets, scores = world(0)
    for name, split in {
        "a": split_of(targets),
        "b": split_of(targets),
        "fewer": split_of(targets[1:]),
        "renamed": split_of(targets, names="other-{}.png"),
        "flipped": split_of(1 - targets),
    }.items():
        number = new_experiment(store, name, label_names(LABELS))
        drawn = scores(1.0 if name == "a" else 2.0)[: len(split)]
        seed = {"seed": 3} if name == "b" else {}
        add_scored(store, number, 0, split, drawn, tmp_path, role="baseline", **seed)
    assert differing_labels(compare(store, "b", "a")) == list(label_names(LABELS))
    for name, said in (
        ("fewer", "they were validated on 200 and 199 images"),
        ("renamed", "200 of their 200 images differ"),
        ("flipped", "the truth of their images is another"),
    ):
        with pytest.raises(UserError, match=f"'a' and '{name}': cannot be compared, as {said}"):
            compare(store, "a", name)


def test_groups_of_the_data_are_draws(store: Store, tmp_path: Path) -> None:
    targets, scores = world(0)
    five = tuple(f"patient {row // 5}" for row in range(IMAGES))
    apart = {}
    for name, groups in (("alone", ()), ("grouped", five)):
        number = new_experiment(store, name, label_names(LABELS))
        add_baseline(store, number, split_of(targets, groups), scores(1.0), tmp_path)
        better = scores(1.3)
        add_scored(store, number, 1, split_of(targets, groups), better, tmp_path, **STAGE)
        apart[name] = compare(store, f"{name}:1")
    assert not apart["alone"].has_groups
    assert apart["grouped"].paired.units == IMAGES // 5
    said = assumptions(apart["grouped"])[-1]
    assert said == "Images of one group count as one draw: 40 draws of 200 images."


def test_a_label_without_an_auc_is_left_out_and_said(store: Store, tmp_path: Path) -> None:
    targets, scores = world(0)
    targets[:, 2] = 0
    number = new_experiment(store, "gap", label_names(LABELS))
    add_baseline(store, number, split_of(targets), scores(1.0), tmp_path)
    add_scored(store, number, 1, split_of(targets), scores(1.1), tmp_path, **STAGE)
    found = compare(store, "gap:1")
    assert answer(found)[1].endswith("1 without an AUC, for want of images of a class.")
    assert found.frame()["p"].isna().tolist() == [False, False, True, False, False, False]
    assert "1 label without an AUC" in render_page(found)


def test_hostile_names_stay_words_on_the_page(store: Store, tmp_path: Path) -> None:
    targets, scores = world(0)
    names = ["<script>alert(1)</script>", "a\nb", "x" * 300, "&amp;", "дом", "plain"]
    number = new_experiment(store, "odd", names)
    add_scored(store, number, 1, split_of(targets), scores(3.0), tmp_path, labels=names, **STAGE)
    add_scored(store, number, 2, split_of(targets), scores(1.0), tmp_path, labels=names, seed=9)
    found = compare(store, "odd:1", "odd:2")
    page = render_page(found)
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "a\\nb" in page
    assert not any("\n" in line for line in answer(found))


def test_what_the_predictions_say_is_what_the_store_says(spring: Store) -> None:
    found = compare(spring, "spring:3", "spring:1")
    one = found.first.trainings[0]
    assert auc(one.targets, one.scores).mean == spring.trials(1)[3].mean_auc
    assert json.loads(json.dumps(found.mean()))["p"] < 1


def noise(seed: int) -> tuple[Array, Array, Array]:
    """Labels that no image shows, and the scores of two networks for them."""
    rng = np.random.default_rng(seed)
    targets, scores = world(seed)
    shuffled = np.stack([rng.permutation(column) for column in targets.T], axis=1)
    return shuffled, scores(0.0), scores(0.0)


@pytest.mark.parametrize("searches", [600, pytest.param(2000, marks=pytest.mark.slow)])
def test_over_noise_one_in_twenty_is_called_better_at_most(searches: int) -> None:
    """In the mean or for any label, where both are looked at; and one in twenty differs in each."""
    better, mean_differs, label_differs = 0, 0, 0
    for seed in range(searches):
        targets, first, second = noise(seed)
        found = compare_paired(targets, [first], [second])
        in_mean, in_labels = found.mean.p[0] < SIGNIFICANCE, found.adjusted < SIGNIFICANCE
        higher = in_labels & (found.labels.value > 0)
        better += bool((in_mean and found.mean.value[0] > 0) or higher.any())
        mean_differs += bool(in_mean)
        label_differs += bool(in_labels.any())
    assert 0 < better <= searches / 20
    assert mean_differs <= searches / 20
    assert label_differs <= searches / 20


@pytest.mark.slow
def test_of_twenty_searches_over_noise_nineteen_say_that_nothing_is_better(
    store: Store, tmp_path: Path
) -> None:
    """Labels that no image shows: nothing is better than the baseline, whoever leads."""
    said_better = 0
    for seed in range(20):
        targets, of_baseline, of_other = noise(seed)
        number = new_experiment(store, f"noise{seed}", label_names(LABELS))
        add_baseline(store, number, split_of(targets), of_baseline, tmp_path)
        add_scored(store, number, 1, split_of(targets), of_other, tmp_path, **STAGE)
        said = " ".join(answer(compare(store, f"noise{seed}:1")))
        said_better += f"noise{seed}:1 is higher" in said
    assert said_better <= 1


def test_the_leader_of_a_search_over_noise_is_not_called_better() -> None:
    """`sedn compare NAME`: the leader was chosen on the images that it is compared on."""
    in_mean, of_label, without_the_choice = 0, 0, 0
    searches, configurations = 60, 20
    for seed in range(searches):
        targets, scores = world(seed)
        targets = np.random.default_rng(seed).permuted(targets, axis=0)
        drawn = [scores(0.0) for _ in range(configurations)]
        leader = max(drawn[1:], key=lambda one: auc(targets, one).mean)
        first = side("spring", targets, leader, configurations)
        found = compare_sides(first, side("spring:baseline", targets, drawn[0]))
        mean, labels = answer(found)
        in_mean += "is higher than" in mean
        of_label += "is higher for" in labels
        without_the_choice += found.mean()["p"] < SIGNIFICANCE
    assert in_mean <= searches / 20
    assert of_label <= searches / 20
    assert without_the_choice > searches / 20


def side(name: str, targets: Array, scores: Array, best_of: int = 1) -> Side:
    """One training, chosen as the best of so many."""
    images, labels = tuple(map(str, range(len(targets)))), label_names(LABELS)
    single = scores.astype(np.float32), targets.astype(np.float32)
    training = Predictions("validation", images, labels, *single, (), name, 0, "data")
    return Side(name, "drawn", (training,), best_of)
