"""Leaders as one model: chosen on validation, tested once, in a folder that others read."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import optuna
import pytest
import torch
from optuna_dashboard import get_note
from PIL import Image
from typer.testing import CliRunner

from results.combining import Candidate, find_candidates
from results.comparison.comparing import compare
from results.confirmation import Confirmed, Score
from results.confirmed import CONFIRM
from results.database.store import Store, open_store
from results.predictions import read_predictions
from results.report.contents import read_findings
from search.cli.main import app
from search.combination.members import make_soup, usable
from search.combination.running import Combination, run_combination
from search.combination.writing import write_ensemble
from search.confirmation.testing import restore_trial
from search.dashboard.background import publish_once
from search.dashboard.study_note import study_note
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import build_config
from sedn.data import load_dataset
from sedn.errors import UserError
from sedn.export.onnx_file import export_onnx
from sedn.metrics import auc, mid_ranks
from sedn.prediction.images import find_images
from sedn.prediction.predict import predict_images
from sedn.prediction.predictor import load_predictor
from sedn.run.finishing import read_test_scores
from sedn.run.rank_average import RankAverage
from sedn.run.summary import read_summary
from sedn.training.checkpoints.predictions import load_predictions
from tests.search.crashes import Killed

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 3
  batch_size: 12
axes:
  embedding.placement: {choice: [none, stage2]}
  optimizer.learning_rate: {choice: [3.0e-2, 5.0e-2, 1.0e-1]}
"""
LABELS = ("red", "green", "blue")


