"""A contact sheet of the images on which a trial errs most, label by label, with their maps."""

import io

from PIL import Image, ImageDraw, ImageFont

from results.database.models import Trial
from results.error_pictures import Pictures, draw_error_pictures
from results.largest_errors import MOST_IMAGES, ImageError, LabelErrors, find_largest_errors
from results.predictions import read_predictions
from sedn.errors import UserError
from sedn.style import INK, MUTED, number_text, one_line
from sedn.training.checkpoints.storage import StorageFault

SIDE, GAP = 150, 10
HEAD, CAPTION = 30, 40
"""Heights of the line above a label's images, and of the two lines below each."""
TOP = 56
MOST_OF_TEXT = 200
"""Characters of a text that are tried; no more could fit."""
WIDTH = MOST_IMAGES * (SIDE + GAP) + GAP


def draw_sheet(trial: Trial) -> bytes:
    """The sheet of a complete trial, JPEG; where it cannot be made, a picture of the reason."""
    try:
        errors = find_largest_errors(read_predictions(trial))
        pictures = draw_error_pictures(trial, errors, SIDE)
    except (UserError, StorageFault, OSError) as error:
        return _written(_of_words(f"Trial {trial.number}: no images to show.", str(error)))
    if not errors:
        return _written(_of_words(f"Trial {trial.number}: no label has an AUC.", ""))
    return _written(draw_errors(trial.number, errors, pictures))


def draw_errors(number: int, errors: list[LabelErrors], pictures: Pictures) -> Image.Image:
    """The images of ``errors``, by trial ``number``, with their maps."""
    row_height = HEAD + SIDE + CAPTION
    sheet = Image.new("RGB", (WIDTH, TOP + len(errors) * row_height), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, 10), f"Trial {number}: largest errors", INK, _font(18))
    legend = "Labels with the lowest AUC first; below each image what the network gives."
    draw.text((GAP, 34), legend, MUTED, _font(12))
    for place, of_label in enumerate(errors):
        top = TOP + place * row_height
        head = f"{_fitted(draw, of_label.label, WIDTH - 140, 15)}   AUC {number_text(of_label.auc)}"
        draw.text((GAP, top + 6), head, INK, _font(15))
        for column, one in enumerate(of_label.images):
            corner = (GAP + column * (SIDE + GAP), top + HEAD)
            _add_image(sheet, draw, corner, one, pictures.get(one.image))
    return sheet


def _add_image(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    error: ImageError,
    picture: Image.Image | None,
) -> None:
    """An image with its map, and below it the truth, what the network says, and the file."""
    left, top = corner
    if picture is None:
        draw.rectangle((left, top, left + SIDE, top + SIDE), "#eef0f3")
        draw.text((left + 8, top + 8), "cannot be read", MUTED, _font(12))
    else:
        sheet.paste(picture, corner)
    draw.text((left, top + SIDE + 3), error.line, INK, _font(12))
    draw.text((left, top + SIDE + 19), _fitted(draw, error.image, SIDE, 10), MUTED, _font(10))


def _of_words(head: str, text: str) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, 120), "white")
    draw = ImageDraw.Draw(picture)
    draw.text((GAP, 14), head, INK, _font(16))
    words, lines = one_line(text), list[str]()
    while words and len(lines) < 4:
        lines.append(words[:140])
        words = words[140:]
    draw.text((GAP, 42), "\n".join(lines), MUTED, _font(12))
    return picture


def _fitted(draw: ImageDraw.ImageDraw, text: str, width: int, size: int) -> str:
    """The end of a text that fits: of a path it tells more than the beginning."""
    shown = one_line(text)[-MOST_OF_TEXT:]
    if shown == one_line(text) and draw.textlength(shown, _font(size)) <= width:
        return shown
    while shown and draw.textlength(f"…{shown}", _font(size)) > width:
        shown = shown[1:]
    return f"…{shown}"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _written(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
