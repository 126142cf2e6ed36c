"""An export is the trial's configuration, unchanged."""

import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from results.database.models import Setup, Trial, TrialState
from results.database.store import Store, open_store
from results.export import export_config
from sedn.config import TrainingConfig, build_config, load_config
from sedn.config.groups import LARGEST_SEED
from sedn.errors import UserError
from tests.results.rows import add_trial, new_experiment

NAMES = count()
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)

fields = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries(
            {"path": text}, optional={"image_size": st.integers(16, 512)}
        ),
        "backbone": st.fixed_dictionaries(
            {"name": text | st.sampled_from(["resnet50", "1e5", "null", "yes", "0x10"])},
            optional={"pretrained": st.booleans(), "drop_path": st.floats(0.0, 0.9)},
        ),
        "embedding": st.fixed_dictionaries(
            {"placement": st.sampled_from(["none", "input", "stem", "stage1+stage2", "all"])},
            optional={
                "fusion": st.sampled_from(["scale_shift", "concat", "add", "gate"]),
                "width": st.integers(1, 1024),
            },
        ),
        "attention": st.fixed_dictionaries(
            {"kind": st.sampled_from(["none", "se", "eca"])},
            optional={"reduction_ratio": st.integers(1, 256)},
        ),
        "optimizer": st.fixed_dictionaries(
            {"learning_rate": st.floats(1e-12, 1.0), "weight_decay": st.floats(0.0, 1.0)}
        ),
        "batch_size": st.integers(1, 65_536),
        "seed": st.integers(0, LARGEST_SEED),
    },
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return open_store(f"sqlite:///{tmp_path_factory.mktemp('store')}/sedn.db", create=True)


@given(fields)
@settings(max_examples=60, deadline=None)
def test_an_export_is_read_back_as_the_configuration_that_ran(
    shared: Store, tmp_path_factory: pytest.TempPathFactory, drawn: dict[str, Any]
) -> None:
    name = f"experiment-{next(NAMES)}"
    experiment = new_experiment(shared, name)
    add_trial(shared, experiment, 0, 0.7, **drawn)
    path = tmp_path_factory.mktemp("export") / "best.yaml"
    path.write_text(export_config(shared, name), encoding="utf-8")
    data = {**drawn.get("data", {}), "fingerprint": "f" * 16}
    assert load_config(path) == build_config({"epochs": 2, **drawn, "data": data}, "test")


@pytest.fixture
def three(store: Store) -> Store:
    """A baseline, a better one in two seeds, and one that was stopped early."""
    experiment = new_experiment(store)
    add_trial(store, experiment, 0, 0.70, role="baseline")
    add_trial(store, experiment, 1, 0.80, embedding={"placement": "input"})
    add_trial(store, experiment, 2, 0.82, embedding={"placement": "input"}, seed=5)
    stem = {"placement": "stem"}
    add_trial(store, experiment, 3, 0.60, state=TrialState.PRUNED, embedding=stem)
    return store


def exported(store: Store, **which: Any) -> tuple[str, TrainingConfig]:
    """The comment above, and the configuration."""
    document = export_config(store, "rows", **which)
    head, body = document.split("\n", 1)
    assert head.startswith("# ")
    return head, TrainingConfig.model_validate(yaml.safe_load(body))


def test_the_best_is_exported_with_what_it_reached(three: Store) -> None:
    head, config = exported(three)
    assert config.embedding.placement == "input"
    assert config.seed == 0
    assert "Experiment 'rows', trial 1 (sampled): rank 1 of 2" in head
    reached = r"mean AUC on validation 0\.8100 \[0\.\d{3}, 0\.\d{3}\] \(95 % interval\)"
    assert re.search(rf"{reached} over 2 seeds, 0\.8000 with this one", head)


def test_any_rank_any_trial_and_the_baseline(three: Store) -> None:
    assert exported(three, rank=2)[1] == exported(three, baseline=True)[1]
    head, config = exported(three, baseline=True)
    assert config.embedding.placement == "none"
    assert "trial 0 (baseline): rank 2 of 2" in head
    assert exported(three, trial=2)[1].seed == 5
    head, config = exported(three, trial=3)
    assert config.embedding.placement == "stem"
    assert head.endswith("trial 3 (sampled): pruned after epoch 1 of 2")


def test_an_export_names_its_data_unless_the_space_gave_the_trial_others(three: Store) -> None:
    assert exported(three)[1].data.fingerprint == "f" * 16
    experiment = three.experiment("rows").id
    add_trial(three, experiment, 4, 0.9, data={"image_size": 96})
    assert exported(three, trial=4)[1].data.fingerprint == "f" * 16
    add_trial(three, experiment, 5, 0.9, data={"skip_unreadable": True})
    assert exported(three, trial=5)[1].data.fingerprint == ""


@pytest.mark.parametrize(
    ("which", "said"),
    [
        ({"rank": 3}, "`rank=3`: experiment 'rows' has ranks 1 to 2"),
        ({"rank": 0}, "`rank=0`: experiment 'rows' has ranks 1 to 2"),
        ({"trial": 4}, "`trial=4`: experiment 'rows' has no such trial; its trials are 0 to 3"),
    ],
)
def test_what_is_not_there(three: Store, which: dict[str, int], said: str) -> None:
    with pytest.raises(UserError) as caught:
        export_config(three, "rows", **which)
    assert str(caught.value) == said


def test_nothing_is_trained_yet(store: Store) -> None:
    experiment = new_experiment(store)
    with pytest.raises(UserError, match=r"`trial=0`: .* has no trials yet"):
        export_config(store, "rows", trial=0)
    add_trial(store, experiment, 0, 0.7, role="baseline", state=TrialState.RUNNING)
    with pytest.raises(UserError, match=r"`rank=1`: .* has no trial trained to its last epoch"):
        export_config(store, "rows")
    with pytest.raises(UserError, match=r"`baseline`: .* has not trained its baseline"):
        export_config(store, "rows", baseline=True)
    with pytest.raises(UserError, match="no experiment 'other'"):
        export_config(store, "other")


def test_a_configuration_of_another_version_is_named(three: Store) -> None:
    with three.engine.begin() as connection:
        later = {"embedding": {"placements": ["input"]}}
        third = select(Trial.id).where(Trial.number == 3).scalar_subquery()
        connection.execute(update(Setup).where(Setup.trial_id == third).values(config=later))
    with pytest.raises(UserError, match=r"trial 3 of experiment 'rows': .*embedding\.placement"):
        export_config(three, "rows", trial=3)


def test_an_export_to_a_file_is_what_the_command_writes(three: Store, tmp_path: Path) -> None:
    from sedn.files import write_text

    write_text(tmp_path / "best.yaml", export_config(three, "rows"))
    assert load_config(tmp_path / "best.yaml").embedding.placement == "input"
