"""Images and label files, as for YOLO."""

from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.yolo.yolo import YoloDescription, read_yolo
from sedn.data.formats.yolo.yolo_recognition import describe_yolo, recognise_yolo

YOLO = DataFormat(
    title="YOLO",
    description=YoloDescription,
    read=read_yolo,
    paths=("images", "splits"),
    may_be=recognise_yolo,
    of_yaml=describe_yolo,
)
