"""Pretrained weights in a file: what fits is taken whole, and what does not is one line."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from sedn.config import BackboneConfig, build_config, config_hash
from sedn.errors import UserError
from sedn.files import cache_folder
from sedn.network import check_pretrained_available
from sedn.network.backbone import create_backbone
from sedn.network.weights_file import check_weights_file, keep_sent, read_contents
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.network import build_map_network

MODELS = {"test_resnet": 32, "test_convnext": 32, "test_vit": 160, "test_efficientnet": 32}


def random_weights(model: str, classes: int = 7, seed: int = 1) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    weights = timm.create_model(model, num_classes=classes).state_dict()
    return {name: tensor + 1 for name, tensor in weights.items()}


def write(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    if path.suffix == ".safetensors":
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, path)
    else:
        torch.save(weights, path)
    return path


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("classes", [0, 3, 7])
@pytest.mark.parametrize("model", MODELS)
def test_a_network_begins_with_the_weights_of_the_file(
    model: str, classes: int, suffix: str, tmp_path: Path
) -> None:
    weights = random_weights(model, classes)
    path = write(tmp_path / f"w{suffix}", weights)
    config = BackboneConfig(name=model, weights=str(path))
    torch.manual_seed(5)
    built = create_backbone(config, 3, MODELS[model])
    loaded = built.state_dict()
    classifier = timm.get_pretrained_cfg(model).classifier
    same = [name for name in loaded if name in weights and torch.equal(loaded[name], weights[name])]
    lost = [name for name in loaded if name not in same]
    assert all(name.startswith(f"{classifier}.") for name in lost)
    assert (lost == []) is (classes == 3)
    assert "state_dict" not in built.pretrained_cfg
    # From one seed, what is not in the file is the same each time.
    torch.manual_seed(5)
    again = create_backbone(config, 3, MODELS[model]).state_dict()
    assert all(torch.equal(again[name], loaded[name]) for name in loaded)


def test_what_training_programs_wrap_around_weights_is_taken_off(tmp_path: Path) -> None:
    weights = random_weights("test_resnet", 3)
    wrapped = {f"module.{name}": tensor for name, tensor in weights.items()}
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "w.pth")
    config = BackboneConfig(name="test_resnet", weights=str(tmp_path / "w.pth"))
    loaded = create_backbone(config, 3, 32).state_dict()
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)


def misfits(folder: Path) -> dict[str, tuple[Path, str]]:
    good = random_weights("test_resnet")
    first = next(iter(good))
    fewer = {name: tensor for name, tensor in good.items() if name != first}
    (folder / "torn.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    (folder / "weights.txt").write_text("0.5")
    torch.save({"epoch": 3, "loss": 0.5}, folder / "none.pth")
    torch.save({"run": Path("x")}, folder / "code.pth")
    return {
        "missing": (folder / "not-there.pth", "No such file"),
        "another model": (
            write(folder / "other.safetensors", random_weights("test_vit")),
            "has none of the",
        ),
        "fewer": (write(folder / "fewer.safetensors", fewer), f"lacks 1 of the tensors.*{first}"),
        "shapes": (
            write(folder / "shapes.safetensors", good | {first: good[first][:1]}),
            f"has 1 tensors of other shapes.*{first} \\(1, ",
        ),
        "more": (
            write(folder / "more.safetensors", good | {"extra": torch.zeros(1)}),
            "does not fit.*extra",
        ),
        "torn": (folder / "torn.safetensors", "its weights cannot be read"),
        "code": (folder / "code.pth", "its weights cannot be read"),
        "no weights": (folder / "none.pth", "holds no weights by name"),
        "suffix": (folder / "weights.txt", "expected a file that ends in .safetensors, .pth"),
    }


def test_what_does_not_fit_is_one_line_before_training(tmp_path: Path) -> None:
    for kind, (path, said) in misfits(tmp_path).items():
        fields = {"backbone": {"name": "test_resnet", "weights": str(path)}}
        config = build_config(fields | {"data": {"image_size": 32}}, "test")
        with pytest.raises(UserError, match=said) as caught:
            check_pretrained_available([config])
        text = str(caught.value)
        assert text.startswith("backbone.weights: "), kind
        assert str(path) in text, kind
        assert len(text.splitlines()) == 1, kind


def test_a_missing_file_is_said_with_where_it_comes_from(tmp_path: Path) -> None:
    config = BackboneConfig(name="test_vit", weights=str(tmp_path / "vit.safetensors"))
    repository = timm.get_pretrained_cfg("test_vit").hf_hub_id
    with pytest.raises(UserError, match=rf"hf download {repository} model.safetensors.*put it the"):
        check_weights_file(config, 160)


def test_a_folder_takes_no_further_weights(tmp_path: Path) -> None:
    from sedn.run.hub import _timm_config

    model = timm.create_model("test_resnet")
    path = write(tmp_path / "model.safetensors", random_weights("test_resnet"))
    (tmp_path / "config.json").write_text(_timm_config(model, {}, {"input_size": [3, 32, 32]}))
    config = BackboneConfig(name=f"local-dir:{tmp_path}", weights=str(path))
    with pytest.raises(UserError, match=r"comes with weights of its own.*timm does: test_resnet"):
        check_weights_file(config, 32)


def test_the_content_of_the_file_names_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("one.pth"), random_weights("test_resnet"))
    Path("copy.pth").write_bytes(Path("one.pth").read_bytes())
    write(Path("two.pth"), random_weights("test_resnet", seed=2))

    def hash_of(**backbone: object) -> str:
        return config_hash(build_config({"backbone": {"name": "test_resnet"} | backbone}, "test"))

    assert hash_of(weights="one.pth") == hash_of(weights="copy.pth")
    assert len({hash_of(weights=f"{name}.pth") for name in ("one", "two")} | {hash_of()}) == 3
    without = hash_of(pretrained=False)
    assert hash_of(pretrained=False, weights="one.pth") == without
    # The document of a configuration keeps what the file was: another one is refused.
    config = BackboneConfig(name="test_resnet", weights="one.pth")
    Path("one.pth").write_bytes(Path("two.pth").read_bytes())
    kept = BackboneConfig(**config.model_dump())
    assert kept == config
    with pytest.raises(UserError, match=r"is another file.*leave out backbone.weights_digest"):
        create_backbone(kept, 3, 32)


def test_a_node_without_the_file_takes_what_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = random_weights("test_resnet", 3)
    path = write(tmp_path / "w.safetensors", weights)
    config = BackboneConfig(name="test_resnet", weights=str(path))
    sent = read_contents(["", str(path), str(tmp_path / "of-the-nodes.pth")])
    assert len(sent) == 1
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path / "node"))
    path.unlink()
    with pytest.raises(UserError, match="No such file"):
        check_weights_file(config, 32)
    keep_sent(sent)
    assert len(list((cache_folder() / "weights").iterdir())) == 1
    loaded = create_backbone(config, 3, 32).state_dict()
    assert all(torch.equal(loaded[name], weights[name]) for name in loaded)
    # Another file in the place of the named one is passed over, too.
    write(path, random_weights("test_resnet", 3, seed=2))
    again = create_backbone(config, 3, 32).state_dict()
    assert all(torch.equal(again[name], weights[name]) for name in again)


def test_a_segmenter_begins_with_the_weights_of_its_encoder(tmp_path: Path) -> None:
    weights = random_weights("resnet10t")
    path = write(tmp_path / "w.safetensors", weights)
    config = SegmenterConfig(encoder="resnet10t", weights=str(path))
    loaded = build_map_network(config, 1).network.encoder.model.state_dict()
    assert len(loaded) > 20
    assert all(torch.equal(tensor, weights[name]) for name, tensor in loaded.items())
    other = config.model_copy(update={"encoder": "resnet18"})
    with pytest.raises(UserError, match=r"^segmenter.weights: .*resnet18"):
        build_map_network(other, 1)
