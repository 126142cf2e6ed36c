"""CSVs of Open Images, which a ``data.yaml`` names."""

from sedn.data.formats.data_format import DataFormat
from sedn.data.formats.open_images.description import OpenImagesDescription
from sedn.data.formats.open_images.open_images import read_open_images

OPEN_IMAGES = DataFormat(
    title="Open Images",
    description=OpenImagesDescription,
    read=read_open_images,
    paths=("images", "image_labels", "classes", "segmentations", "masks", "boxes", "splits"),
)
