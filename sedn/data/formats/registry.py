"""The formats of data, by the name that ``format:`` in a ``data.yaml`` has.

The path of data is shown to them in this order.
"""

from sedn.data.formats.coco import COCO, FASHIONPEDIA
from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.huggingface import HUGGING_FACE
from sedn.data.formats.open_images import OPEN_IMAGES
from sedn.data.formats.table import TABLE
from sedn.data.formats.voc import VOC
from sedn.data.formats.yolo import YOLO

FORMATS: dict[str, DataFormat] = {
    "huggingface": HUGGING_FACE,
    "coco": COCO,
    "fashionpedia": FASHIONPEDIA,
    "table": TABLE,
    "voc": VOC,
    "yolo": YOLO,
    "open-images": OPEN_IMAGES,
}
