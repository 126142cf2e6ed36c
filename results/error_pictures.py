"""The images on which a trial errs most as small pictures, each with its map laid over."""

from collections.abc import Iterable
from functools import lru_cache

from PIL import Image

from results.database.models import Trial
from results.largest_errors import LabelErrors
from sedn.config import DataConfig, build_config
from sedn.data.check.contact_sheet import overlay
from sedn.data.check.subject import Images, open_images
from sedn.errors import UserError

Pictures = dict[str, Image.Image]
"""Square pictures by the names of the images; one that cannot be read is left out."""


def draw_error_pictures(trial: Trial, errors: Iterable[LabelErrors], side: int) -> Pictures:
    """Draw the images of ``errors`` from the data set that the trial was trained on.

    Args:
        trial: whose configuration names the data set.
        errors: of the trial.
        side: of a picture, in pixels.

    Raises:
        UserError: this machine does not reach the data set, or its tables cannot be read.
        OSError: likewise.
    """
    config = build_config(trial.config, f"trial {trial.number}")
    names = [one.image for label in errors for one in label.images]
    return _draw_once(config.data, tuple(names), side)


@lru_cache(maxsize=4)
def _draw_once(data: DataConfig, names: tuple[str, ...], side: int) -> Pictures:
    """A page that is served is made again with each epoch of a search, with the same images."""
    return draw_pictures(open_images(data), names, side)


def draw_pictures(images: Images, names: Iterable[str], side: int) -> Pictures:
    """Draw the images of these names, as far as they are in the data set and can be read."""
    rows = {name: row for row, name in enumerate(images.names)}
    found: Pictures = {}
    for name in dict.fromkeys(names):
        if name not in rows:
            continue
        try:
            sample = images.look(rows[name], images.image_size)
        except (UserError, OSError):
            continue
        picture = Image.fromarray(overlay(sample))
        found[name] = picture.resize((side, side), Image.Resampling.BICUBIC)
    return found
