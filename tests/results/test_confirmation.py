"""Scores of a confirmation against a truth that is known."""

from dataclasses import asdict

import numpy as np
import pytest

from results.confirmation import Confirmed, score_candidates
from results.confirmed import answer_lines
from results.predictions import Predictions
from sedn.errors import UserError

IMAGES, LABELS, SEEDS = 400, 3, 3


def predictions(
    random: np.random.Generator, shifts: list[float], groups: tuple[str, ...] = ()
) -> dict[str, list[list[Predictions]]]:
    """A configuration for each shift between the classes, whose trainings share their images."""
    targets = (random.random((IMAGES, LABELS)) < 0.3).astype(np.float32)
    shared = random.standard_normal((IMAGES, LABELS))
    candidates = {}
    for number, shift in enumerate(shifts):
        several = []
        for seed in range(SEEDS):
            own = random.standard_normal((IMAGES, LABELS))
            scores = shift * targets + 0.9 * shared + 0.45 * own
            several.append(
                [
                    Predictions(
                        "test",
                        tuple(map(str, range(IMAGES))),
                        tuple("abc"),
                        scores.astype(np.float32),
                        targets,
                        groups,
                        str(number),
                        seed,
                        "data",
                    )
                ]
            )
        candidates[f"configuration {number}"] = several
    return candidates


def test_equal_configurations_are_not_called_better() -> None:
    random = np.random.default_rng(0)
    wrong = 0
    for _ in range(100):
        scores = [*score_candidates(predictions(random, [1.0, 1.0, 1.0])).values()]
        wrong += any(one.gain_low is not None and one.gain_low > 0 for one in scores)
    # 2.5 are expected, and 8 or more come about once in 200 times.
    assert wrong < 8


def test_of_twenty_confirmations_over_noise_nineteen_say_not_confirmed() -> None:
    """No label has to do with an image: the leaders of such a search led by luck."""
    said = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        validation, test = (score_candidates(predictions(random, [0.0] * 4)) for _ in range(2))
        confirmed = [
            Confirmed(title, title, (1, 2, 3), validation[title], test[title])
            for title in validation
        ]
        said.append(answer_lines(confirmed, 1)[0].startswith("Not confirmed: "))
        assert said[-1] or any((one.gain_low or 0) > 0 for one in validation.values())
    assert sum(said) >= 19


def test_the_images_are_counted_once_where_seeds_differ_by_them() -> None:
    """Seeds that share no luck of the images have it averaged out: four times as many seeds make
    the interval of their mean about half as wide.
    """
    random = np.random.default_rng(6)
    targets = (random.random((IMAGES, LABELS)) < 0.3).astype(np.float32)

    def width(seeds: int) -> float:
        several = []
        for seed in range(seeds):
            scores = (targets + random.standard_normal(targets.shape)).astype(np.float32)
            names = tuple(map(str, range(IMAGES)))
            of = Predictions("test", names, ("a", "b", "c"), scores, targets, (), "0", seed, "data")
            several.append([of])
        score = score_candidates({"baseline": several, "other": several})["baseline"]
        return score.high - score.low

    assert np.mean([width(8) for _ in range(5)]) < 0.65 * np.mean([width(2) for _ in range(5)])


def test_a_better_configuration_is_told_from_the_baseline() -> None:
    random = np.random.default_rng(1)
    for _ in range(10):
        scores = score_candidates(predictions(random, [1.0, 1.8]))
        best = scores["configuration 1"]
        assert best.gain_low is not None
        assert best.gain_low > 0
        assert best.probability_best > 0.9
        assert scores["configuration 0"].gain is None


def test_images_of_one_group_count_as_one() -> None:
    alone = predictions(np.random.default_rng(2), [1.0, 1.3])
    # Images of a group that are alike: every fourth is a copy of the first.
    copied = {
        title: [
            [
                Predictions(
                    **{
                        **vars(one),
                        "scores": np.repeat(one.scores[::4], 4, axis=0),
                        "targets": np.repeat(one.targets[::4], 4, axis=0),
                        "groups": tuple(str(row // 4) for row in range(IMAGES)),
                    }
                )
            ]
            # One seed: the spread between several would stand in for that between the groups.
            for (one,) in several[:1]
        ]
        for title, several in alone.items()
    }
    without = {
        title: [[Predictions(**{**vars(one), "groups": ()})] for (one,) in several]
        for title, several in copied.items()
    }

    def width(candidates: dict[str, list[list[Predictions]]]) -> float:
        score = score_candidates(candidates)["configuration 1"]
        assert score.gain_high is not None
        assert score.gain_low is not None
        return score.gain_high - score.gain_low

    assert width(copied) > 1.3 * width(without)


def test_predictions_of_other_images_are_refused() -> None:
    candidates = predictions(np.random.default_rng(3), [1.0, 1.3])
    other = predictions(np.random.default_rng(4), [1.0])
    with pytest.raises(UserError, match="different images"):
        score_candidates({**candidates, "other": other["configuration 0"]})


def test_networks_of_one_seed_are_one_training_whose_value_is_their_mean() -> None:
    candidates = predictions(np.random.default_rng(5), [1.0, 1.3])
    joined = {title: [[one for (one,) in several]] for title, several in candidates.items()}
    apart, together = score_candidates(candidates), score_candidates(joined)
    for title in candidates:
        assert together[title].mean_auc == pytest.approx(apart[title].mean_auc)
    doubled = {title: [[one, one] for (one,) in several] for title, several in candidates.items()}
    for title, score in score_candidates(doubled).items():
        assert asdict(score) == pytest.approx(asdict(apart[title]))
