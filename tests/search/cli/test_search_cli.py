"""The options of `sedn search` that choose sampler, scheduler and budgets."""

import pytest
from typer.testing import CliRunner

from search.budgets import EndedBy
from search.cli.commands.search import parse_pairs
from search.cli.main import app
from search.cli.running import WHY
from sedn.errors import UserError


def test_every_end_is_explained() -> None:
    # Where the first trials fail alike, their error is shown instead.
    assert set(WHY) == {str(end) for end in EndedBy if end is not EndedBy.FAILURES}


def test_sampler_options_are_yaml() -> None:
    pairs = ["a=1", "b=0.5", "c=true", "d=sobol", "e=", "f=x=y", "g=[1, 2]"]
    assert parse_pairs(pairs) == {
        "a": 1, "b": 0.5, "c": True, "d": "sobol", "e": None, "f": "x=y", "g": [1, 2],
    }  # fmt: skip
    for wrong, said in (("a", "must be key=value"), ("=1", "must be key"), ("a=[", "not YAML")):
        with pytest.raises(UserError, match=said):
            parse_pairs([wrong])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--sampler=tpee"], "--sampler: no sampler 'tpee'; did you mean 'tpe'?"),
        (["--sampler-option=gruop=true"], "did you mean 'group'"),
        (["--sampler-option=group=3"], "group of sampler 'tpe' must be a valid boolean, not 3"),
        (["--sampler-option=multivariate=false"], "sampler 'tpe': group option can only be"),
        (["--sampler=brute-force"], "'brute-force' tries every point"),
        (["--objective=auc", "--objective=latncy"], "did you mean 'latency'"),
        (["--where=latency<5"], "no measure 'latency'; did you mean 'latency_ms'"),
        (["--sampler=cmaes", "--objective=auc", "--objective=flops"], "optimises one objective"),
        (["--warm-start=old"], "sedn.db: no results yet"),
        (["--scheduler=medain"], "did you mean 'median'"),
        (["--scheduler=promote", "--brackets=2"], "hyperband does"),
        (["--gpu-hours=0"], "--gpu-hours: '0.0' is not greater than 0"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    options: list[str], expected: str, tmp_path
) -> None:
    store = f"--store=sqlite:///{tmp_path}/sedn.db"
    done = CliRunner().invoke(app, ["search", "--name=wrong", store, *options])
    assert isinstance(done.exception, UserError)
    assert expected in str(done.exception)
    assert not list(tmp_path.iterdir())
