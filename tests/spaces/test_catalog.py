"""The spaces that come with the package can be read, sampled and built."""

import optuna
import pytest
from optuna.samplers import RandomSampler

from sedn.errors import UserError
from spaces import backbone_names, catalog, check_backbones, load_space, parse_space

optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.mark.parametrize("name", catalog())
def test_a_space_of_the_catalog_can_be_sampled(name: str) -> None:
    space = load_space(name)
    assert space.name == name
    assert space.description
    study = optuna.create_study(sampler=RandomSampler(seed=0))
    for _ in range(50):
        space.config(space.sample(study.ask()))
    assert space.config(space.baseline_params()) == space.baseline(), "the baseline is a point"


def test_the_catalog_has_the_spaces_that_the_commands_name() -> None:
    assert {"demo", "standard"} <= set(catalog())


def test_every_backbone_of_the_demo_has_every_place() -> None:
    check_backbones(load_space("demo"))


def test_every_backbone_of_the_standard_space_has_every_place() -> None:
    check_backbones(load_space("standard"))


def test_the_standard_space_goes_from_mobile_to_large() -> None:
    import timm
    import torch

    names = backbone_names(load_space("standard"))
    assert len(names) == len(set(names)) >= 12
    with torch.device("meta"):
        millions = [
            sum(p.numel() for p in timm.create_model(name).parameters()) / 1e6 for name in names
        ]
    assert min(millions) < 6
    assert max(millions) > 50
    rounded = [round(number) for number in millions]
    assert rounded == sorted(rounded), "listed from small to large"


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (
            "{backbone.name: {choice: [resnet10t, resnet10u]}}",
            r"backbone 'resnet10u': timm has no such model; did you mean 'resnet10t'\?",
        ),
        (
            "{backbone.name: {choice: [resnet10t]}, embedding.placement: {choice: [none, stage7]}}",
            "embedding.placement: backbone 'resnet10t' has no 'stage7'; it has input, ",
        ),
        (
            "{backbone.name: {choice: [resnet10t, test_resnet]}, "
            "backbone.drop_path: {float: [0.0, 0.3], when: {backbone.name: resnet10t}}, "
            "embedding.placement: {choice: [none, stage9], when: {backbone.name: test_resnet}}}",
            "embedding.placement: backbone 'test_resnet' has no 'stage9'",
        ),
        (
            # Where the head is not gem, no backbone is drawn: the default, which has no stage 9.
            "{head.kind: {choice: [average, gem]}, "
            "backbone.name: {choice: [resnet10t], when: {head.kind: gem}}, "
            "embedding.placement: {choice: [none, stage9], when: {head.kind: average}}}",
            "has no 'stage9'",
        ),
    ],
)
def test_a_backbone_that_does_not_do_is_named(axes: str, said: str) -> None:
    space = parse_space(
        f"name: x\nbase: {{backbone: {{pretrained: false}}}}\naxes: {axes}", "x.yaml"
    )
    with pytest.raises(UserError, match=rf"^x\.yaml: .*{said}"):
        check_backbones(space)
