"""Predictions of files equal what training scored, whatever supplies the maps."""

import json
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sedn.config import TrainingConfig, build_config
from sedn.data.images.levels import FULL, Levels
from sedn.errors import UserError
from sedn.prediction.images import find_images
from sedn.prediction.predict import Prediction, predict_images
from sedn.run.finishing import read_test_scores
from sedn.run.model_file import read_header
from sedn.run.summary import read_summary
from sedn.run.train import train_run
from sedn.segmentation.config import SegmenterConfig
from sedn.segmentation.segmenter import train_segmenter

SIZE = 32


def configure(table: Path, placement: str = "input", **fields: object) -> TrainingConfig:
    base = {
        "data": {"path": str(table), "image_size": SIZE},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "embedding": {"placement": placement},
        "optimizer": {"learning_rate": 3e-3},
        "epochs": 1,
        "batch_size": 16,
    }
    return build_config(base | fields, "test")


@pytest.fixture
def own_masks(table: Path) -> Path:
    """The table, but each image has a mask of its own."""
    random = np.random.default_rng(1)
    for index in range(90):
        mask = np.zeros((40, 40), dtype=np.uint8)
        y, x = random.integers(0, 25, 2)
        mask[y : y + 15, x : x + 15] = 255
        Image.fromarray(mask).save(table.parent / f"{index}-map.png")
    return table


def in_test(table: Path) -> list[Path]:
    """The images of the test split."""
    return [table.parent / f"{index}.png" for index in range(4, 90, 5)]


def mask_folder(table: Path, images: list[Path]) -> Path:
    """Copies of the masks, by the names of their images."""
    folder = table.parent / "masks"
    folder.mkdir()
    for image in images:
        shutil.copy(table.parent / f"{image.stem}-map.png", folder / f"{image.stem}.png")
    return folder


def stacked(predictions: Iterator[Prediction]) -> np.ndarray:
    return np.stack([prediction.logits for prediction in predictions])


def assert_as_in_training(run: Path, logits: np.ndarray) -> None:
    np.testing.assert_allclose(logits, read_test_scores(run)[1], atol=1e-5)


@pytest.mark.parametrize(
    ("placement", "semantic_map"),
    [
        ("none", {}),
        ("stage3", {"source": "auxiliary"}),
        ("input+stage1", {"control": "constant"}),
    ],
)
def test_without_masks(
    table: Path, tmp_path: Path, placement: str, semantic_map: dict[str, str]
) -> None:
    train_run(configure(table, placement, semantic_map=semantic_map), tmp_path / "run")
    images = in_test(table)
    predictions = list(predict_images(tmp_path / "run", images, batch_size=7))
    assert_as_in_training(tmp_path / "run", stacked(iter(predictions)))
    assert [prediction.name for prediction in predictions] == [str(image) for image in images]
    first = predictions[0]
    assert list(first.probabilities) == ["red", "bright"]
    summary = read_summary(tmp_path / "run")
    scaled = first.logits / summary.temperature
    assert list(first.probabilities.values()) == pytest.approx(1 / (1 + np.exp(-scaled)))
    for label, score in summary.label_scores.items():
        present = [p for p in predictions if label in p.present]
        assert all(p.probabilities[label] >= score.threshold for p in present)
        # The run told the same of the same images.
        assert len(present) == score.predicted
    assert not any(prediction.lacks_mask for prediction in predictions)
    with pytest.raises(UserError, match=r"run: its network .*; leave `maps` out"):
        predict_images(tmp_path / "run", images, maps=tmp_path)


