from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sedn.config import TrainingConfig, build_config, config_hash, load_config
from sedn.errors import UserError

PLACEMENTS = ["none", "mask-image", "crop", "input", "stem", "stage1+stage3", "input+all", "head"]


@st.composite
def fields(draw: st.DrawFn) -> dict:
    """Fields of a configuration, effective or not."""

    def any_of(*values: object) -> object:
        return draw(st.sampled_from(values))

    return {
        "embedding": {
            "placement": any_of(*PLACEMENTS),
            "fusion": any_of("scale_shift", "gate", "none"),
            "width": any_of(8, 16),
        },
        "attention": {"kind": any_of("none", "se", "eca"), "reduction_ratio": any_of(4, 16)},
        "semantic_map": {
            "source": any_of("given", "predicted", "auxiliary"),
            "control": any_of("none", "shuffled", "constant"),
            "dropout": any_of(0.0, 0.1),
            "segmenter": any_of("", "somewhere"),
            "auxiliary_weight": any_of(1.0, 0.5),
        },
        "loss": {
            "kind": any_of("bce", "focal", "asl"),
            "pos_weight": any_of("none", "sqrt"),
            "gamma": any_of(1.0, 2.0),
            "clip": any_of(0.0, 0.05),
        },
        "augmentation": {
            "policy": any_of("none", "trivial", "rand"),
            "policy_ops": any_of(1, 2),
            "policy_magnitude": any_of(9, 15),
            "crop_scale": any_of(1.0, 0.5),
        },
    }


@given(fields())
def test_what_has_no_effect_does_not_tell_configurations_apart(given_fields: dict) -> None:
    config = build_config(given_fields, "x")
    embedding, loss = config.embedding, config.loss
    if not embedding.stages:
        assert embedding.fusion == "scale_shift"
        assert config.attention.kind == "none"
    if config.attention.kind != "se":
        assert config.attention.reduction_ratio == 16
    if not embedding.uses_map:
        assert config.semantic_map == TrainingConfig().semantic_map
        assert config.map_source == "none"
    if config.semantic_map.source != "predicted":
        assert config.semantic_map.segmenter == ""
    assert loss.pos_weight == "none" or loss.kind == "bce"
    assert loss.clip == 0.05 or loss.kind == "asl"
    given_augmentation = given_fields["augmentation"]
    if given_augmentation["policy"] == "rand":
        assert config.augmentation.model_dump().items() >= given_augmentation.items()
    else:
        assert config.augmentation.policy_ops == 2
        assert config.augmentation.policy_magnitude == 9
        assert config.augmentation.crop_scale == given_augmentation["crop_scale"]


@given(fields())
def test_the_canonical_form_is_stable_and_survives_a_file(given_fields: dict) -> None:
    config = build_config(given_fields, "x")
    again = build_config(yaml.safe_load(config.to_yaml()), "x")
    assert again == config
    assert config_hash(again) == config_hash(config)


@given(fields(), st.integers(0, 99))
def test_replicates_share_a_hash_and_nothing_else_does(given_fields: dict, seed: int) -> None:
    config = build_config(given_fields, "x")
    assert config_hash(config.model_copy(update={"seed": seed})) == config_hash(config)
    longer = config.model_copy(update={"epochs": config.epochs + 1})
    assert config_hash(longer) != config_hash(config)


@given(fields())
def test_plain_is_the_backbone_alone(given_fields: dict) -> None:
    plain = build_config(given_fields, "x").plain()
    assert plain.embedding.placement == "none"
    assert plain.map_source == "none"
    assert build_config(plain.model_dump(), "x") == plain


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("backbon: {name: resnet18}", "unknown field 'backbon'; did you mean 'backbone'"),
        ("optimizer: {learning_rat: 1.0e-3}", "did you mean 'optimizer.learning_rate'"),
        ("epochs: many", "field 'epochs'.*'many'"),
        ("epochs: 0", "field 'epochs'.*greater than or equal to 1"),
        ("embedding: {placement: stge1}", "did you mean 'stage1'"),
        (
            "embedding: {placement: input+stage}",
            "'stage' is not a placement: none, mask-image, crop, or some of input, stem, stage1, "
            r"stage2, …, last2, all and head, joined by '\+'; did you mean 'stage",
        ),
        ("embedding: {placement: none+stage1}", "'none' cannot be joined"),
        ("embedding: {placement: crop+stage1}", "'crop' cannot be joined"),
        ("embedding: {placement: stage1+stage1}", "names a place twice"),
        ("loss: {kind: bcee}", "field 'loss.kind'"),
        ("augmentation: {crop_scale: 0.0}", "field 'augmentation.crop_scale'.*greater than 0"),
        ("optimizer: {lr: 1.0e-3}", "'optimizer.lr'; did you mean 'optimizer.learning_rate'"),
        ("optimizer: {wd: 0.1}", "did you mean 'optimizer.weight_decay'"),
        ("learning_rate: 0.1", "did you mean 'optimizer.learning_rate'"),
        ("image_size: 64", "did you mean 'data.image_size'"),
        ("optimizer: {warmup: 0.1}", "did you mean 'schedule.warmup'"),
        ("attention: {ratio: 8}", "did you mean 'attention.reduction_ratio'"),
        ("embedding: {stage: 8}", "'embedding' has placement, fusion, width"),
        ("epochs: [1, " + 500 * "1, " + "1]", r"got \[1, [1, ]*…\)$"),
        ("augmentation: {rotate: 10.0}", "did you mean 'augmentation.rotation'"),
        ("- 1", "expected the fields"),
        ("a: [", "not YAML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, document: str, said: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(document)
    with pytest.raises(UserError, match=said) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value).splitlines()) == 1
