"""A table with a row for each image, or for each label of an image."""

from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.table.description import TableDescription
from sedn.data.formats.table.table import read_table
from sedn.data.formats.table.table_recognition import recognise_table_file, recognise_tables

TABLE = DataFormat(
    title="a table",
    description=TableDescription,
    read=read_table,
    paths=("table", "images", "maps", "splits"),
    of_file=recognise_table_file,
    may_be=recognise_tables,
    # A CSV beside COCO's JSON says something else of the images.
    yields_to=("coco", "fashionpedia"),
)
