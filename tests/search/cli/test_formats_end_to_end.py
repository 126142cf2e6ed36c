"""Data of every format: checked, searched, trained on, and its images predicted."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from results.database.store import open_store
from results.export import export_config
from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import DataConfig, build_config
from sedn.data import load_dataset
from sedn.data.check import check_data
from sedn.prediction.images import find_images
from sedn.prediction.predict import predict_images
from sedn.run.finishing import read_test_scores
from sedn.run.train import train_run
from tests.sedn.data.fixtures import CLASSES, WITHOUT_MAPS, WRITERS, draw_picture
from tests.sedn.data.formats import test_coco_attributes, test_voc_exports, test_yolo_exports
from tests.sedn.data.formats.test_coco_exports import EXPORTS

SPACE = """\
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  embedding: {placement: stage3}
  semantic_map: {source: auxiliary}
  epochs: 2
  batch_size: 12
axes:
  optimizer.learning_rate: {float: [3.0e-3, 1.0e-2], log: true}
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
@pytest.mark.parametrize("kind", WRITERS)
def test_data_of_a_format_goes_all_the_way(kind: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = str(WRITERS[kind](tmp_path / "data"))
    checked = check_data(DataConfig(path=data, image_size=32))
    assert checked.trainable, checked.findings
    assert len(checked.subject.labels) == 3

    (tmp_path / "tiny.yaml").write_text(SPACE)
    url = f"sqlite:///{tmp_path}/sedn.db"
    outcome = run_search(
        "tiny",
        str(tmp_path / "tiny.yaml"),
        SearchSettings(data=data, trials=2),
        url,
        Resources(backend="local", storage_path=str(tmp_path / "trials")),
    )
    assert outcome.finished
    assert [str(trial.state) for trial in open_store(url).trials(1)] == ["COMPLETE"] * 2

    fields = yaml.safe_load(export_config(open_store(url), "tiny", trial=1))
    summary = train_run(build_config(fields, kind), tmp_path / "run")
    assert list(summary.label_auc) == list(checked.subject.labels)

    _, logits = read_test_scores(tmp_path / "run")
    names = load_dataset(build_config(fields, kind).data).splits["test"].names
    if kind == "hugging face":
        # Its images lie inside of its tables.
        draw_picture(0).save(tmp_path / "one.png")
        (one,) = predict_images(tmp_path / "run", find_images([tmp_path / "one.png"]))
        assert np.isfinite(one.logits).all()
        return
    root = Path(data) if Path(data).is_dir() else Path(data).parent
    found = find_images([root / name for name in names])
    predicted = np.stack([p.logits for p in predict_images(tmp_path / "run", found)])
    assert predicted == pytest.approx(logits, abs=1e-5)


def export(write: Callable[[Path], object]) -> Callable[[Path], Path]:
    """A writer that gives the folder that it was given."""

    def written(folder: Path) -> Path:
        write(folder)
        return folder

    return written


TOOLS = {
    **WITHOUT_MAPS,
    **{name: export(EXPORTS[name][0]) for name in ("CVAT", "Roboflow", "FiftyOne", "Label Studio")},
    "CVAT's attributes": export(test_coco_attributes.cvat),
    "Roboflow's Pascal VOC": export(test_voc_exports.roboflow),
    "Roboflow's YOLO": export(test_yolo_exports.roboflow),
}


@pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning:pycocotools")
@pytest.mark.parametrize("kind", TOOLS)
def test_exports_of_tools_go_from_their_path_to_predictions(kind: str, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = TOOLS[kind](tmp_path / "data")
    assert check_data(DataConfig(path=str(data), image_size=32)).trainable
    fields = {
        "data": {"path": str(data), "image_size": 32},
        "backbone": {"name": "test_resnet", "pretrained": False},
        "epochs": 1,
        "batch_size": 12,
    }
    config = build_config(fields, kind)
    summary = train_run(config, tmp_path / "run")
    attributes = {"colour=blue", "colour=red", "striped"}
    assert set(summary.label_auc) == (attributes if "attributes" in kind else set(CLASSES))
    names = [Path(name).name for name in load_dataset(config.data).splits["test"].names]
    found = find_images([next((tmp_path / "data").rglob(name)) for name in names])
    predicted = np.stack([p.logits for p in predict_images(tmp_path / "run", found)])
    assert predicted == pytest.approx(read_test_scores(tmp_path / "run")[1], abs=1e-5)