def test_images_of_12_bits_are_as_bright_as_in_training(table: Path, tmp_path: Path) -> None:
    for index in range(90):
        path = table.parent / f"{index}.png"
        grey = np.asarray(Image.open(path).convert("L"), dtype=np.uint16) * 16
        grey[0, 0] = 4095
        Image.fromarray(grey).save(path)
    run, images = tmp_path / "run", in_test(table)
    train_run(configure(table, "none"), run)
    assert_as_in_training(run, stacked(predict_images(run, images)))
    header = read_header(run / "model.safetensors")
    assert header.levels == Levels(4095)
    assert json.loads((run / "config.json").read_text())["white"] == 4095
    assert "12 bits in 16-bit files, 4,095 is white" in (run / "README.md").read_text()
    # A brighter one is of another scale than the network has seen.
    Image.fromarray(np.full((40, 40), 50_000, dtype=np.uint16)).save(images[1])
    skipped: list[str] = []
    assert len([*predict_images(run, images, skip=skipped.append)]) == len(images) - 1
    assert skipped == [
        f"{images[1]}: has the value 50,000, and the run was trained on images of 12 bits in "
        f"16-bit files, 4,095 is white; scale it as they are"
    ]


def test_a_model_of_before_levels_were_told_saw_all_16_bits(table: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_run(configure(table, "none"), run)
    path = run / "model.safetensors"
    assert read_header(path).levels is None
    dark = tmp_path / "dark.png"
    Image.fromarray(np.full((40, 40), 3000, dtype=np.uint16)).save(dark)
    with pytest.raises(
        UserError, match=r"no value above 3,000, and the run was trained on .* 8 bi"
    ):
        list(predict_images(run, [dark]))
    with safe_open(path, framework="pt") as file:
        metadata = {n: v for n, v in file.metadata().items() if n not in ("levels", "crc32")}
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(weights, path, metadata=metadata)
    assert read_header(path).levels == Levels(FULL, is_detected=False)
    assert_as_in_training(run, stacked(predict_images(run, in_test(table))))


def test_given_masks(own_masks: Path, tmp_path: Path) -> None:
    run, images = tmp_path / "run", in_test(own_masks)
    train_run(configure(own_masks), run)
    masks = mask_folder(own_masks, images)
    assert_as_in_training(run, stacked(predict_images(run, images, 7, masks)))
    with pytest.raises(UserError, match=r"network sees given maps; name the folder .* `maps`"):
        predict_images(run, images)
    with pytest.raises(UserError, match="none: cannot be read as a folder of masks: No such file"):
        predict_images(run, images, maps=tmp_path / "none")
    # Masks of other images give other scores: the test above can fail.
    for index, name in enumerate(image.stem for image in images):
        other = images[index - 1].stem
        shutil.copy(own_masks.parent / f"{other}-map.png", masks / f"{name}.png")
    changed = stacked(predict_images(run, images, 7, masks)) - read_test_scores(run)[1]
    assert np.abs(changed).max() > 1e-3


def test_images_without_their_mask(own_masks: Path, tmp_path: Path) -> None:
    run, images = tmp_path / "run", in_test(own_masks)
    train_run(configure(own_masks), run)
    masks = mask_folder(own_masks, images)
    (masks / f"{images[2].stem}.png").unlink()
    predictions = predict_images(run, images, 2, masks)
    assert [next(predictions).name for _ in range(2)] == [str(image) for image in images[:2]]
    with pytest.raises(UserError, match=f"{images[2]}: has no mask in"):
        next(predictions)
    namesake = tmp_path / "other" / images[0].name
    namesake.parent.mkdir()
    shutil.copy(images[0], namesake)
    with pytest.raises(UserError, match="Predict images of one name apart"):
        list(predict_images(run, [images[0], namesake], maps=masks))
    shutil.copy(masks / f"{images[0].stem}.png", masks / f"{images[0].stem}.webp")
    with pytest.raises(UserError, match="are masks of one name; keep one"):
        predict_images(run, images, maps=masks)


def test_a_network_with_an_indicator_is_told_which_images_have_no_mask(
    own_masks: Path, tmp_path: Path
) -> None:
    run, images = tmp_path / "run", in_test(own_masks)
    bare = images[::3]
    text = own_masks.read_text()
    for image in bare:
        text = text.replace(f"\n{image.stem}.png,{image.stem}-map.png", f"\n{image.stem}.png,")
    own_masks.write_text(text)
    train_run(configure(own_masks), run)
    masks = mask_folder(own_masks, [image for image in images if image not in bare])
    predictions = list(predict_images(run, images, 7, masks))
    assert_as_in_training(run, stacked(iter(predictions)))
    lacking = [prediction.name for prediction in predictions if prediction.lacks_mask]
    assert lacking == [str(image) for image in bare]
    # An empty mask is another thing than none.
    for image in bare:
        Image.new("L", (40, 40)).save(masks / f"{image.stem}.png")
    changed = stacked(predict_images(run, images, 7, masks)) - read_test_scores(run)[1]
    assert np.abs(changed[::3]).max() > 1e-3
    assert all(prediction.lacks_mask for prediction in predict_images(run, images))


def test_several_regions(own_masks: Path, tmp_path: Path) -> None:
    run, images = tmp_path / "run", in_test(own_masks)
    for index in range(90):
        path = own_masks.parent / f"{index}-map.png"
        mask = np.asarray(Image.open(path)) // 255
        mask[:8] = 2
        Image.fromarray(mask).save(path)
    described = own_masks.parent / "data.yaml"
    described.write_text("table: products.csv\nregions: {low: 1, high: 2}\n")
    train_run(configure(described), run)
    masks = tmp_path / "masks"
    for index, region in enumerate(("low", "high"), 1):
        (masks / region).mkdir(parents=True)
        for image in images:
            mask = np.asarray(Image.open(own_masks.parent / f"{image.stem}-map.png"))
            drawn = np.where(mask == index, 255, 0).astype(np.uint8)
            Image.fromarray(drawn).save(masks / region / f"{image.stem}.png")
    assert_as_in_training(run, stacked(predict_images(run, images, 7, masks)))
    Image.new("L", (40, 39)).save(masks / "high" / f"{images[0].stem}.png")
    with pytest.raises(UserError, match="40 x 39 pixels beside one of 40 x 40"):
        list(predict_images(run, images, maps=masks))
    (masks / "high" / f"{images[0].stem}.png").unlink()
    with pytest.raises(UserError, match=f"{images[0]}: has no mask of region 'high'"):
        list(predict_images(run, images, maps=masks))
    with pytest.raises(UserError, match="a folder for each of the regions low, high"):
        predict_images(run, images, maps=masks / "low")


def test_predicted_maps_come_from_the_run_alone(table: Path, tmp_path: Path) -> None:
    run, images = tmp_path / "run", in_test(table)
    config = configure(table)
    segmenter = SegmenterConfig(
        architecture="fpn", encoder="test_resnet", pretrained=False, epochs=1, batch_size=8
    )
    train_segmenter(config.data, segmenter, tmp_path / "segmenter")
    predicted = {"source": "predicted", "segmenter": str(tmp_path / "segmenter")}
    train_run(configure(table, semantic_map=predicted, epochs=3), run)
    shutil.rmtree(tmp_path / "segmenter")
    assert_as_in_training(run, stacked(predict_images(run, images, batch_size=8)))
    for path in (run / "segmenter").glob("*.safetensors"):
        weights = load_file(path)
        save_file({name: value.zero_() for name, value in weights.items()}, path)
    changed = stacked(predict_images(run, images, batch_size=8)) - read_test_scores(run)[1]
    assert np.abs(changed).max() > 1e-3, "the maps matter"
    shutil.rmtree(run / "segmenter")
    with pytest.raises(UserError, match="run: lacks the folder 'segmenter'"):
        predict_images(run, images)


def test_an_image_is_turned_as_its_exif_says(own_masks: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train_run(configure(own_masks), run)
    upright = np.random.default_rng(0).integers(0, 255, (30, 50, 3), dtype=np.uint8)
    mask = np.zeros((30, 50), dtype=np.uint8)
    mask[:10, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    masks, image = tmp_path / "masks", tmp_path / "photo.png"
    masks.mkdir()
    Image.fromarray(mask).save(masks / "photo.png")

    def score(pixels: np.ndarray, exif: Image.Exif | None = None) -> np.ndarray:
        Image.fromarray(pixels).save(image, exif=exif)
        return stacked(predict_images(run, [image], maps=masks))

    expected = score(upright)
    np.testing.assert_allclose(score(np.rot90(upright), exif), expected, atol=1e-6)
    assert np.abs(score(upright[::-1]) - expected).max() > 1e-3
    # A mask as it was stored is turned along.
    Image.fromarray(np.rot90(mask)).save(masks / "photo.png")
    np.testing.assert_allclose(score(np.rot90(upright), exif), expected, atol=1e-6)


def test_an_endless_list_is_read_no_more_than_three_batches_ahead(
    table: Path, tmp_path: Path
) -> None:
    train_run(configure(table, "none"), tmp_path / "run")
    image, asked = in_test(table)[0], count()
    endless = (image for _ in asked)
    predictions = predict_images(tmp_path / "run", endless, batch_size=4)
    for _ in range(41):
        next(predictions)
    assert next(asked) <= 44 + 2 * 4 + 1


def test_unreadable_images_end_it_after_those_before_or_are_skipped(
    table: Path, tmp_path: Path
) -> None:
    train_run(configure(table, "none"), tmp_path / "run")
    images = in_test(table)[:5]
    images[3] = tmp_path / "broken.jpg"
    images[3].write_bytes(b"no image")
    predictions = predict_images(tmp_path / "run", images, batch_size=2)
    assert [next(predictions).name for _ in range(3)] == [str(image) for image in images[:3]]
    with pytest.raises(UserError, match=r"broken.jpg: cannot be decoded as an image"):
        next(predictions)
    said: list[str] = []
    kept = list(predict_images(tmp_path / "run", images, batch_size=2, skip=said.append))
    assert [p.name for p in kept] == [str(image) for image in images if image != images[3]]
    assert len(said) == 1
    assert "broken.jpg" in said[0]


def test_what_is_wrong_with_a_run_is_said(table: Path, tmp_path: Path) -> None:
    run, images = tmp_path / "run", in_test(table)

    def wrong(folder: Path) -> str:
        with pytest.raises(UserError) as caught:
            predict_images(folder, images)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert (
        "nothing: no such folder; expected one that `sedn train` or `sedn combine` wrote"
        in wrong(tmp_path / "nothing")
    )
    assert "holds no finished run" in wrong(tmp_path)
    train_run(configure(table, "none"), run)
    model = run / "model.safetensors"
    whole = model.read_bytes()
    model.write_bytes(whole[:-100])
    assert "model.safetensors: cannot be read as a model" in wrong(run)
    model.write_bytes(whole.replace(b'"has_indicator"', b'"has_indicatar"'))
    assert "its header lacks 'has_indicator'" in wrong(run)
    model.write_bytes(whole.replace(b"backbone.conv1.0.weight", b"backbone.conv2.0.weight"))
    assert "model.safetensors: the file is damaged" in wrong(run)
    model.unlink()
    assert "model.safetensors: no such model" in wrong(run)
    (run / "summary.json").unlink()
    assert "run: its run is not finished; run the same `sedn train` again" in wrong(run)
    shuffled = configure(table, semantic_map={"control": "shuffled"})
    train_run(shuffled, tmp_path / "shuffled")
    assert "shuffled) that cannot score single ones" in wrong(tmp_path / "shuffled")


def test_folders_are_searched_by_name(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/10.png", "b/c/1.webp", "a.jpeg", "c.txt", ".hidden.png", "d/x.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [str(path.relative_to(tmp_path)) for path in find_images([tmp_path])]
    assert found == ["a.jpeg", "b/10.png", "b/2.JPG", "b/c/1.webp"]
    named = [tmp_path / "c.txt", tmp_path / "b" / "c"]
    assert list(find_images(named)) == [tmp_path / "c.txt", tmp_path / "b" / "c" / "1.webp"]
    with pytest.raises(UserError, match="d: holds no image; expected JPEG, PNG, WebP, TIFF"):
        list(find_images([tmp_path / "d"]))
    with pytest.raises(UserError, match="no image: name files or folders"):
        list(find_images([]))
