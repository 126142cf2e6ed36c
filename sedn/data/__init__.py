"""Images, semantic maps and labels: read, cut into splits, decoded once."""

from sedn.data.dataset import SPLITS, Dataset, Split, count_labels
from sedn.data.loading import forget_datasets, load_dataset, prepare_dataset

__all__ = [
    "SPLITS",
    "Dataset",
    "Split",
    "count_labels",
    "forget_datasets",
    "load_dataset",
    "prepare_dataset",
]
