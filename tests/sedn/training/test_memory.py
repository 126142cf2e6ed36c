"""Where the memory does not suffice: fewer images at once, and steps of the same batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sedn.config import TrainingConfig, build_config
from sedn.data import load_dataset
from sedn.errors import OutOfMemory, UserError
from sedn.network import check_network
from sedn.training.bounds import Bounds
from sedn.training.checkpoints.state import create_network, prepare
from sedn.training.cost import Probe, measure_costs
from sedn.training.epochs import train_epochs
from sedn.training.inputs.augmentation import Batch
from sedn.training.inputs.batches import part_sizes, split_batch
from sedn.training.memory import is_out_of_memory, peak_memory, reset_peak
from sedn.training.optimization.step import train_epoch

CPU = torch.device("cpu")


def configure(table: Path, **fields: object) -> TrainingConfig:
    base = {
        "data": {"path": str(table), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": "stage1"},
        "attention": {"kind": "se"},
        "epochs": 2,
        "batch_size": 16,
    }
    return build_config(base | fields, "test")


@contextmanager
def memory_for(images: int) -> Iterator[None]:
    """More images at once do not fit through the backbone's first convolution."""

    def hook(module: nn.Module, inputs: tuple[object, ...]) -> None:
        if isinstance(module, nn.Conv2d) and module.in_channels == 3:
            assert isinstance(inputs[0], torch.Tensor)
            if len(inputs[0]) > images:
                raise torch.OutOfMemoryError("out of memory, says the test")

    handle = nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "checkpoint.pt", weights_only=True)["network"]


def test_the_micro_batch_halves_until_it_fits(table: Path, tmp_path: Path) -> None:
    with memory_for(11):
        results = list(train_epochs(configure(table), str(tmp_path / "found")))
    assert [r.epoch for r in results] == [1, 2]
    assert [r.costs["micro_batch"] for r in results] == [4, 4], (
        "evaluation takes twice as many at once"
    )
    # The same as if it had been asked for: no trace of the attempts is left.
    asked = configure(table, micro_batch_size=4)
    list(train_epochs(asked, str(tmp_path / "asked")))
    one, other = weights(tmp_path / "found"), weights(tmp_path / "asked")
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_it_goes_on_from_the_last_checkpoint(table: Path, tmp_path: Path) -> None:
    config = configure(table, epochs=6)
    whole = list(train_epochs(config, str(tmp_path / "whole")))
    epochs = train_epochs(config, str(tmp_path / "late"))
    first = next(epochs)
    with memory_for(8):
        rest = list(epochs)
    assert (first.train_loss, first.label_auc) == (whole[0].train_loss, whole[0].label_auc)
    assert [r.epoch for r in rest] == [2, 3, 4, 5, 6]
    assert [r.costs["micro_batch"] for r in [first, *rest]] == [16, 4, 4, 4, 4, 4]


def test_what_is_known_to_fit_is_where_it_begins(table: Path, tmp_path: Path) -> None:
    with memory_for(8):
        (first, _) = train_epochs(configure(table), str(tmp_path), 0, Bounds(micro_batch=4))
    assert first.costs["micro_batch"] == 4


def test_not_even_one_image(table: Path, tmp_path: Path) -> None:
    said = r"single image of 32 px through test_resnet: lower data.image_size.*says the test"
    with memory_for(0), pytest.raises(OutOfMemory, match=said):
        list(train_epochs(configure(table), str(tmp_path)))


def test_other_errors_are_not_taken_for_it() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes differ"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert is_out_of_memory(caught.value)


@given(st.integers(1, 300), st.integers(1, 300), st.booleans())
def test_parts_are_near_equal_and_no_larger_than_asked(n: int, most: int, pairs: bool) -> None:
    sizes = part_sizes(n, most, pairs=pairs)
    assert sum(sizes) == n
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) <= ceil(n / most)
    if pairs and most > 1 and n > 1:
        assert min(sizes) >= 2
        assert max(sizes) <= most or (most == 2 and sorted(sizes)[-2:] in ([2, 3], [3]))
    else:
        assert len(sizes) == ceil(n / most)
        assert max(sizes) <= most


