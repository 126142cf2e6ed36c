"""A space of whole configurations: each is trained with each seed, as it is written."""

import pytest

from sedn.errors import UserError
from spaces import check_backbones, parse_space

LISTED = """
name: two
configurations:
  plain: {epochs: 3, backbone: {name: test_resnet, pretrained: false}}
  embedded:
    epochs: 3
    backbone: {name: test_resnet, pretrained: false}
    embedding: {placement: stage1}
seeds: [7, 8]
"""


def test_its_points_are_each_configuration_with_each_seed() -> None:
    space = parse_space(LISTED, "two.yaml")
    assert space.points() == 4
    assert [(p["configuration"], p["seed"]) for p in space.first] == [
        ("plain", 7),
        ("embedded", 7),
        ("plain", 8),
        ("embedded", 8),
    ]
    for point in space.first:
        config = space.config(point, {"seed": 0, "data.path": "elsewhere"})
        assert config.seed == point["seed"]
        assert config.data.path == "elsewhere"
        placement = "none" if point["configuration"] == "plain" else "stage1"
        assert config.embedding.placement == placement


def test_its_baseline_is_its_first_configuration_where_that_is_plain() -> None:
    space = parse_space(LISTED, "two.yaml")
    assert space.config(space.baseline_params()) == space.baseline()


def test_what_it_may_hold_is_seen_before_the_first_trial() -> None:
    space = parse_space(LISTED, "two.yaml")
    assert list(space.values_of("embedding.placement")) == ["none", "stage1"]
    assert check_backbones(space) is None
    other = parse_space(LISTED.replace("placement: stage1", "placement: stage9"), "two.yaml")
    assert "1 of 2" in str(check_backbones(other))


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("seeds: [7, 8]", "", "'seeds' needs a list"),
        ("[7, 8]", "[7, 7]", "7 is listed twice"),
        ("[7, 8]", "[-1]", "-1 is not a whole number"),
        ("[7, 8]", "[true]", "True is not a whole number"),
        ("[7, 8]", "7", "'seeds' needs a list"),
        ("placement: stage1", "placment: stage1", "'embedding.placment'"),
        ("epochs: 3, backbone", "epochs: none, backbone", "epochs"),
        ("epochs: 3, backbone", "seed: 3, backbone", "'seed' is set by 'seeds:'"),
        ("name: two", "name: two\naxes: {}", "'axes' does not go with 'configurations'"),
        ("  plain: {epochs: 3,", "  plain: 3\n  other: {epochs: 3,", "needs fields"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(before: str, after: str, names: str) -> None:
    assert before in LISTED
    with pytest.raises(UserError, match=r"^two.yaml: ") as raised:
        parse_space(LISTED.replace(before, after, 1), "two.yaml")
    assert names in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_seeds_without_configurations_are_refused() -> None:
    text = "name: x\nseeds: [1]\naxes:\n  embedding.placement: {choice: [none, stage1]}\n"
    with pytest.raises(UserError, match="'seeds' goes with 'configurations'"):
        parse_space(text, "x.yaml")