def write_faint(folder: Path) -> Path:
    """Pictures of noise, a little brighter in the channel of each of their labels."""
    random = np.random.default_rng(0)
    (folder / "masks").mkdir(parents=True)
    rows = [f"image,map,{','.join(LABELS)},split"]
    for index in range(150):
        truth = random.integers(0, 2, 3)
        noise = random.normal(110, 25, 3) + 25 * truth
        pixels = np.clip(random.normal(noise, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
        region = np.zeros((32, 32), dtype=np.uint8)
        region[8:24, 8 : 16 + 8 * truth[0]] = 255
        split = ("train", "validation", "train", "test", "validation")[index % 5]
        Image.fromarray(pixels).save(folder / f"{index}.png")
        Image.fromarray(region).save(folder / "masks" / f"{index}.png")
        rows.append(f"{index}.png,masks/{index}.png,{','.join(map(str, truth))},{split}")
    (folder / "faint.csv").write_text("\n".join(rows) + "\n")
    return folder / "faint.csv"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that has ended."""
    folder = tmp_path_factory.mktemp("searched")
    table = write_faint(folder / "data")
    (folder / "space.yaml").write_text(SPACE)
    settings = SearchSettings(data=str(table), trials=6, scheduler="none", sampler="grid")
    where = Resources(backend="local", storage_path=str(folder / "runs"), cpus_per_trial=1)
    space = str(folder / "space.yaml")
    assert run_search("spring", space, settings, url(folder), where).finished
    return folder


@pytest.fixture
def folder(searched: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the database; the checkpoints are those of the search."""
    with open_store(url(searched)).engine.connect() as connection:
        connection.exec_driver_sql("VACUUM INTO ?", (str(tmp_path / "sedn.db"),))
    return tmp_path


def url(folder: Path) -> str:
    return f"sqlite:///{folder}/sedn.db"


def combine(folder: Path, to: str = "combined", **options: Any) -> Combination:
    return run_combination("spring", url(folder), folder / to, **{"top": 6} | options)


def store_of(folder: Path) -> Store:
    return open_store(url(folder))


def candidates_of(folder: Path) -> list[Candidate]:
    store = store_of(folder)
    return find_candidates(store, store.experiment("spring"), None)


def names_in(data: Path, split: str) -> list[str]:
    rows = (data / "faint.csv").read_text().splitlines()
    return [row.split(",")[0] for row in rows if row.endswith(f",{split}")]


def masked(searched: Path, names: list[str], to: Path) -> list[Path]:
    """Images in a folder of their own, far from the data."""
    to.mkdir()
    return [Path(shutil.copy(searched / "data" / name, to / name)) for name in names]


def test_an_ensemble_is_at_least_its_best_member_on_validation(
    searched: Path, folder: Path
) -> None:
    found = combine(folder)
    assert found.kind == "ensemble"
    assert found.members[0].mean_auc == max(one.mean_auc for one in found.members)
    reached = [one.reached for one in found.members]
    assert reached == sorted(set(reached)), "each member raises the mean AUC"
    assert reached[0] == found.members[0].mean_auc
    assert found.validation is not None
    assert found.test is not None
    for split in (found.validation, found.test):
        assert split.difference == pytest.approx(split.combined - split.best)
        assert split.low <= split.difference <= split.high
    # What was chosen by ranks is what the folder's network reaches.
    assert found.validation.combined == pytest.approx(reached[-1], abs=0.005)
    assert read_summary(found.folder).mean_auc == found.test.combined
    assert found.test_reads == 1
    store = store_of(folder)
    (read,) = store.test_reads(store.experiment("spring").data_fingerprint)
    assert read.trials == [one.trial for one in found.members]
    assert read.result is not None
    assert read.result["test"]["combined"] == found.test.combined


def test_the_same_members_are_one_reading_of_the_test_split(folder: Path) -> None:
    first = combine(folder)
    again = combine(folder, "again")
    assert again.test == first.test
    assert again.test_reads == 1
    assert combine(folder, "soup", soup=True).test_reads == 2


def test_the_command_brings_the_note_of_the_study_up_to_date(folder: Path) -> None:
    store = store_of(folder)
    experiment = store.experiment("spring")
    trials = [store.known_trial(experiment.id, number) for number in (0, 1)]
    score = Score(0.8, 0.7, 0.9, 0.5)
    found = [Confirmed(f"trial {one.number}", one.config_hash, (one.number,), score, score)
             for one in trials]  # fmt: skip
    reading = store.begin_test_read(experiment.id, CONFIRM, trials)
    confirmed = [one.to_json() for one in found]
    store.end_test_read(reading.id, {"experiment": experiment.id, "confirmed": confirmed})
    publish_once(store, "spring", pytest.fail)
    study = optuna.load_study(study_name="spring", storage=store.url)
    assert "Test read 1 time." in get_note(study)
    words = ["combine", "spring", "-o", str(folder / "combined"), "--top", "6"]
    done = CliRunner().invoke(app, [*words, "--store", store.url])
    assert done.exit_code == 0, done.output
    assert "lacks the newest notes" not in done.output
    assert "Test read 2 times." in get_note(study)
    assert get_note(study) == study_note(read_findings(store, "spring"), tuple(found))


@pytest.mark.parametrize("after", [1, 2])
def test_a_reading_that_was_cut_off_goes_on_and_counts_once(folder: Path, after: int) -> None:
    def die(what: str, done: int, _: int) -> None:
        if (what, done) == ("trials tested", after):
            raise Killed

    with pytest.raises(Killed):
        combine(folder, on_step=die)
    assert not [path for path in folder.iterdir() if path.is_dir()], "no half a model is left"
    store = store_of(folder)
    data = store.experiment("spring").data_fingerprint
    assert [read.result for read in store.test_reads(data)] == [None], "it is counted"
    assert combine(folder).test_reads == 1
    (read,) = store.test_reads(data)
    assert read.result is not None


def test_images_alone_are_scored_as_in_the_test_split(searched: Path, folder: Path) -> None:
    found = combine(folder)
    names = names_in(searched / "data", "test")
    images = masked(searched, names, folder / "far")
    maps = searched / "data" / "masks"
    expected = read_test_scores(found.folder)[1]
    moved = shutil.move(found.folder, folder / "moved")
    for batch in (1, 32):
        predicted = list(predict_images(Path(moved), images, batch, maps))
        logits = np.stack([one.logits for one in predicted])
        np.testing.assert_allclose(logits, expected, atol=1e-4)
        header = load_predictor(Path(moved)).header
        sure = header.calibration.probabilities(expected)
        shown = np.array([[*one.probabilities.values()] for one in predicted])
        np.testing.assert_allclose(shown, sure, atol=1e-4)
    assert find_images(images)


@pytest.mark.slow
def test_an_ensemble_is_one_onnx_file_that_equals_torch(searched: Path, folder: Path) -> None:
    by_placement = {one.config.embedding.placement: one for one in candidates_of(folder)}
    candidates = [by_placement["none"], by_placement["stage2"]]
    scores = [one.predictions.scores for one in candidates]
    average = RankAverage.fit(candidates[0].predictions.targets, scores)
    (folder / "two").mkdir()
    write_ensemble(candidates, average, average.combine(scores), folder / "two")
    (folder / "two" / "summary.json").touch()
    exported = export_onnx(folder / "two", folder / "two.onnx")
    assert exported.inputs == ("images", "maps")
    assert exported.images == 60
    session = onnxruntime.InferenceSession(str(folder / "two.onnx"))
    split = restore_trial(candidates[0].trial, candidates[0].folder).dataset.splits["validation"]
    feed = {
        "images": split.images[:].transpose(0, 3, 1, 2).astype(np.float32) / 255,
        "maps": split.maps[:].astype(np.float32) / 255,
    }
    logits = session.run(["logits"], feed)[0]
    np.testing.assert_allclose(logits, average.combine(scores), atol=1e-4)
    alone = session.run(["logits"], {name: value[7:8] for name, value in feed.items()})[0]
    np.testing.assert_allclose(alone, logits[7:8], atol=1e-5)
    assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == list(LABELS)


def test_the_folder_can_be_compared_and_is_no_place_to_train(folder: Path) -> None:
    found = combine(folder)
    side = compare(store_of(folder), str(found.folder), f"spring:{found.members[0].trial}")
    assert found.validation is not None
    assert side.mean()["difference"] == pytest.approx(found.validation.difference)
    kept = load_predictions(str(found.folder))
    assert kept is not None
    assert auc(kept.targets, kept.scores).mean == read_summary(found.folder).validation_mean_auc
    (folder / "config.yaml").write_text("backbone: {name: test_resnet, pretrained: false}\n")
    words = ["train", str(folder / "config.yaml"), "-o", str(found.folder)]
    refused = CliRunner().invoke(app, words)
    assert isinstance(refused.exception, UserError)
    assert "holds a model of `sedn combine`" in str(refused.exception)


def test_a_soup_is_a_plain_network_and_no_worse_on_validation(searched: Path, folder: Path) -> None:
    found = combine(folder, soup=True)
    reached = [one.reached for one in found.members]
    assert reached == sorted(reached)
    predictor = load_predictor(found.folder)
    assert predictor.header.members == ()
    if found.validation is not None:
        assert found.validation.combined == reached[-1]
        assert found.validation.combined >= found.validation.best
    names = names_in(searched / "data", "test")
    images = [searched / "data" / name for name in names]
    maps = None if predictor.header.config.map_source == "none" else searched / "data" / "masks"
    logits = np.stack([one.logits for one in predict_images(found.folder, images, 8, maps)])
    np.testing.assert_allclose(logits, read_test_scores(found.folder)[1], atol=1e-4)


def test_a_soup_of_the_same_training_has_its_weights_and_statistics_of_its_own(
    folder: Path,
) -> None:
    best = candidates_of(folder)[0]
    single = restore_trial(best.trial, best.folder)
    single.renew_statistics()
    renewed = single.score("validation")
    reached = auc(best.predictions.targets, renewed).mean
    soup = make_soup([best, best, best], lambda line: None, lambda done, count: None)
    joined = reached >= best.mean_auc
    assert soup.choice.members == ((0, 1, 2) if joined else (0,))
    if not joined:
        single = restore_trial(best.trial, best.folder)
        renewed = best.predictions.scores
    for name, value in single.network.state_dict().items():
        assert torch.equal(value, soup.network.network.state_dict()[name]), name
    np.testing.assert_allclose(soup.validation, renewed, atol=1e-4)
    np.testing.assert_allclose(soup.network.score("validation"), renewed, atol=1e-4)


def test_networks_of_other_architectures_are_not_stirred(folder: Path) -> None:
    by_placement: dict[str, list[Candidate]] = {}
    for one in candidates_of(folder):
        by_placement.setdefault(one.config.embedding.placement, []).append(one)
    plain, embedded = by_placement["none"], by_placement["stage2"]
    with pytest.raises(UserError, match=r"`soup`: no other of the 2 trials has the architecture"):
        make_soup([plain[0], embedded[0]], lambda line: None, lambda done, count: None)
    said: list[str] = []
    make_soup([plain[0], embedded[0], plain[1]], said.append, lambda done, count: None)
    assert said == [
        f"Trials of another architecture than the best are left out: {embedded[0].trial.number}"
    ]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"top": 1}, "`top=1`: a combination takes two configurations or more"),
        ({"top": 50}, "`top=50`: experiment 'spring' has"),
        ({"storage": "/nowhere"}, "its predictions are not at '/nowhere/"),
    ],
)
def test_what_cannot_be_combined_is_refused(
    folder: Path, options: dict[str, Any], names: str
) -> None:
    with pytest.raises(UserError, match=names):
        combine(folder, **options)
    assert nothing_is_left(folder)


