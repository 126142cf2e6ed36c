"""The images on which the first of the ranking errs most, as pictures where they are to be had."""

import base64
import io

from PIL import Image

from results.database.models import Trial
from results.error_pictures import Pictures, draw_error_pictures
from results.largest_errors import EXPLAINED, ImageError, LabelErrors, find_largest_errors
from results.report.calibration import without_scores
from results.report.contents import Findings
from sedn import page
from sedn.errors import UserError
from sedn.style import number_text

SIDE = 112
"""Of a picture, in pixels."""
MOST_BYTES = 300_000
"""Of all pictures in the page; what comes beyond has its name alone."""


def errors_section(findings: Findings) -> str:
    """The section of the page."""
    if not findings.scored:
        return page.section("errors", "Largest errors", without_scores(findings.not_scored), "")
    first = findings.scored[0]
    trial = next(one for one in findings.listed if one.number == first.trial)
    errors = find_largest_errors(first.predictions)
    pictures, reason = _read(trial, errors)
    text = f"Of {first.title}, trial {first.trial}. {EXPLAINED}"
    if reason:
        text += f" The names stand alone, as the images cannot be shown: {reason}"
    elif pictures:
        text += " Colours are the regions of the map."
    return page.section("errors", "Largest errors", text, _labels(errors, _encoded(pictures)))


def _read(trial: Trial, errors: list[LabelErrors]) -> tuple[Pictures, str]:
    """The pictures, or why there are none."""
    try:
        pictures = draw_error_pictures(trial, errors, SIDE)
    except (UserError, OSError) as error:
        return {}, f"{str(error).rstrip('.')}."
    if not pictures and errors:
        return {}, "none of them is in the data set as it is now."
    return pictures, ""


def _encoded(pictures: Pictures) -> dict[str, str]:
    """Each picture as an address that holds it, as far as there is room for them."""
    addresses: dict[str, str] = {}
    room = MOST_BYTES
    for name, picture in pictures.items():
        address = f"data:image/jpeg;base64,{_jpeg(picture)}"
        room -= len(address)
        if room < 0:
            break
        addresses[name] = address
    return addresses


def _jpeg(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=72, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _labels(errors: list[LabelErrors], addresses: dict[str, str]) -> str:
    if not errors:
        return page.paragraph("No label has an AUC.")
    return "".join(
        f"<h3>{page.text(label.label)}, AUC {number_text(label.auc)}</h3>"
        f'<ul class="thumbnails">'
        f"{''.join(_image(one, addresses.get(one.image)) for one in label.images)}</ul>"
        for label in errors
    )


def _image(error: ImageError, address: str | None) -> str:
    name = page.text(error.image)
    picture = ""
    if address is not None:
        picture = f'<img width="{SIDE}" height="{SIDE}" alt="" src="{address}">'
    return f'<li>{picture}{page.text(error.line)}<div class="quiet">{name}</div></li>'
