from functools import lru_cache

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sedn.config import (
    AttentionConfig,
    BackboneConfig,
    DataConfig,
    EmbeddingConfig,
    TrainingConfig,
    config_hash,
)
from sedn.network import build_network, canonical_config

Choice = tuple[str, str, int]
PLACES = ["input", "stage1", "stage2", "stage3", "stage4", "last2", "all", "head"]
KINDS = ["none", "se", "eca", "cbam", "gc", "gca"]


def configure(choice: Choice, backbone: str = "test_resnet", size: int = 32) -> TrainingConfig:
    placement, kind, ratio = choice
    return TrainingConfig(
        data=DataConfig(image_size=size),
        backbone=BackboneConfig(name=backbone, pretrained=False),
        embedding=EmbeddingConfig(placement=placement, width=4),
        attention=AttentionConfig.model_validate({"kind": kind, "reduction_ratio": ratio}),
    )


@lru_cache
def shapes(choice: Choice) -> dict[str, torch.Size]:
    with torch.device("meta"):
        network = build_network(configure(choice), 3, 2)
    return {name: parameter.shape for name, parameter in network.named_parameters()}


def choices() -> st.SearchStrategy[Choice]:
    placements = st.lists(st.sampled_from(PLACES), min_size=1, max_size=4, unique=True)
    ratios = st.sampled_from([1, 2, 3, 4, 8, 16, 32, 33, 64, 128, 255, 256])
    return st.tuples(placements.map("+".join), st.sampled_from(KINDS), ratios)


@settings(max_examples=60, deadline=None)
@example(pair=(("stage1", "se", 8), ("stage1", "se", 256)))
@example(pair=(("all", "se", 4), ("stage3+stage2+stage1+stage4", "se", 4)))
@example(pair=(("last2", "gc", 255), ("stage4+stage3", "gc", 256)))
@given(pair=st.tuples(choices(), choices()))
def test_one_form_for_what_builds_one_network(pair: tuple[Choice, Choice]) -> None:
    one, other = (canonical_config(configure(choice)) for choice in pair)
    assert (one == other) == (shapes(pair[0]) == shapes(pair[1]))


@settings(max_examples=40, deadline=None)
@given(placement=st.sampled_from(["stage1", "last2", "all+input"]), data=st.data())
def test_one_form_for_ratios_of_one_width(placement: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["se", "cbam", "gc"]))
    pair = [(placement, kind, data.draw(st.integers(1, 256))) for _ in range(2)]
    one, other = (canonical_config(configure(choice)) for choice in pair)
    assert (one == other) == (shapes(pair[0]) == shapes(pair[1]))
    assert (config_hash(one) == config_hash(other)) == (one == other)


@settings(max_examples=40, deadline=None)
@given(choice=choices())
def test_builds_the_same_network_and_stays_as_it_is(choice: Choice) -> None:
    canonical = canonical_config(configure(choice))
    assert canonical_config(canonical) == canonical
    assert TrainingConfig.model_validate(canonical.model_dump(mode="json")) == canonical
    written = (
        canonical.embedding.placement,
        canonical.attention.kind,
        canonical.attention.reduction_ratio,
    )
    assert shapes(written) == shapes(choice)


def test_writes_places_out_in_forward_order() -> None:
    config = configure(("head+last2+stage1+input", "se", 200))
    assert canonical_config(config).embedding.placement == "input+stage1+stage3+stage4+head"
    tokens = configure(("all", "none", 16), "test_vit", 160)
    places = canonical_config(tokens).embedding.placement.split("+")
    assert places == sorted(places) and len(places) > 1


@pytest.mark.parametrize("placement", ["none", "mask-image", "crop", "head", "stage9"])
def test_leaves_what_has_no_other_form(placement: str) -> None:
    config = configure((placement, "none", 16))
    assert canonical_config(config) == config
