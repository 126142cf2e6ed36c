"""Writing a run as an ONNX file that is known to score as torch does."""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sedn.errors import UserError
from sedn.export.graph import EnsembleGraph, ScoringGraph, scoring_graph
from sedn.export.verification import largest_difference
from sedn.extras import check_extra
from sedn.files import write_bytes
from sedn.prediction.predictor import load_predictor
from sedn.run.model_file import ModelHeader

IMAGES = 100
"""On which the file is checked before it is written."""
TOLERANCE = 1e-4
"""How far its logits may be from torch's."""


@dataclass(frozen=True)
class OnnxExport:
    """A file that was checked and written."""

    path: Path
    inputs: tuple[str, ...]
    images: int
    """Number of images of the run's validation split on which the file was compared with torch."""
    largest_difference: float
    """Between a logit of the file and torch's."""


def export_onnx(run_folder: Path, path: Path, tolerance: float = TOLERANCE) -> OnnxExport:
    """Write the finished run in ``run_folder`` as one ONNX file at ``path``.

    Its inputs are ``images`` (batch, 3, H, W), RGB from 0 to 1, and for a run with given maps
    ``maps`` (batch, regions, H, W) from 0 to 1, with one channel more, 1 where an image has a map
    and else 0, if some image of the run's data has none. Its outputs are ``logits`` and calibrated
    ``probabilities`` (batch, labels). Its metadata tell labels, thresholds and the rest.

    The file is compared with torch, in float32 on the CPU, on up to 100 images of the run's
    validation split before it gets its name.

    Args:
        run_folder: what ``sedn train`` or ``sedn combine`` wrote.
        path: of the file.
        tolerance: how far a logit may be from torch's.

    Raises:
        UserError: the extra ``onnx`` is not installed, the run or its data cannot be had, torch
            cannot export the network, or the logits differ; there is no file then.
    """
    check_extra("export to ONNX", "onnx")
    predictor = load_predictor(run_folder, torch.device("cpu"))
    graph = scoring_graph(predictor).eval()
    with tempfile.TemporaryDirectory() as part:
        file = Path(part) / "model.onnx"
        _write(graph, predictor.header, file)
        images, difference = largest_difference(file, predictor, graph.takes_maps, IMAGES)
        if not difference <= tolerance:
            raise UserError(
                f"{path}: not written: its logits differ from torch's by up to {difference:.2g} on "
                f"{images} images of validation; {tolerance:g} is allowed"
            )
        write_bytes(path, file.read_bytes())
    return OnnxExport(path, _inputs(graph), images, difference)


def _inputs(graph: ScoringGraph | EnsembleGraph) -> tuple[str, ...]:
    return ("images", "maps") if graph.takes_maps else ("images",)


def _write(graph: ScoringGraph | EnsembleGraph, header: ModelHeader, file: Path) -> None:
    size = header.config.data.image_size
    channels = {"images": 3, "maps": len(header.regions) + header.has_indicator}
    # Two, as torch would take a batch of one for one of always one.
    examples = tuple(torch.rand(2, channels[name], size, size) for name in _inputs(graph))
    batch = torch.export.Dim("batch", min=1)
    try:
        with _quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                graph,
                examples,
                dynamo=True,
                dynamic_shapes=tuple({0: batch} for _ in examples),
                input_names=_inputs(graph),
                output_names=("logits", "probabilities"),
                verbose=False,
            )
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"backbone '{header.config.backbone.name}': torch cannot export this network to ONNX: "
            f"{reason}"
        ) from error
    program.model.metadata_props.update(_metadata(header))
    program.save(file)


def _metadata(header: ModelHeader) -> dict[str, str]:
    """The metadata that a reader of the scores needs; values other than text as JSON."""
    return {
        "labels": json.dumps(header.labels),
        "thresholds": json.dumps(header.calibration.thresholds),
        "temperature": json.dumps(header.calibration.temperature),
        "regions": json.dumps(header.regions),
        "has_indicator": json.dumps(header.has_indicator),
        "map_source": header.config.map_source,
        "image_size": json.dumps(header.config.data.image_size),
        "white": json.dumps(header.levels and header.levels.white),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch and onnxscript say of their own doings."""
    loggers = [logging.getLogger(name) for name in ("onnxscript", "onnx_ir", "torch.onnx")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
