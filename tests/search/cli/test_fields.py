"""Options of `sedn search` are made from the fields of its settings: each reaches its field."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from search.cli.commands.search import FLAGS
from search.cli.data_fields import READING_FLAGS, Reading
from search.cli.fields import takes
from search.settings import Resources, SearchSettings, build_resources, build_settings

GIVEN: dict[str, tuple[list[str], Any]] = {
    "data": (["--data=nowhere.csv"], "nowhere.csv"),
    "trials": (["--trials=7"], 7),
    "epochs": (["--epochs=3"], 3),
    "folds": (["--folds=5"], 5),
    "time_seconds": (["--time=1.5"], 1.5),
    "gpu_hours": (["--gpu-hours=0.5"], 0.5),
    "plateau": (["--plateau=4"], 4),
    "objective": (["--objective=auc", "--objective=flops"], ("auc", "flops")),
    "where": (["--where=flops<1G", "--where=latency_ms<5"], ("flops<1G", "latency_ms<5")),
    "sampler": (["--sampler=qmc"], "qmc"),
    "sampler_options": (
        ["--sampler-option=a=1", "--sampler-option=b=[x, 2]"],
        {"a": 1, "b": ["x", 2]},
    ),
    "scheduler": (["--scheduler=none"], "none"),
    "reduction_factor": (["--reduction-factor=2"], 2),
    "grace_epochs": (["--grace-epochs=2"], 2),
    "brackets": (["--brackets=2"], 2),
    "min_trials": (["--min-trials=2"], 2),
    "futility": (["--no-futility"], False),
    "warm_start": (["--warm-start=old"], "old"),
    "keep_best": (["--keep-best=3"], 3),
    "seed": (["--seed=9"], 9),
    "skip_unreadable": (["--skip-unreadable"], True),
    "labels": (["--labels=red, blue"], ("red", "blue")),
    "label_list": (["--label-list=tags"], "tags"),
    "separator": (["--separator=;"], ";"),
    "image_column": (["--image-column=file"], "file"),
    "leave_out": (["--leave-out=price"], ("price",)),
    "attributes": (["--attributes=colour,size"], ("colour", "size")),
    "backend": (["--backend=local"], "local"),
    "address": (["--address=auto"], "auto"),
    "storage_path": (["--storage-path=s3://x"], "s3://x"),
    "cpus_per_trial": (["--cpus-per-trial=2"], 2.0),
    "gpus_per_trial": (["--gpus-per-trial=0.5"], 0.5),
    "max_concurrent": (["--concurrent=1"], 1),
    "autoscaling": (["--autoscaling"], True),
    "trial_seconds": (["--trial-time=9"], 9.0),
}


def parse(*words: str) -> dict[str, Any]:
    """Settings and resources as `sedn search` builds them of its options."""
    built: dict[str, Any] = {}
    app = typer.Typer()

    @app.command()
    @takes(FLAGS | READING_FLAGS, reading=Reading, settings=SearchSettings, resources=Resources)
    def command(
        settings: dict[str, Any], reading: dict[str, Any], resources: dict[str, Any]
    ) -> None:
        built.update(build_settings(**settings, **reading).model_dump())
        built.update(build_resources(**resources).model_dump())

    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return built


def test_every_field_has_a_case_and_a_description() -> None:
    fields = SearchSettings.model_fields | Resources.model_fields
    assert list(fields) == list(GIVEN)
    described = fields | Reading.model_fields
    assert [name for name, field in described.items() if not field.description] == []


def test_without_options_all_is_as_in_python() -> None:
    assert parse() == SearchSettings().model_dump() | Resources().model_dump()


@pytest.mark.parametrize("field", GIVEN)
def test_an_option_sets_its_field_and_no_other(field: str) -> None:
    words, value = GIVEN[field]
    default = parse()
    changed = {name: v for name, v in parse(*words).items() if v != default[name]}
    assert changed == {field: value}