def test_trials_without_scores_or_of_other_images_are_refused(folder: Path) -> None:
    engine = store_of(folder).engine
    trial = candidates_of(folder)[-1].trial
    changes = {
        "predictions = NULL": "kept no predictions",
        "predictions_fingerprint = 'abc'": "are of another training",
    }
    for change, names in changes.items():
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE sedn_trial SET {change} WHERE id = {trial.id}")
        with pytest.raises(UserError, match=names):
            combine(folder)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE sedn_trial SET predictions = ?, predictions_fingerprint = ? WHERE id = ?",
                (trial.predictions, trial.predictions_fingerprint, trial.id),
            )
    assert nothing_is_left(folder)


def test_a_missing_checkpoint_is_named_before_the_test_split_is_read(
    searched: Path, folder: Path
) -> None:
    shutil.copytree(searched / "runs", folder / "runs")
    for kept in (folder / "runs").rglob("*"):
        if kept.is_file() and kept.name != "predictions.npz":
            kept.unlink()
    for soup in (False, True):
        with pytest.raises(UserError, match="its checkpoint is not in"):
            combine(folder, storage=str(folder / "runs"), soup=soup)
    shutil.rmtree(folder / "runs")
    assert nothing_is_left(folder)


def test_a_folder_with_files_is_left_as_it_is(folder: Path) -> None:
    (folder / "combined").mkdir()
    (folder / "combined" / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match="holds files already; name a new folder"):
        combine(folder)
    assert [path.name for path in (folder / "combined").iterdir()] == ["mine.txt"]


