"""What the images say of a stored ranking: from files of trials to words in a terminal."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from results.database.models import TrialState
from results.database.store import Store
from results.ranking.leaders import order_experiment, rank
from results.ranking.standing import COLUMNS, Standing, standing
from results.ranking.words import standing_lines
from results.report.contents import read_findings
from results.report.page import render_report
from search.cli.main import app
from sedn.config import build_config, config_hash
from sedn.metrics import auc
from sedn.training.checkpoints.files import write
from sedn.training.checkpoints.influence import INFLUENCE, Influence, save_influence
from sedn.training.checkpoints.predictions import PREDICTIONS
from tests.results.rows import add_trial, new_experiment

IMAGES = 200


def scored(worths: list[float], seed: int) -> list[tuple[float, np.ndarray, float]]:
    """Configurations of these worths on the same images: mean AUC, influences and error of each."""
    random = np.random.default_rng(seed)
    targets = (random.random((IMAGES, 2)) < 0.3).astype(float)
    hard = random.normal(size=(IMAGES, 2))
    found = []
    for worth in worths:
        scores = hard + random.normal(size=(IMAGES, 2)) + worth * targets
        estimate = auc(targets, scores)
        found.append((estimate.mean, estimate.influence / IMAGES, estimate.mean_stderr))
    return found


def searched(
    store: Store, folder: Path, worths: list[float], seed: int = 0, name: str = "rows"
) -> int:
    """A search whose first trial is the baseline, with what each trial kept of the images."""
    experiment = new_experiment(store, name)
    for number, (mean, influence, stderr) in enumerate(scored(worths, seed)):
        fields = {"batch_size": number + 1}
        config = build_config({"epochs": 2, **fields}, "test")
        of_trial = str(folder / name / str(number))
        kept = influence.astype(np.float32)
        save_influence(of_trial, Influence(kept, IMAGES, "print", config_hash(config), config.seed))
        add_trial(
            store,
            experiment,
            number,
            mean,
            stderr=stderr,
            role="sampled" if number else "baseline",
            predictions=(f"{of_trial}/{PREDICTIONS}", "print"),
            **fields,
        )
    return experiment


def known(store: Store, experiment: int, name: str = "rows") -> tuple[Standing, list[str]]:
    ordered = order_experiment(store, store.experiment(name))
    found = standing(store, experiment, ordered)
    return found, standing_lines(found, ordered)


def test_what_is_truly_better_is_called_better_and_who_is_level_is_marked(
    store: Store, tmp_path: Path
) -> None:
    experiment = searched(store, tmp_path, [1.0, 3.0, 3.0, 3.0, 1.0])
    frame = rank(store, "rows").set_index("trial")
    assert frame.loc[[1, 2, 3], "tied"].tolist() == [True] * 3
    assert frame.loc[[0, 4], "tied"].tolist() == [False] * 2
    assert frame.loc[[0, 4, 1, 2, 3], "better"].tolist() == [None, False, True, True, True]
    first = frame[frame["rank"] == 1].iloc[0]
    assert first["expected_low"] <= first["expected"] <= first["mean_auc"]
    assert frame.loc[frame["rank"] > 1, list(COLUMNS[2:])].isna().all(axis=None)
    _, lines = known(store, experiment)
    assert lines[0].startswith("3 configurations are better than the baseline, trial ")
    assert "by +0.1" in lines[0]
    assert lines[1].startswith("3 of 5 may be the best (≈): 200 images cannot")
    form = r"On fresh images expect 0\.9\d+ \[0\.\d+, 0\.\d+\] of rank 1; 0\.\d+ is luck\."
    assert re.fullmatch(form, lines[2])
    assert lines[3] == "Each was trained once: other seeds may order them otherwise."


def test_noise_is_called_noise_by_rank_and_report(store: Store, tmp_path: Path) -> None:
    """Nothing is learned from shuffled labels: in 19 of 20 searches at least, nothing is said to be
    better than the baseline.
    """
    said = []
    for seed in range(20):
        name = f"noise-{seed}"
        experiment = searched(store, tmp_path, [0.0] * 6, seed, name)
        found, lines = known(store, experiment, name)
        said.append(lines[0] == "Nothing is shown to be better than the baseline.")
        assert said[-1] == (not any(found.better.values()))
        page = render_report(read_findings(store, name)) if seed < 3 else lines[0]
        assert lines[0] in page
        if seed < 3:
            assert ("may be luck" in page) == (said[-1] and "the baseline is the best" not in page)
    assert sum(said) >= 19


def test_the_interval_of_several_seeds_is_taken_from_the_images_where_these_are_known(
    store: Store, tmp_path: Path
) -> None:
    """Seeds that differ by the luck of the images alone: from values, that luck counts twice."""
    experiment = new_experiment(store)
    for number, (mean, influence, stderr) in enumerate(scored([1.0] * 10, 7)):
        fields = {"batch_size": 2 if number else 1, "seed": number}
        config = build_config({"epochs": 2, **fields}, "test")
        of_trial = str(tmp_path / str(number))
        kept = influence.astype(np.float32)
        save_influence(of_trial, Influence(kept, IMAGES, "print", config_hash(config), number))
        role = "sampled" if number else "baseline"
        file = f"{of_trial}/{PREDICTIONS}"
        add_trial(
            store, experiment, number, mean, stderr=stderr, role=role,
            predictions=(file, "print"), **fields,
        )  # fmt: skip
    alone = order_experiment(store, store.experiment("rows")).frame().set_index("role")
    known = rank(store, "rows").set_index("role")
    assert known.loc["sampled", "replicates"] == 9
    low, high = known.loc["sampled", ["low", "high"]]
    assert alone.loc["sampled", "low"] < low < known.loc["sampled", "mean_auc"]
    assert known.loc["sampled", "mean_auc"] < high < alone.loc["sampled", "high"]
    assert known.loc["baseline", ["low", "high"]].equals(alone.loc["baseline", ["low", "high"]])
    shutil.rmtree(tmp_path / "1")
    lost = rank(store, "rows").set_index("role")
    assert lost.loc["sampled", ["low", "high"]].equals(alone.loc["sampled", ["low", "high"]])


@pytest.mark.parametrize("width", ["80"])
def test_the_answer_stands_first_in_eighty_columns(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    experiment = searched(store, tmp_path, [1.0, 1.2, 1.1, 1.0, 3.5, 3.4])
    add_trial(store, experiment, 6, 0.9, state=TrialState.PRUNED, batch_size=60)
    add_trial(store, experiment, 7, None, state=TrialState.FAILED, batch_size=61)
    monkeypatch.setenv("COLUMNS", width)
    printed = CliRunner().invoke(app, ["rank", "rows", "--store", store.url]).output
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 80 or "…" not in printed
    assert "better than the baseline" in lines[0]
    assert "≈2" in printed
    assert "Failed, so not ranked: 1; " in printed
    assert "trial 6: 0.9000" in printed
    assert "≈ May be the best as well." in printed
    result = CliRunner().invoke(app, ["rank", "rows", "--json", "--store", store.url])
    rows = json.loads(result.stdout)
    assert [row["tied"] for row in rows] == [True, True, False, False, False, False]
    assert "Stopped early, so not ranked: 1; " in result.stderr


def test_without_what_trials_kept_nothing_is_claimed(store: Store, tmp_path: Path) -> None:
    experiment = searched(store, tmp_path, [1.0, 3.0, 3.0])
    shutil.rmtree(tmp_path / "rows" / "2")
    found, lines = known(store, experiment)
    assert len(found.tied) + len(found.lower_bounds) > 0 or found.unknown
    shutil.rmtree(tmp_path / "rows")
    found, lines = known(store, experiment)
    assert (found.tied, found.lower_bounds, found.winner) == ({}, {}, None)
    assert lines[0].startswith("Which configurations may be the best is not known of the first: '")
    assert f"{INFLUENCE}' is not there" in lines[0]
    frame = rank(store, "rows")
    assert frame[list(COLUMNS)].isna().all(axis=None)
    assert "is not known of the first" in render_report(read_findings(store, "rows"))


def test_an_earlier_version_kept_nothing(store: Store) -> None:
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.7, role="baseline")
    add_trial(store, experiment, 1, 0.8, batch_size=3)
    assert "earlier version kept no validation scores" in known(store, experiment)[1][0]


@pytest.mark.parametrize("fault", ["damaged", "foreign", "other images", "missing"])
def test_one_that_cannot_be_compared_is_not_known_and_the_rest_are(
    store: Store, tmp_path: Path, fault: str
) -> None:
    experiment = searched(store, tmp_path, [1.0, 3.0, 3.0, 1.0])
    folder = str(tmp_path / "rows" / "3")
    config = build_config({"epochs": 2, "batch_size": 4}, "test")
    kept = np.full(IMAGES, 0.001, np.float32)
    if fault == "damaged":
        write(folder, INFLUENCE, b"no archive")
    elif fault == "foreign":
        save_influence(folder, Influence(kept, IMAGES, "print", "other", 0))
    elif fault == "other images":
        other = Influence(kept[1:], IMAGES, "print", config_hash(config), config.seed)
        save_influence(folder, other)
    else:
        shutil.rmtree(folder)
    frame = rank(store, "rows").set_index("trial")
    assert frame.loc[3, "tied"] is None
    assert frame.loc[3, "better"] is None
    assert frame.loc[[0, 1, 2], "tied"].tolist() == [False, True, True]
    assert any(
        line.startswith("Not known of 1 of 4 configurations: ")
        for line in known(store, experiment)[1]
    )


def test_nothing_complete_says_nothing(store: Store) -> None:
    experiment = new_experiment(store)
    assert known(store, experiment)[1] == []
    add_trial(store, experiment, 0, 0.7, role="baseline", state=TrialState.RUNNING)
    assert known(store, experiment)[1] == []
