"""The spaces that come with the package can be read, sampled and built."""

import re

import optuna
import pytest
from optuna.samplers import RandomSampler

from sedn.errors import UserError
from sedn.network import check_network
from spaces import (
    Space,
    backbone_names,
    catalog,
    check_backbones,
    load_space,
    needing_masks,
    parse_space,
)

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
    for point in space.first:
        check_network(space.config(point))
        assert space.config(point) != space.baseline()


def test_the_catalog_has_the_spaces_that_the_commands_name() -> None:
    assert {"demo", "standard", "without-maps"} <= set(catalog())


def test_data_without_masks_has_a_space_of_its_own() -> None:
    assert needing_masks(load_space("without-maps")) is None
    assert all(needing_masks(load_space(name)) for name in ("demo", "standard"))


@pytest.mark.parametrize("name", catalog())
def test_every_backbone_of_a_space_of_the_catalog_has_every_place(name: str) -> None:
    assert check_backbones(load_space(name)) is None


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


def space_of(axes: str) -> Space:
    base = "{}" if "pretrained" in axes else "{backbone: {pretrained: false}}"
    return parse_space(f"name: x\nbase: {base}\naxes: {axes}", "x.yaml")


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (
            "{backbone.name: {choice: [resnet10t, resnet10u]}}",
            r"backbone 'resnet10u': timm has no such model; did you mean 'resnet10t'\?",
        ),
        (
            "{backbone.name: {choice: [resnet10t]}, embedding.placement: {choice: [stage7]}}",
            "embedding.placement: backbone 'resnet10t' has no 'stage7'; it has input, ",
        ),
        (
            # Trials of the other backbone could be built; but the gain over the baseline is told.
            "{backbone.name: {choice: [nf_seresnet26, resnet10t]}, "
            "backbone.pretrained: {choice: [true]}}",
            "backbone 'nf_seresnet26' has no pretrained weights",
        ),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(axes: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"^x\.yaml: .*{said}"):
        check_backbones(space_of(axes))


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (
            "{backbone.name: {choice: [resnet10t]}, embedding.placement: {choice: [none, stage7]}}",
            "1 of 2 .*; the first: embedding.placement: backbone 'resnet10t' has no 'stage7'; it",
        ),
        (
            "{backbone.name: {choice: [resnet10t, test_resnet]}, "
            "backbone.drop_path: {float: [0.0, 0.3], when: {backbone.name: resnet10t}}, "
            "embedding.placement: {choice: [none, stage9], when: {backbone.name: test_resnet}}}",
            "1 of 3 .* backbone 'test_resnet' has no 'stage9'",
        ),
        (
            # Where the head is not gem, no backbone is drawn: the default, which has no stage 9.
            "{head.kind: {choice: [average, gem]}, "
            "backbone.name: {choice: [resnet10t], when: {head.kind: gem}}, "
            "embedding.placement: {choice: [none, stage9], when: {head.kind: average}}}",
            "1 of 3 .* has no 'stage9'",
        ),
        ("{backbone.name: {choice: [resnet10t, test_resnet]}}", None),
    ],
)
def test_what_cannot_be_built_is_counted_and_told(axes: str, said: str | None) -> None:
    notice = check_backbones(space_of(axes))
    assert (notice is None) == (said is None)
    assert re.match(rf"x\.yaml: {said}" if said else "", notice or "")
