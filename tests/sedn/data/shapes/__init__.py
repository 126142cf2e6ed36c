"""Small data sets in shapes that tools export and people report, all with one truth."""

from tests.sedn.data.shapes.coco import COCO
from tests.sedn.data.shapes.masks import MASKS
from tests.sedn.data.shapes.open_images import OPEN_IMAGES
from tests.sedn.data.shapes.saved import HUGGING_FACE
from tests.sedn.data.shapes.tables import TABLES
from tests.sedn.data.shapes.truth import Shape

SHAPES: dict[str, Shape] = {
    f"{kind}: {name}": shape
    for kind, shapes in {
        "table": TABLES, "masks": MASKS, "COCO": COCO, "Hugging Face": HUGGING_FACE,
        "Open Images": OPEN_IMAGES,
    }.items()
    for name, shape in shapes.items()
}  # fmt: skip
