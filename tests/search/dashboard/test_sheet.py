"""The contact sheet shows the images that are named, as far as they are to be had."""

import numpy as np

from results.error_pictures import draw_pictures
from results.largest_errors import ImageError, LabelErrors
from search.dashboard.sheet import GAP, HEAD, SIDE, TOP, draw_errors
from sedn.data.check.subject import Images, Sample
from sedn.errors import UserError
from tests.search.dashboard.published import HOSTILE

COLOURS = {"white.png": 255, "grey.png": 128, "broken.png": 0}


def look(row: int, size: int) -> Sample:
    name = list(COLOURS)[row]
    if name == "broken.png":
        raise UserError("broken.png: cannot be read")
    image = np.full((size, size, 3), COLOURS[name], dtype=np.uint8)
    return Sample("", size, size, image, np.zeros((1, size, size), dtype=np.uint8))


IMAGES = Images(tuple(COLOURS), 32, look)


def test_each_image_stands_in_its_place_and_one_that_is_gone_leaves_a_gap() -> None:
    names = ["grey.png", "broken.png", "elsewhere.png", "white.png"]
    errors = [LabelErrors(HOSTILE, 0.6, tuple(ImageError(n, True, 0.1) for n in names))] * 2
    sheet = draw_errors(3, errors, draw_pictures(IMAGES, names, SIDE))
    for label in range(2):
        top = TOP + label * (sheet.height - TOP) // 2 + HEAD + SIDE // 2
        middles = [sheet.getpixel((GAP + i * (SIDE + GAP) + SIDE // 2, top)) for i in range(5)]
        gap = (238, 240, 243)
        assert middles == [(128,) * 3, gap, gap, (255,) * 3, (255,) * 3]


def test_names_of_any_length_fit() -> None:
    long = LabelErrors("x" * 2000, 0.5, (ImageError("deep/" * 400, False, 0.9),))
    assert draw_errors(0, [long], {}).width < 1200
