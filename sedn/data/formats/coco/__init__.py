"""COCO's JSON of instances, and Fashionpedia's."""

from sedn.data.formats.coco.coco import CocoDescription, read_coco
from sedn.data.formats.coco.coco_recognition import recognise_coco_file, recognise_coco_folder
from sedn.data.formats.data_format import DataFormat

COCO = DataFormat(
    title="COCO",
    description=CocoDescription,
    read=read_coco,
    paths=("annotations", "images", "splits"),
    of_file=recognise_coco_file,
    may_be=recognise_coco_folder,
)
# The recognised fields of a path name the one of the two formats.
FASHIONPEDIA = DataFormat(
    title="Fashionpedia",
    description=CocoDescription,
    read=read_coco,
    paths=COCO.paths,
)
