"""What is wrong with a search is seen first: one line, exit code 2, nothing decoded or written."""

import math
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from results.database.store import NewExperiment, open_store
from search.cli.main import app, main
from search.settings import SearchSettings
from sedn.data.loading import load_dataset
from sedn.errors import UserError
from spaces import load_space, parse_space
from tests.results.rows import add_trial

COUNTS = (
    "epochs", "trials", "plateau", "reduction-factor", "brackets", "min-trials", "concurrent",
)  # fmt: skip
AMOUNTS = ("time", "gpu-hours", "trial-time", "cpus-per-trial", "gpus-per-trial")
HUGE = {"seed": str(2**32), "cpus-per-trial": "1e5", "gpus-per-trial": "1e5"}
TAKEN = {("seed", "0"), ("gpus-per-trial", "0")}
WRONG = [
    (option, value)
    for option in (*COUNTS, *AMOUNTS, "seed", "grace-epochs")
    for value in ("nan", "inf", "-inf", "-1", "0", HUGE.get(option, f"1{'0' * 30}"), "x", "")
    if (option, value) not in TAKEN
]
NEEDED = {"brackets": ["--scheduler=hyperband"], "min-trials": ["--scheduler=median"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to type in, and a cache in it."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "here" / "cache"))
    load_dataset.cache_clear()
    return tmp_path / "here"


def refused(folder: Path, *words: str) -> str:
    """What is said of words that are refused; nothing is written."""
    before = sorted(folder.rglob("*"))
    done = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, words)
    assert sorted(folder.rglob("*")) == before
    if isinstance(done.exception, UserError):
        assert len(str(done.exception).splitlines()) == 1
        return str(done.exception)
    assert done.exit_code == 2, (done.output, done.exception)
    return done.output


@pytest.mark.parametrize(("option", "value"), WRONG)
def test_a_number_that_an_option_does_not_take(
    option: str, value: str, shared_table: Path, folder: Path
) -> None:
    needed = NEEDED.get(option, [])
    said = refused(
        folder, "search", "--name=n", f"--data={shared_table}", f"--{option}={value}", *needed
    )
    assert f"--{option}" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sampler-option=n_ei_candidates=.nan"], "n_ei_candidates of sampler 'tpe'"),
        (["--sampler-option=n_startup_trials=-1"], "greater than or equal to 0, not -1"),
        (["--sampler=nsga2", "--sampler-option=mutation_prob=.inf"], "a finite number, not inf"),
        (["--where=latency_ms<nan"], "--where 'latency_ms<nan': must be a measure"),
        (["--where=mean_auc>80"], "--where 'mean_auc>80': an AUC lies between 0 and 1, such as"),
        (["--where=latency_ms<1e999"], "--where 'latency_ms<1e999': must be a measure"),
        (["--objective="], "--objective: no objective ''; there is auc"),
    ],
)
def test_a_number_within_an_option(
    options: list[str], said: str, shared_table: Path, folder: Path
) -> None:
    assert said in refused(folder, "search", "--name=n", f"--data={shared_table}", *options)


def test_what_this_machine_has_no_room_for(shared_table: Path, folder: Path, monkeypatch) -> None:
    words = ("search", "--name=n", f"--data={shared_table}")
    monkeypatch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 4, "GPU": 0}')
    said = "no room for a trial: a trial asks for 5 CPUs and 0 GPUs on one node, and this machine"
    assert said in refused(folder, *words, "--cpus-per-trial=5")
    assert "a trial asks for 1 CPU and 0.5 GPUs" in refused(folder, *words, "--gpus-per-trial=0.5")
    said = "--gpu-hours: the trials of this search use no GPU; take --time"
    assert refused(folder, *words, "--gpu-hours=1") == said
    monkeypatch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 4, "GPU": 1}')
    words = (*words, "--gpu-hours=1", "--gpus-per-trial=0")
    assert refused(folder, *words) == said