@given(st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_parts_are_the_batch_in_its_order(n: int, most: int, shared: bool) -> None:
    numbers = torch.arange(n)
    maps = numbers.float().view(n, 1, 1, 1)
    batch = Batch(
        images=maps.expand(n, 3, 1, 1),
        maps=maps,
        known=numbers % 2 == 0,
        masks=maps if shared else -maps,
        masks_known=numbers % 3 == 0,
    )
    parts = list(split_batch(batch, maps.view(n, 1), most, pairs=True))
    for name in ("images", "maps", "known", "masks", "masks_known"):
        assert torch.equal(
            torch.cat([getattr(part, name) for part, _ in parts]), getattr(batch, name)
        )
    assert torch.equal(torch.cat([targets for _, targets in parts]), maps.view(n, 1))
    assert all((part.masks is part.maps) == shared for part, _ in parts)


def test_a_batch_is_cut_without_a_rest_of_one_under_batch_norm(table: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def record(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if isinstance(module, nn.BatchNorm2d) and module.training:
            seen.append(len(inputs[0]))

    handle = nn.modules.module.register_module_forward_pre_hook(record)
    try:
        for batch_size, micro_batch_size in ((17, 16), (17, 2), (10, 3), (3, 2)):
            config = configure(table, batch_size=batch_size, micro_batch_size=micro_batch_size)
            train_epoch(prepare(config), 1)
    finally:
        handle.remove()
    assert set(seen) == {8, 9, 2, 3}


DEEP = {"name": "resnet10t", "pretrained": False}
"""Its last maps of an image of 32 px are one pixel."""


@pytest.mark.parametrize("field", ["batch_size", "micro_batch_size"])
def test_single_images_that_batch_norm_cannot_take_are_refused(table: Path, field: str) -> None:
    said = rf"{field}: backbone 'resnet10t' cannot train on a single image of 32 px: its BatchNorm"
    with pytest.raises(UserError, match=said):
        check_network(configure(table, backbone=DEEP, **{field: 1}))
    check_network(configure(table, backbone=DEEP, **{field: 2}))
    larger = {"path": str(table), "image_size": 64}
    check_network(configure(table, backbone=DEEP, data=larger, **{field: 1}))
    for name in ("test_resnet", "test_vit"):
        size = {"path": str(table), "image_size": 160}
        config = configure(
            table, data=size, backbone={"name": name, "pretrained": False}, **{field: 1}
        )
        check_network(config)


def test_where_two_images_do_not_fit_batch_norm_cannot_go_on(table: Path, tmp_path: Path) -> None:
    said = r"suffice for two images of 32 px: lower.*resnet10t' cannot train on a single image"
    with memory_for(1), pytest.raises(OutOfMemory, match=said):
        list(train_epochs(configure(table, backbone=DEEP), str(tmp_path)))


def vector(network: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("micro_batch", [1, 3, 5, 8])
@pytest.mark.parametrize("source", ["given", "auxiliary"])
def test_parts_sum_to_the_step_of_the_whole_batch(
    table: Path, micro_batch: int, source: str
) -> None:
    """By a network without batch statistics, on labels and maps of which some are unknown."""
    lines = table.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    for index, row in enumerate(cells[1:]):
        row[2] = "" if index % 4 == 0 else row[2]
        row[1] = "" if index % 5 == 0 and row[4] == "train" else row[1]
    table.write_text("\n".join(",".join(row) for row in cells) + "\n")

    def displacement(size: int | None) -> tuple[float, torch.Tensor]:
        config = configure(
            table,
            backbone={"name": "test_convnext", "pretrained": False},
            embedding={"placement": "stage3"},
            semantic_map={"source": source},
            optimizer={"name": "momentum", "learning_rate": 1e-3, "momentum": 0.0},
            loss={"kind": "asl"},
            micro_batch_size=size,
        )
        training = prepare(config)
        start = vector(training.network)
        return train_epoch(training, 1), vector(training.network) - start

    (loss, whole), (sum_of_parts, parts) = displacement(None), displacement(micro_batch)
    # As far as bfloat16 goes, where the CPU has it.
    assert sum_of_parts == pytest.approx(loss, rel=5e-3)
    assert (whole - parts).norm() < 0.02 * whole.norm()


def test_the_cost_is_that_of_the_network(table: Path) -> None:
    training = prepare(configure(table))
    state = torch.get_rng_state()
    cost = measure_costs(Probe(training.network, 32, 1))
    assert torch.equal(state, torch.get_rng_state()), "nothing random is drawn"
    assert training.network.training
    assert 0 < cost["latency_ms"] < cost["latency_32_ms"]
    larger = measure_costs(Probe(training.network, 64, 1))
    assert larger["flops"] == pytest.approx(4 * cost["flops"], rel=0.02)
    plain = prepare(configure(table, embedding={}, attention={}))
    assert measure_costs(Probe(plain.network, 32, 1))["flops"] < cost["flops"]
    # One convolution that is easily counted: 3 x 3 x 3 inputs, 16 outputs, at every second pixel.
    stem = plain.network.backbone.get_submodule("conv1.0")
    assert isinstance(stem, nn.Conv2d)
    kernel = stem.weight.numel()
    assert cost["flops"] > 2 * kernel * (32 // stem.stride[0]) ** 2


@pytest.mark.parametrize("head", ["gem", "attention", "query"])
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_every_head_has_a_cost(table: Path, head: str, backbone: str) -> None:
    config = configure(
        table,
        data={"path": str(table), "image_size": 160},
        backbone={"name": backbone, "pretrained": False},
        head={"kind": head},
        embedding={"placement": "stage2"},
    )
    cost = measure_costs(Probe(create_network(config, load_dataset(config.data), CPU), 160, 1))
    assert cost["flops"] > 1e6
    assert cost["latency_ms"] > 0


def test_the_peak_is_that_since_it_was_reset() -> None:
    block = torch.ones(60_000_000)
    high = peak_memory(CPU)
    del block
    reset_peak(CPU)
    low = peak_memory(CPU)
    assert high is not None
    assert low is not None
    assert high - low > 200_000_000
