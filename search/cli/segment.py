"""`sedn segment`: a segmenter that predicts the semantic maps."""

from pathlib import Path
from typing import Annotated, Any

import typer

from search.cli.console import open_terminal
from search.cli.data_fields import READING_FLAGS, Reading
from search.cli.fields import takes
from search.cli.options import DataOption, JsonOption, SkipOption, absolute, print_json

err = open_terminal(stderr=True)


@takes(READING_FLAGS, reading=Reading)
def segment(
    output: Annotated[
        Path,
        typer.Option(
            "-o", help="Folder to write the segmenter to; an unfinished one there is resumed."
        ),
    ],
    reading: dict[str, Any],
    data: DataOption = "digits-in-clutter",
    image_size: Annotated[
        int, typer.Option(help="Side of the square that images are resized to, in pixels.")
    ] = 224,
    architecture: Annotated[
        str, typer.Option(help="Architecture of the networks: unet or fpn.")
    ] = "unet",
    encoder: Annotated[
        str, typer.Option(help="Encoder of the networks: a timm model.")
    ] = "resnet18",
    pretrained: Annotated[bool, typer.Option(help="Start from pretrained weights of timm.")] = True,
    weights: Annotated[
        str, typer.Option(help="Start from the encoder's weights in this file.")
    ] = "",
    folds: Annotated[
        int,
        typer.Option(
            help="Number of parts of the training images; each has a network that has not seen it."
        ),
    ] = 2,
    epochs: Annotated[int, typer.Option(help="Largest number of epochs of a network.")] = 30,
    learning_rate: Annotated[
        float, typer.Option(help="Learning rate of AdamW at the start.")
    ] = 1e-3,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    split_seed: Annotated[
        int, typer.Option(help="Seed of the splits, for data without their own.")
    ] = 0,
    skip_unreadable: SkipOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train a segmenter on the training masks; `semantic_map.source: predicted` uses it."""
    from search.cli.images import ImageBar
    from search.cli.live import fold_line
    from sedn.config import DataConfig
    from sedn.config.reading import build_group
    from sedn.data import prepare_dataset
    from sedn.segmentation.config import SegmenterConfig
    from sedn.segmentation.segmenter import check_segmenter, train_segmenter

    network = {
        "architecture": architecture,
        "encoder": encoder,
        "pretrained": pretrained,
        "weights": weights,
    }
    training = {"folds": folds, "epochs": epochs, "learning_rate": learning_rate, "seed": seed}
    config = build_group(SegmenterConfig, network | training, "segmenter")
    dataset = build_group(
        DataConfig,
        {
            "path": absolute(data),
            "image_size": image_size,
            "split_seed": split_seed,
            "skip_unreadable": skip_unreadable,
            **reading,
        },
        "--data",
    )
    check_segmenter(config, output)
    with ImageBar(err) as bar:
        prepare_dataset(dataset, bar.show)
    summary = train_segmenter(
        dataset, config, output, lambda epoch: err.print(fold_line(epoch, config))
    )
    if as_json:
        print_json(summary.to_json())
