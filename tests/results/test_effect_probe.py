"""What was found of a field once holds for all configurations that share what decides."""

import random
from copy import deepcopy
from typing import Any

import pytest

from results import effect_probe
from results.effect_probe import PROBES, EffectProbe, KnownEffects
from sedn.config import build_config, flatten
from sedn.errors import UserError
from sedn.registry import ATTENTIONS, FUSIONS, LOSSES

VALUES: dict[str, list[Any]] = {
    "backbone.name": ["resnet18", "resnet34"],
    "backbone.drop_path": [0.0, 0.1],
    "embedding.placement": [
        "none", "mask-image", "crop", "input", "stem", "stage1+stage3", "input+all", "head",
    ],
    "embedding.fusion": list(FUSIONS.names()),
    "embedding.width": [8, 16, 32],
    "attention.kind": list(ATTENTIONS.names()),
    "attention.reduction_ratio": [4, 8, 16],
    "semantic_map.source": ["given", "predicted", "auxiliary"],
    "semantic_map.control": ["none", "shuffled", "constant"],
    "semantic_map.dropout": [0.0, 0.1],
    "semantic_map.auxiliary_weight": [0.5, 1.0],
    "loss.kind": list(LOSSES.names()),
    "loss.pos_weight": ["none", "sqrt"],
    "loss.gamma": [0.0, 1.0, 2.0],
    "loss.clip": [0.0, 0.05],
    "optimizer.learning_rate": [1e-3, 3e-3],
    "optimizer.embedding_rate": [1.0, 3.0],
    "augmentation.policy": ["none", "trivial", "rand"],
    "augmentation.policy_ops": [1, 2],
    "augmentation.policy_magnitude": [9, 15],
    "batch_size": [16, 32],
    "micro_batch_size": [None, 16, 32],
}  # fmt: skip


def has(probe: EffectProbe, config: dict[str, Any], path: str, values: list[Any]) -> bool:
    """What the probe says of one configuration."""
    return probe.have([config], path, [flatten(config).get(path)], values)[0]


def a_configuration(rng: random.Random) -> dict[str, Any]:
    """A configuration in canonical form, of values that it may not keep."""
    fields: dict[str, Any] = {}
    for path, values in VALUES.items():
        *groups, name = path.split(".")
        group = fields.setdefault(groups[0], {}) if groups else fields
        group[name] = rng.choice(values)
    return build_config(fields, "test").model_dump(mode="json")


def has_effect(config: dict[str, Any], path: str, others: list[Any]) -> bool:
    """Whether one of the others makes another configuration, each built from nothing."""
    group, _, name = path.partition(".")
    built = build_config(config, "test")
    for other in others:
        fields = {**config, group: {**config[group], name: other} if name else other}
        try:
            if build_config(fields, "test") != built:
                return True
        except UserError:
            return True
    return False


def test_an_effect_that_is_remembered_is_the_one_that_would_be_found_anew() -> None:
    rng, probe = random.Random(0), EffectProbe()
    found: dict[str, set[bool]] = {}
    for _ in range(150):
        config = a_configuration(rng)
        for path, values in VALUES.items():
            value = flatten(config).get(path)
            others = [other for other in values if repr(other) != repr(value)]
            remembered = has(probe, config, path, values)
            assert remembered == has_effect(config, path, others[:PROBES]), (path, config)
            found.setdefault(path, set()).add(remembered)
    assert found["backbone.name"] == {True}
    assert found["attention.reduction_ratio"] == found["loss.clip"] == {True, False}


def test_effects_are_found_a_few_times_for_thousands_of_configurations() -> None:
    probe = EffectProbe()
    for number in range(200):
        fields = {"optimizer": {"learning_rate": 0.001 + number * 1e-6}, "seed": number}
        config = build_config(fields, "test").model_dump(mode="json")
        for path, values in VALUES.items():
            has(probe, config, path, values)
    assert probe.looked_for <= 2 * len(VALUES)


def test_what_a_reading_found_is_not_looked_for_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = random.Random(1)
    configs = [a_configuration(rng) for _ in range(20)]
    known = KnownEffects()

    def read() -> list[bool]:
        # As from the database, each time other objects.
        probe, read_anew = EffectProbe(known), deepcopy(configs)
        return [
            has(probe, config, path, values)
            for config in read_anew
            for path, values in VALUES.items()
        ]

    first = read()
    monkeypatch.setattr(effect_probe, "build_known", None)
    assert read() == first


def test_fields_of_another_version_count_as_effective() -> None:
    config = build_config({}, "test").model_dump(mode="json")
    of_another = {**config, "mirror": {"angle": 3}}
    probe = EffectProbe()
    assert not has(probe, config, "loss.gamma", [1.0, 2.0])
    assert has(probe, of_another, "loss.gamma", [1.0, 2.0])
    assert not has(probe, config, "loss.gamma", [1.0, 2.0])
    assert has(probe, config, "mirror.angle", [3])
    assert has(probe, config, "mirror", [3])
    assert has(probe, config, "epochs.first", [3])
