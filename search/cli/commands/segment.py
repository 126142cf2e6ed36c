"""`sedn segment`: a segmenter that predicts the semantic maps."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel, Field

from search.cli.console import open_terminal
from search.cli.data_fields import READING_FLAGS, Preparation, Reading, build_data
from search.cli.fields import takes
from search.cli.options import DataOption, JsonOption, print_json
from sedn.files import absolute_path

err = open_terminal(stderr=True)


class Networks(BaseModel):
    """The fields of a segmenter that are options."""

    architecture: str = Field("unet", description="Architecture of the networks: unet or fpn.")
    encoder: str = Field("resnet18", description="Encoder of the networks: a timm model.")
    pretrained: bool = Field(True, description="Start from pretrained weights of timm.")
    weights: str = Field("", description="Start from the encoder's weights in this file.")
    folds: int = Field(
        2,
        description="Number of parts of the training images; each has a network that has not "
        "seen it.",
    )
    epochs: int = Field(30, description="Largest number of epochs of a network.")
    learning_rate: float = Field(1e-3, description="Learning rate of AdamW at the start.")
    seed: int = Field(0, description="Seed of the training.")


@takes(READING_FLAGS, networks=Networks, preparation=Preparation, reading=Reading)
def segment(
    output: Annotated[
        Path,
        typer.Option(
            "-o", help="Folder to write the segmenter to; an unfinished one there is resumed."
        ),
    ],
    networks: dict[str, Any],
    preparation: dict[str, Any],
    reading: dict[str, Any],
    data: DataOption = "digits-in-clutter",
    as_json: JsonOption = False,
) -> None:
    """Train a segmenter on the training masks; `semantic_map.source: predicted` uses it."""
    from search.cli.images import ImageBar
    from search.cli.live import fold_line
    from sedn.config.reading import build_group
    from sedn.data import prepare_dataset
    from sedn.segmentation.config import SegmenterConfig
    from sedn.segmentation.segmenter import check_segmenter, train_segmenter

    config = build_group(SegmenterConfig, networks, "segmenter")
    dataset = build_data(absolute_path(data), preparation | reading, "--data")
    check_segmenter(config, output)
    with ImageBar(err) as bar:
        prepare_dataset(dataset, bar.show)
    summary = train_segmenter(
        dataset, config, output, lambda epoch: err.print(fold_line(epoch, config))
    )
    if as_json:
        print_json(summary.to_json())
