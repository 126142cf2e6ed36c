"""Pascal VOC's folders of XML."""

from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.voc.description import VocDescription
from sedn.data.formats.voc.voc import read_voc
from sedn.data.formats.voc.voc_recognition import recognise_devkit, recognise_loose_voc

VOC = DataFormat(
    title="Pascal VOC",
    description=VocDescription,
    read=read_voc,
    paths=("root", "splits"),
    of_folder=recognise_devkit,
    may_be=recognise_loose_voc,
)
