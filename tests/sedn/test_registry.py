"""The names that a configuration may use, and those that users and their packages add."""

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sedn.config import (
    AttentionConfig,
    EmbeddingConfig,
    HeadConfig,
    LossConfig,
    MapConfig,
    build_config,
    config_hash,
)
from sedn.errors import UserError
from sedn.registry import (
    ATTENTIONS,
    FUSIONS,
    HEADS,
    LOSSES,
    SEMANTIC_SOURCES,
    Registry,
    register_attention,
    register_fusion,
    register_head,
    register_loss,
)
from sedn.registry.__main__ import main
from tests.sedn.own_parts import Film, MaxHead, install, poly

REGISTRIES = [FUSIONS, LOSSES, HEADS, ATTENTIONS, SEMANTIC_SOURCES]
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def registries_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "entries", dict(registry.entries))


@pytest.fixture
def fresh_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that packages can be installed to, of which no plugin is loaded yet."""
    monkeypatch.setattr("sedn.registry.plugins._faults", None)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def names(registry: Registry) -> list[str]:
    return [name for name, entry in registry.entries.items() if getattr(entry, "build", None)]


@pytest.mark.parametrize("name", names(FUSIONS))
def test_each_fusion_returns_the_stage_at_first(name: str) -> None:
    build = FUSIONS.find(name).build
    assert build is not None
    x, maps = torch.randn(2, 8, 6, 5), torch.rand(2, 3, 20, 20)
    is_same = torch.allclose(build(3, 4, 8)(x, maps), x, atol=1e-6)
    assert is_same is FUSIONS.find(name).starts_plain
    # One that leaves something out at first leaves out nothing of the regions.
    assert torch.allclose(build(3, 4, 8)(x, torch.ones_like(maps)), x, atol=1e-6)


@pytest.mark.parametrize("name", names(HEADS))
def test_each_head_scores_each_label(name: str) -> None:
    build = HEADS.find(name).build
    assert build is not None
    assert build(8, 3)(torch.randn(2, 9, 8)).shape == (2, 3)


@pytest.mark.parametrize("name", names(ATTENTIONS))
def test_each_attention_keeps_the_shape_and_tells_its_inner_width(name: str) -> None:
    entry = ATTENTIONS.find(name)
    assert entry.build is not None
    attention = entry.build(AttentionConfig(kind=name, reduction_ratio=2), 16)
    x = torch.randn(2, 16, 6, 6)
    assert attention(x).shape == x.shape
    assert (entry.inner_width is not None) == ("reduction_ratio" in entry.fields)
    if entry.inner_width is not None:
        shapes = [tuple(p.shape) for p in attention.parameters()]
        assert any(entry.inner_width(16, 2) in shape for shape in shapes)


@pytest.mark.parametrize("name", names(LOSSES))
def test_each_loss_reads_the_fields_that_it_names_and_no_others(name: str) -> None:
    entry = LOSSES.find(name)
    changed = {"pos_weight": "sqrt", "gamma": 0.5, "gamma_negative": 1.0, "clip": 0.4}
    logits, targets = torch.randn(6, 3), torch.tensor([[0.0, 1.0, 0.0]]).expand(6, 3)
    counts = torch.tensor([1.0, 2.0, 30.0]), torch.tensor([40.0, 40.0, 40.0])
    plain = entry.build(LossConfig(kind=name), *counts)(logits, targets)
    for field, value in changed.items():
        config = LossConfig.model_validate({"kind": name, field: value})
        is_same = torch.equal(entry.build(config, *counts)(logits, targets), plain)
        assert is_same == (field not in entry.fields), field


@pytest.mark.parametrize(
    ("registry", "group", "common"),
    [
        (FUSIONS, EmbeddingConfig, {"placement", "fusion"}),
        (LOSSES, LossConfig, {"kind", "label_smoothing"}),
        (HEADS, HeadConfig, {"kind"}),
        (ATTENTIONS, AttentionConfig, {"kind"}),
        (SEMANTIC_SOURCES, MapConfig, {"source", "control"}),
    ],
)
def test_every_field_of_a_group_depends_on_the_name_or_is_common(registry, group, common) -> None:
    assert set(registry.fields) | common == set(group.model_fields)
    for entry in registry.entries.values():
        assert set(entry.fields) <= set(registry.fields)


def test_every_name_is_printed_with_what_it_means(
    fresh_plugins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(fresh_plugins)
    assert main() == 0
    printed = capsys.readouterr().out
    for registry in REGISTRIES:
        _, _, section = printed.partition(f"{registry.path}:\n")
        lines = section.partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in lines] == list(registry.entries)
        for line, entry in zip(lines, registry.entries.values(), strict=True):
            assert entry.description in line
            assert all(field in line for field in entry.fields)
    assert "one factor for each channel" in printed


def test_a_name_that_cannot_be_added_is_refused() -> None:
    before = [dict(registry.entries) for registry in REGISTRIES]
    with pytest.raises(ValueError, match=re.escape("embedding.fusion: 'gate' is taken")):
        register_fusion("gate", Film, "x")
    with pytest.raises(ValueError, match=re.escape("loss.kind: 'bce' is taken")):
        register_loss("bce", poly, "x")
    with pytest.raises(ValueError, match=re.escape("head.kind: 'Max Head' must be lower-case")):
        register_head("Max Head", MaxHead, "x")
    with pytest.raises(ValueError, match="description of 'mine' must be one line"):
        register_attention("mine", lambda config, channels: torch.nn.Identity(), "a\nb")
    with pytest.raises(
        ValueError, match="'own_loss' cannot use 'alpha'; possible: pos_weight, gamma"
    ):
        register_loss("own_loss", poly, "x", fields=("alpha",))
    assert before == [registry.entries for registry in REGISTRIES]


def test_what_an_added_name_does_not_use_is_reset() -> None:
    register_loss("own_loss", poly, "with one more term", fields=("gamma",))
    register_fusion("own_film", Film, "one factor for each channel", fields=())
    given = {
        "loss": {"kind": "own_loss", "gamma": 1.0, "clip": 0.3},
        "embedding": {"placement": "stage1", "fusion": "own_film", "width": 99},
    }
    config = build_config(given, "x")
    assert (config.loss.gamma, config.loss.clip) == (1.0, 0.05)
    assert (config.embedding.fusion, config.embedding.width) == ("own_film", 16)
    plain = {"loss": {"kind": "own_loss", "gamma": 1.0}, "embedding": config.embedding.model_dump()}
    assert config_hash(build_config(plain, "x")) == config_hash(config)


def test_a_fusion_that_sees_no_map_needs_none() -> None:
    register_fusion("blind", Film, "a control", sees_map=False)
    config = build_config({"embedding": {"placement": "stage1", "fusion": "blind"}}, "x")
    assert config.embedding.placement == "stage1"
    assert config.map_source == "none"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"embedding": {"fusion": "gat"}}, "(got 'gat'); did you mean 'gate'?"),
        ({"loss": {"kind": "bcee"}}, "(got 'bcee'); did you mean 'bce'?"),
        ({"head": {"kind": "zzz"}}, "(got 'zzz'); no installed plugin adds that name"),
        ({"attention": {"kind": 3}}, "(got 3)"),
        ({"attention": {"kind": None}}, "(got None)"),
        ({"head": {"kind": ["gem"]}}, "(got ['gem'])"),
        ({"schedule": {"kind": "cosin"}}, "(got 'cosin'); did you mean 'cosine'?"),
    ],
)
def test_a_wrong_name_is_one_line_with_the_right_ones(given: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        build_config(given, "x.yaml")
    assert str(caught.value).startswith("x.yaml: field '")
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize("entry_point", ["sedn_film", "sedn_film:register"])
def test_an_installed_plugin_is_found_by_its_entry_point(
    fresh_plugins: Path, entry_point: str
) -> None:
    install(fresh_plugins, entry_point)
    assert build_config({"loss": {"kind": "focal"}}, "x").loss.kind == "focal"
    assert "sedn_film" not in sys.modules, "what is built in needs no plugin"
    config = build_config({"embedding": {"placement": "stage1", "fusion": "own_film"}}, "x")
    assert config.embedding.fusion == "own_film"
    assert "own_film" in FUSIONS.names()


def test_another_process_finds_the_plugin_of_a_configuration_that_is_sent_there(
    tmp_path: Path,
) -> None:
    install(tmp_path)
    register_fusion("own_film", Film, "one factor for each channel", fields=())
    fields = {"embedding": {"placement": "stage1", "fusion": "own_film"}}
    sent = tmp_path / "config.pickle"
    sent.write_bytes(pickle.dumps(build_config(fields, "x")))
    code = (
        "import pickle, sys; from sedn.registry import FUSIONS; "
        "config = pickle.load(open(sys.argv[1], 'rb')); "
        "print(FUSIONS.find(config.embedding.fusion).description)"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code, str(sent)],
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, timeout=60,
    )  # fmt: skip
    assert done.stdout == "one factor for each channel\n", done.stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (
            "from sedn.registry import register_loss\nregister_loss('bce', None, 'x')",
            "ValueError: loss.kind: 'bce' is taken",
        ),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named(fresh_plugins: Path, code: str, said: str) -> None:
    install(fresh_plugins, "sedn_film", code)
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            build_config({"embedding": {"fusion": "own_film"}}, "x")
        assert str(caught.value).startswith("plugin 'film' (sedn_film) cannot be loaded: ")
        assert said in str(caught.value)
    assert build_config({"embedding": {"fusion": "gate"}}, "x").embedding.placement == "none"


def test_a_process_without_the_plugin_says_what_is_missing() -> None:
    register_head("own_max", MaxHead, "the maximum over all places")
    config = build_config({"head": {"kind": "own_max"}}, "x")
    del HEADS.entries["own_max"]
    with pytest.raises(
        UserError, match=r"head.kind: 'own_max' is not registered in this process; name"
    ):
        HEADS.find(config.head.kind)
