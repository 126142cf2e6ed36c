"""Data sets that Hugging Face's ``datasets`` saved, or that the hub keeps as Parquet."""

from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.huggingface.huggingface import HuggingFaceDescription, read_hugging_face
from sedn.data.formats.huggingface.saved_recognition import recognise_parquet, recognise_saved

HUGGING_FACE = DataFormat(
    title="Hugging Face's datasets",
    description=HuggingFaceDescription,
    read=read_hugging_face,
    paths=("root", "splits"),
    of_file=recognise_parquet,
    of_folder=recognise_saved,
)
