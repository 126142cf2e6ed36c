"""An export, trained by the command, is its trial to the last digit."""

from pathlib import Path

import torch
from typer.testing import CliRunner

from results.database.store import open_store
from search.cli.main import app
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.run.summary import read_summary

SPACE = """
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: resnet10t, pretrained: false}
  epochs: 2
  batch_size: 16
axes:
  embedding.placement: {choice: [none, stage1]}
"""


def test_an_export_repeats_its_trial_to_the_last_digit(tmp_path: Path, table: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    settings = SearchSettings(data=str(table), trials=2, scheduler="none")
    url = f"sqlite:///{tmp_path}/sedn.db"
    where = Resources(backend="local", storage_path=str(tmp_path / "runs"), cpus_per_trial=1)
    assert run_search("spring", str(tmp_path / "space.yaml"), settings, url, where).finished
    before = torch.get_num_threads()
    # What `sedn train` finds on a machine with more cores than the trial was granted.
    torch.set_num_threads(2)
    try:
        for row in open_store(url).trials(1):
            file, run = tmp_path / f"{row.number}.yaml", tmp_path / f"run-{row.number}"
            chosen = ["--trial", str(row.number), "--store", url, "-o", str(file)]
            assert CliRunner().invoke(app, ["export", "spring", *chosen]).exit_code == 0
            trained = CliRunner().invoke(app, ["train", str(file), "-o", str(run)])
            assert trained.exit_code == 0, trained.output
            assert read_summary(run).validation_mean_auc == row.mean_auc
    finally:
        torch.set_num_threads(before)