@pytest.mark.parametrize(
    ("stored", "options", "said"),
    [
        ({}, ["--seed=5"], "experiment 'n' was started with seed = 0, not 5"),
        ({}, ["--space=standard"], "was started with another space than 'standard' is now"),
        ({"speed": 9}, [], r"by another version of sedn-search (there is no setting `speed`)"),
        ({"time_seconds": -1}, [], "another version of sedn-search (--time: '-1' is not greater"),
        ({"where": ["speed<5"]}, [], "another version of sedn-search (--where 'speed<5': no mea"),
    ],
)
def test_another_search_of_the_name_is_seen_before_its_data(
    stored: dict, options: list[str], said: str, shared_table: Path, folder: Path
) -> None:
    settings = {"data": str(shared_table), "trials": 3} | stored
    store = open_store("sqlite:///sedn.db", create=True)
    space = load_space("demo")
    made = store.create_experiment(
        NewExperiment("n", str(shared_table), "f", 0, b"", "demo", space.source_text, settings, [])
    )
    add_trial(store, made.id, 0, 0.8)
    store.engine.dispose()
    assert said in refused(folder, "search", "--name=n", f"--data={shared_table}", *options)


def test_checkpoints_that_could_not_be_kept(shared_table: Path, folder: Path) -> None:
    (folder / "file").write_text("")
    words = ("search", "--name=n", f"--data={shared_table}", "--storage-path=file/runs")
    assert f"'{folder}/file' is a file, not a folder" in refused(folder, *words)


@pytest.mark.parametrize(
    "option", ["learning-rate", "image-size", "folds", "epochs", "seed", "split-seed"]
)
@pytest.mark.parametrize("value", ["nan", "inf", "-1", f"1{'0' * 30}"])
def test_a_number_of_the_segmenter(
    option: str, value: str, shared_table: Path, folder: Path
) -> None:
    words = ("segment", f"--data={shared_table}", f"--{option}={value}", "-o", "maps")
    assert option.replace("-", "_") in refused(folder, *words).replace("-", "_")


def test_a_run_or_a_segmenter_that_could_not_be_kept(shared_table: Path, folder: Path) -> None:
    (folder / "file").write_text("")
    small = "backbone: {name: test_resnet, pretrained: false}\nembedding: {placement: stage1}\n"
    (folder / "c.yaml").write_text(f"data: {{path: {shared_table}, image_size: 32}}\n{small}")
    said = f"'{folder}/file' is a file, not a folder"
    assert said in refused(folder, "train", "c.yaml", "-o", "file/run")
    words = ("segment", f"--data={shared_table}", "--encoder=test_resnet", "--no-pretrained")
    assert said in refused(folder, *words, "-o", "file/maps")
    assert "holds no finished run" in refused(folder, "train", "c.yaml", "-o", "r", "--beside=b")
    (folder / "c.yaml").write_text(
        f"data: {{path: {shared_table}, image_size: 32}}\nbatch_size: 1\n"
    )
    assert "batch_size: backbone 'resnet50' cannot" in refused(folder, "train", "c.yaml", "-o", "r")
    predicted = "semantic_map: {source: predicted, segmenter: maps}\n"
    (folder / "c.yaml").write_text(
        f"data: {{path: {shared_table}, image_size: 32}}\n{small}{predicted}"
    )
    assert "maps/segmenter.yaml: no such file" in refused(folder, "train", "c.yaml", "-o", "r")


def test_a_segmenter_whose_loss_is_not_finite_is_one_line(
    shared_table: Path, folder: Path, monkeypatch, capsys
) -> None:
    def spoil(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor | None:
        return output * math.nan if isinstance(module, nn.Conv2d) else None

    words = (
        f"sedn segment --data={shared_table} --image-size=32 --encoder=test_resnet --no-pretrained"
    )
    monkeypatch.setattr(sys, "argv", [*words.split(), "-o", "maps"])
    handle = nn.modules.module.register_module_forward_hook(spoil)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        handle.remove()
    assert ended.value.code == 1
    assert capsys.readouterr().err.strip().splitlines()[-1] == (
        "sedn: the segmenter's loss is nan in fold 1, epoch 1, at learning rate 0.001: "
        "take a lower one (--learning-rate)"
    )


def test_data_that_is_not_there_is_said_before_the_hub_is_asked_for_weights(folder: Path) -> None:
    words = ("search", "--name=n", "--data=nowhere.csv", "--space=standard")
    assert "data 'nowhere.csv': no such file or folder" in refused(folder, *words)


def test_a_space_that_was_made_of_an_export_is_searched_on_any_data() -> None:
    text = "name: x\nbase: {data: {fingerprint: f1a0d3330156943b}}\n"
    text += "axes: {batch_size: {choice: [8, 16]}}"
    baseline = parse_space(text, "x.yaml").baseline(SearchSettings().overrides())
    assert baseline.data.fingerprint == ""
