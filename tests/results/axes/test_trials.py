"""Which trials count, after which epoch, and what they have of each axis."""

from typing import Any

import numpy as np
import pytest

from results.axes.trials import axis_values, find_basis, sample_labels, sample_means
from results.database.models import Setup, Trial, TrialState
from results.database.scanning.labels import LabelAucArrays
from results.effect_probe import EffectProbe
from sedn.config import build_config, config_hash


def trial(number: int, epochs: int = 4, **fields: Any) -> Trial:
    """A trial of four epochs; what is no field of its row is one of its configuration."""
    of_row = {
        name: fields.pop(name) for name in ("cause", "duplicate_of", "params") & fields.keys()
    }
    state = fields.pop("state", TrialState.COMPLETE if epochs == 4 else TrialState.PRUNED)
    config = build_config({"epochs": 4, **fields}, "test")
    params = of_row.pop("params", {})
    return Trial(
        number=number,
        state=state,
        setup=Setup(params=params, config=config.model_dump(mode="json")),
        config_hash=config_hash(config),
        epochs=epochs,
        target_epochs=4,
        mean_auc=0.8 + 0.001 * number,
        **({"cause": None, "duplicate_of": None} | of_row),
    )


def place(name: str, **more: Any) -> dict[str, Any]:
    return {"embedding": {"placement": name, **more}}


def test_full_trainings_are_compared_where_hardly_any_was_stopped() -> None:
    basis = find_basis([trial(i) for i in range(39)] + [trial(39, 1)])
    assert (basis.epoch, basis.is_full, basis.complete, basis.stopped) == (4, True, 39, 1)


def test_all_are_compared_where_the_scheduler_had_not_chosen() -> None:
    stopped = [trial(i, 2) for i in range(20)]
    others = [
        trial(30, 1, cause="time"),
        trial(31, 1, state=TrialState.FAILED),
        trial(32, 1, state=TrialState.RUNNING),
        trial(33, 1, duplicate_of=0),
    ]
    basis = find_basis([*stopped, *(trial(i) for i in range(20, 25)), *others])
    assert (basis.epoch, basis.last_epoch) == (2, 4)
    assert (basis.complete, basis.stopped, basis.failed) == (5, 20, 1)


def test_seeds_of_a_configuration_are_one_and_others_do_not_count() -> None:
    rows = [
        trial(0, **place("none")),
        trial(1, seed=1, **place("none")),
        trial(2, **place("input")),
        trial(3, **place("stage1"), cause="time", state=TrialState.PRUNED),
        trial(4, **place("stage2"), duplicate_of=2),
        trial(5, **place("stage3"), state=TrialState.FAILED),
    ]
    sample = sample_means(rows, {row.number: row.mean_auc or 0.0 for row in rows}, 4)
    assert sample.aucs[:, 0] == pytest.approx([0.8005, 0.802])
    assert [axis.points for axis in sample.axes] == [("none", "input")]
    assert dict(sample.rows) == {0: 0, 1: 0, 2: 1}


def test_an_axis_has_no_value_where_it_has_no_effect() -> None:
    values = axis_values(
        [
            trial(0, **place("none")),
            trial(1, **place("stage1", fusion="gate")),
            trial(2, **place("stage1"), attention={"kind": "se", "reduction_ratio": 4}),
            trial(3, **place("stage1"), attention={"kind": "eca"}),
        ]
    )
    assert values["embedding.fusion"] == [None, "gate", "scale_shift", "scale_shift"]
    assert values["attention.kind"] == [None, "none", "se", "eca"]
    assert values["attention.reduction_ratio"] == [None, None, 4, None]


def test_values_are_those_that_were_sampled_and_the_machine_has_no_axes() -> None:
    rows = [
        trial(i, threads=1 + i % 2, params={"embedding.placement": name}, **place("stage3+stage4"))
        for i, name in enumerate(["last2", "last2", "none"])
    ]
    rows[2] = trial(2, threads=1, params={"embedding.placement": "none"}, **place("none"))
    assert axis_values(rows) == {"embedding.placement": ["last2", "last2", "none"]}


def test_a_label_without_an_auc_is_left_out() -> None:
    rows = [trial(i, **place(name)) for i, name in enumerate(["none", "input"])]
    found = LabelAucArrays([0, 1], np.array([[0.7, np.nan], [0.8, np.nan]]))
    sample = sample_labels(rows, ["red", "blue"], found, {0: 0.8, 1: 0.8})
    assert sample.names == ("red",)
    assert sample.aucs.tolist() == [[0.7], [0.8]]
    nothing = sample_labels(rows, ["red", "blue"], LabelAucArrays([], np.empty((0, 2))), {})
    assert (nothing.names, nothing.aucs.shape) == ((), (0, 0))


def test_what_one_sample_finds_of_effects_is_kept_for_the_next() -> None:
    rows, probe = [trial(0, **place("none")), trial(1, **place("input"))], EffectProbe()
    sample_means(rows, {0: 0.8, 1: 0.9}, 4, probe)
    found = probe.looked_for
    assert found
    sample_means(rows, {0: 0.8, 1: 0.9}, 4, probe)
    assert probe.looked_for == found
