"""CSVs of Open Images."""

from collections.abc import Callable
from pathlib import Path

from tests.sedn.data.shapes.truth import FLAGS, LABELS, ROWS, Shape, save


def open_images(images: range) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        save(folder / "train", images, "jpg")
        classes = [f"/m/{k},{name}\n" for k, name in enumerate(LABELS)]
        (folder / "classes.csv").write_text("LabelName,DisplayName\n" + "".join(classes))
        lines = [f"img_{i:03d},verification,/m/{k},{v}\n" for i in ROWS
                 for k, v in enumerate(FLAGS[i])]  # fmt: skip
        (folder / "labels.csv").write_text("ImageID,Source,LabelName,Confidence\n" + "".join(lines))
        (folder / "data.yaml").write_text(
            "format: open-images\nclasses: classes.csv\nimages: train\nimage_labels: labels.csv\n"
        )

    return write


SHAPES: dict[str, Shape] = {
    "whole": Shape(open_images(ROWS)),
    "a part of the images": Shape(
        open_images(ROWS[:25]), rows=ROWS[:25], refused="5 missing files", skip=True
    ),
}
