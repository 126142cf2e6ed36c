"""The split of each image, kept with the experiment, so that any later use of it is the same."""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence

from results.database.store import Store


def compress_splits(names: Mapping[str, Sequence[str]]) -> bytes:
    """Names of images by split as a compressed CSV with the columns ``image`` and ``split``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "split"])
    for split, images in names.items():
        writer.writerows((image, split) for image in images)
    # Without the time in the header: equal splits are equal bytes.
    return gzip.compress(text.getvalue().encode("utf-8"), mtime=0)


def export_splits(store: Store, name: str) -> str:
    """The splits that an experiment was run on, as the CSV that a ``data.yaml`` takes.

    Raises:
        UserError: there is no such experiment.
    """
    return gzip.decompress(store.splits(store.experiment(name).id)).decode("utf-8")