def test_changed_data_are_refused(searched: Path, folder: Path) -> None:
    table = searched / "data" / "faint.csv"
    text = table.read_text()
    rows = text.splitlines()
    first, *others = rows[1].split(",")
    rows[1] = ",".join([first, others[0], str(1 - int(others[1])), *others[2:]])
    try:
        table.write_text("\n".join(rows) + "\n")
        load_dataset.cache_clear()
        with pytest.raises(UserError, match="have changed since the trials were trained"):
            combine(folder)
    finally:
        table.write_text(text)
        load_dataset.cache_clear()


def test_a_control_with_other_maps_and_other_sizes_are_left_out(folder: Path) -> None:
    candidates = candidates_of(folder)
    changes = (
        {"embedding": {"placement": "stage2"}, "semantic_map": {"control": "shuffled"}},
        {"data": candidates[2].config.data.model_dump() | {"image_size": 64}},
    )
    for place, fields in enumerate(changes, start=1):
        config = build_config(candidates[place].config.model_dump() | fields, "test")
        candidates[place] = replace(candidates[place], config=config)
    said: list[str] = []
    kept = usable(candidates, said.append)
    assert kept == (candidates[0], *candidates[3:])
    assert "the maps of other images" in said[0]
    assert "images of 64 pixels" in said[1]
    with pytest.raises(UserError, match="fewer than two trials are left to combine"):
        usable(candidates[1:3], said.append)


def test_the_command_shows_it_in_eighty_columns_and_as_json(folder: Path) -> None:
    words = ["combine", "spring", "--top", "6", "--store", url(folder), "-o"]
    shown = CliRunner().invoke(app, [*words, str(folder / "shown")])
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert "On the test split the ensemble" in shown.stdout
    assert "so this is too favourable" in shown.stdout
    assert "Test read 1 time." in shown.stdout
    table = lines[next(row for row, line in enumerate(lines) if line.startswith("spring:")) :]
    assert all(len(line) <= 80 for line in table)
    told = CliRunner().invoke(app, [*words, str(folder / "told"), "--json"])
    found = json.loads(told.stdout)
    assert found["kind"] == "ensemble"
    assert found["test"]["low"] <= found["test"]["difference"] <= found["test"]["high"]
    refused = CliRunner().invoke(app, [*words, str(folder / "one"), "--top", "1"])
    assert "--top 1: a combination takes two" in str(refused.exception)


def test_the_order_of_validation_is_that_of_the_average_ranks(folder: Path) -> None:
    candidates = candidates_of(folder)[:4]
    scores = [read_predictions(one.trial).scores for one in candidates]
    average = RankAverage.fit(candidates[0].predictions.targets, scores)
    ranks = np.mean([mid_ranks(one) for one in scores], axis=0)
    combined = average.combine(scores)
    for label in range(len(LABELS)):
        assert np.corrcoef(mid_ranks(combined)[:, label], mid_ranks(ranks)[:, label])[0, 1] > 0.999


def nothing_is_left(folder: Path) -> bool:
    """Neither a folder nor a part of one, and no reading of the test split."""
    store = store_of(folder)
    read = store.test_reads(store.experiment("spring").data_fingerprint)
    return not read and not [path for path in folder.iterdir() if path.is_dir()]
