"""Data sets of Hugging Face's: saved, as Parquet of the hub, and as a folder of images."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.sedn.data.shapes.tables import MULTI_HOT, NAMED
from tests.sedn.data.shapes.truth import (
    COUNT,
    FLAGS,
    LABELS,
    LISTED,
    NAMES,
    ROWS,
    TARGETS,
    WIDE,
    Shape,
    in_thirds,
    picture,
    save,
    two_thirds,
)


def encoded(i: int) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.fromarray(picture(i)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{i}.png"}


def saved(parts: Mapping[str, range] | None = None, kind: str = "classes",
          place: str = "saved") -> Callable[[Path], None]:  # fmt: skip
    """A data set, or one of several parts, as ``datasets`` saves it."""

    def write(folder: Path) -> None:
        import datasets

        datasets.disable_progress_bars()
        cells = [FLAGS[i] for i in ROWS]
        feature: Any = datasets.List(datasets.Value("float32" if kind == "floats" else "int64"))
        if kind in ("classes", "extra"):
            cells = [np.flatnonzero(row).tolist() for row in TARGETS]
            feature = datasets.List(datasets.ClassLabel(names=list(LABELS)))
        columns: dict[str, Any] = {"image": [encoded(i) for i in ROWS], "labels": cells}
        features = {"image": datasets.Image(), "labels": feature}
        if kind == "extra":
            columns |= {"image_id": list(ROWS), "width": [WIDE] * COUNT}
            features |= dict.fromkeys(("image_id", "width"), datasets.Value("int64"))
        whole = datasets.Dataset.from_dict(columns, features=datasets.Features(features))
        if place.endswith(".parquet"):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            whole.to_parquet(folder / place)
        elif parts is None:
            whole.save_to_disk(str(folder / place))
        else:
            cut = {name: whole.select(rows) for name, rows in parts.items()}
            datasets.DatasetDict(cut).save_to_disk(str(folder / place))

    return write


def image_folder(folder: Path) -> None:
    save(folder / "train")
    lines = [json.dumps({"file_name": NAMES[i], "labels": LISTED[i]}) for i in ROWS]
    (folder / "train/metadata.jsonl").write_text("\n".join(lines) + "\n")


THIRDS = {"train": ROWS[:20], "minival": ROWS[20:25], "test": ROWS[25:]}
SHAPES: dict[str, Shape] = {
    "saved": Shape(saved(), "saved"),
    "saved, other columns": Shape(saved(kind="extra"), "saved"),
    "saved, train alone": Shape(saved({"train": ROWS}), "saved", split=lambda i: "train"),
    "saved, train and test": Shape(
        saved({"train": ROWS[:20], "test": ROWS[20:]}), "saved", split=two_thirds
    ),
    "saved, minival": Shape(saved(THIRDS), "saved", split=in_thirds),
    "saved, 1 and 0": Shape(saved(kind="flags"), "saved", refused=MULTI_HOT, settled=NAMED),
    "saved, 1.0 and 0.0": Shape(saved(kind="floats"), "saved", refused=MULTI_HOT, settled=NAMED),
    "the hub's Parquet": Shape(
        saved(place="data/train-00000-of-00001.parquet"), split=lambda i: "train"
    ),
    "image folder": Shape(image_folder),
}
