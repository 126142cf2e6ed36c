"""The output of workers is kept for each trial, and cannot disturb a training."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from results.database.store import open_store
from search.backends.ray_tune import output
from search.backends.ray_tune.output import MOST_BYTES, OUTPUT, OutputKeeper, last_bytes
from search.cli.main import app
from search.driver import TrainFunction
from search.run import run_search
from search.settings import Resources, SearchSettings
from tests.search.curves import make_curves


def append(file: Path, text: str) -> None:
    with file.open("a") as opened:
        opened.write(text)


@pytest.fixture
def streams(tmp_path: Path) -> tuple[Path, Path]:
    files = tmp_path / "worker.out", tmp_path / "worker.err"
    for file in files:
        file.write_text(":job_id:01\nbefore the first trial\n")
    return files


def test_each_trial_of_a_worker_has_its_own_output(tmp_path: Path, streams) -> None:
    out, err = streams
    keeper = OutputKeeper(streams)
    one, two = tmp_path / "00001", tmp_path / "00002"
    keeper.begin(str(one))
    append(out, "epoch 1\n:actor_name:TrialActor\n")
    append(err, "a warning\n")
    keeper.keep()
    append(out, "the end\n")
    keeper.begin(str(two))
    append(out, "another\n")
    keeper.keep()
    keeper.keep()
    assert (one / OUTPUT).read_text() == "epoch 1\na warning\nthe end\n"
    assert (two / OUTPUT).read_text() == "another\n"
    # Gone on with by another worker, after this one.
    again = OutputKeeper(streams)
    again.begin(str(one))
    append(out, "epoch 2\n")
    again.keep()
    assert (one / OUTPUT).read_text() == "epoch 1\na warning\nthe end\nepoch 2\n"


def test_a_storage_path_that_cannot_be_written_disturbs_nothing(tmp_path: Path, streams) -> None:
    (tmp_path / "file").write_text("")
    keeper = OutputKeeper(streams)
    keeper.begin(str(tmp_path / "file" / "00001"))
    append(streams[0], "epoch 1\n")
    keeper.keep()
    assert (tmp_path / "file").read_text() == ""


def test_a_file_that_ray_begins_again_is_read_from_its_start(tmp_path: Path, streams) -> None:
    keeper = OutputKeeper(streams)
    keeper.begin(str(tmp_path / "00001"))
    append(streams[0], "long ago " * 20 + "\n")
    keeper.keep()
    streams[0].write_text("new\n")
    keeper.keep()
    assert (tmp_path / "00001" / OUTPUT).read_text().endswith("long ago \nnew\n")


@given(lines=st.lists(st.binary(max_size=30), max_size=60), most=st.integers(100, 400))
def test_the_end_of_a_long_output_is_kept(lines: list[bytes], most: int) -> None:
    content = b"\n".join(lines) + b"\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "MOST_BYTES", most)
        kept = last_bytes(content)
    assert len(kept) <= most
    assert kept == content or content.endswith(
        kept.removeprefix(b"[the output before is left out]\n")
    )


def test_a_worker_that_prints_much_between_two_looks_is_cut(tmp_path: Path, streams) -> None:
    keeper = OutputKeeper(streams)
    keeper.begin(str(tmp_path / "00001"))
    append(streams[0], "x" * 99 + "\n")
    append(streams[0], ("y" * 99 + "\n") * (MOST_BYTES // 50))
    keeper.keep()
    kept = (tmp_path / "00001" / OUTPUT).read_bytes()
    assert len(kept) <= MOST_BYTES
    assert kept.endswith(b"yyy\n")


def printing_curves() -> TrainFunction:
    """Curves whose training prints. Workers get this by value: they cannot import the tests."""
    curves = make_curves()

    def train(config, folder, after, bounds):
        for result in curves(config, folder, after, bounds):
            print(f"\x1b[31mepoch {result.epoch}\x1b[0m of seed {config.seed}")
            yield result

    return train


def log(store: str, number: int, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["log", "spoken", str(number), f"--store={store}", *words])
    assert not isinstance(done.exception, Exception), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.slow
def test_the_log_of_a_trial_is_what_its_worker_printed(
    tmp_path: Path, space_file, store_url
) -> None:
    settings = SearchSettings(trials=3, seed=1, scheduler="none", sampler="random")
    resources = Resources(cpus_per_trial=1, storage_path=str(tmp_path / "runs"))
    run_search("spoken", str(space_file), settings, store_url, resources, train=printing_curves())
    store = open_store(store_url)
    trials = store.trials(store.experiment("spoken").id)
    assert [trial.epochs for trial in trials] == [4, 4, 4]
    for trial in trials:
        lines = [f"epoch {number} of seed {trial.seed}" for number in range(1, trial.epochs + 1)]
        assert log(store_url, trial.number)[1].splitlines() == lines
        assert log(store_url, trial.number, "--follow")[1].splitlines() == lines
    moved = (tmp_path / "runs").rename(tmp_path / "elsewhere")
    assert "No output is kept" in log(store_url, 0)[2]
    assert "epoch 1" in log(store_url, 0, f"--storage-path={moved}")[1]


def test_the_log_of_a_trial_without_output_says_why(tmp_path: Path, space_file, store_url) -> None:
    settings = SearchSettings(trials=2, seed=1, scheduler="none", sampler="random")
    resources = Resources(backend="local", storage_path=str(tmp_path / "runs"))
    run_search("spoken", str(space_file), settings, store_url, resources, train=make_curves())
    assert "--backend local" in log(store_url, 1)[2]
    shown = CliRunner().invoke(app, ["log", "spoken", "2", f"--store={store_url}"])
    assert (
        str(shown.exception)
        == "trial 2: experiment 'spoken' has no such trial; its trials are 0 to 1"
    )
