"""A contact sheet: some images of a data set as it is trained on, maps laid over, labels below."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sedn.data.check.check import DataCheck
from sedn.data.check.subject import Sample, Subject
from sedn.style import count_of

SHOWN = 32
PAIRS = 12
SIDE = 176
"""The side of a thumbnail, in pixels."""
COLOURS = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
)
"""Colours of the regions, in turn: the palette of Okabe and Ito."""
CSS = f"""
.sheet {{ display: grid; gap: 18px 14px;
  grid-template-columns: repeat(auto-fill, minmax({SIDE}px, 1fr)); }}
.sheet figure {{ margin: 0; }} .sheet img {{ display: block; border-radius: 6px; }}
.pairs {{ grid-template-columns: repeat(auto-fill, minmax({2 * SIDE + 4}px, 1fr)); }}
.pair {{ display: flex; gap: 4px; }}
.sheet figcaption {{ font-size: 12.5px; line-height: 1.35; margin-top: 5px;
  overflow-wrap: anywhere; }}
.sheet .quiet {{ font-size: 11.5px; }}
.key i {{ display: inline-block; width: 11px; height: 11px; border-radius: 3px;
  margin: 0 5px 0 14px; }}
"""


def contact_sheet(check: DataCheck) -> str:
    """HTML of up to :data:`SHOWN` images; each label is on one of them where there is room."""
    subject = check.subject
    readable = np.flatnonzero(check.inspection.readable)
    figures = [_figure(subject, row) for row in choose_rows(subject.targets, readable)]
    return f'{_key(subject.regions)}<div class="sheet">{"".join(figures)}</div>'


def pair_sheet(check: DataCheck) -> str:
    """HTML of up to :data:`PAIRS` near duplicates, side by side, those most alike first."""
    subject = check.subject
    pairs = sorted(check.near, key=lambda pair: pair.distance)[:PAIRS]
    figures = [
        f'<figure><div class="pair">{_image(subject, pair.other)}{_image(subject, pair.row)}</div>'
        f"<figcaption>{count_of(pair.distance, 'bit')}"
        f'<div class="quiet">{_placed(subject, pair.other)}<br>{_placed(subject, pair.row)}</div>'
        f"</figcaption></figure>"
        for pair in pairs
    ]
    return f'<div class="sheet pairs">{"".join(figures)}</div>'


def choose_rows(targets: NDArray[np.float32], readable: NDArray[np.int64]) -> list[int]:
    """Rows that show each label, the rarest first, then a spread over the rest, in order.

    Args:
        targets: ``(images, labels)``.
        readable: rows that can be shown.
    """
    positive = targets[readable] == 1
    chosen: list[int] = []
    for label in np.argsort(positive.sum(axis=0), kind="stable"):
        having = readable[positive[:, label]]
        if len(chosen) < SHOWN and len(having) and not np.isin(chosen, having).any():
            chosen.append(int(having[len(having) // 2]))
    rest = np.setdiff1d(readable, chosen)
    room = min(SHOWN - len(chosen), len(rest))
    spread = rest[np.linspace(0, len(rest) - 1, room).astype(int)] if room else []
    return sorted([*chosen, *(int(row) for row in spread)])


def _figure(subject: Subject, row: int) -> str:
    labels = [subject.labels[i] for i in np.flatnonzero(subject.targets[row] == 1)]
    unknown = int(np.isnan(subject.targets[row]).sum())
    notes = [str(subject.splits[row]), subject.names[row]]
    notes += ["no map"] if not subject.map_known[row] else []
    notes += [f"{unknown} unknown"] if unknown else []
    return (
        f"<figure>{_image(subject, row)}<figcaption>"
        f'{escape(", ".join(labels) or "no label")}<div class="quiet">'
        f"{escape(' · '.join(notes))}</div></figcaption></figure>"
    )


def _placed(subject: Subject, row: int) -> str:
    return escape(f"{subject.splits[row]} · {subject.names[row]}")


def _image(subject: Subject, row: int) -> str:
    thumbnail = _thumbnail(subject.look(row, subject.image_size))
    return (
        f'<img width="{SIDE}" height="{SIDE}" alt="{escape(subject.names[row])}" '
        f'src="data:image/jpeg;base64,{thumbnail}">'
    )


def overlay(sample: Sample) -> NDArray[np.uint8]:
    """``(size, size, 3)``: the image with its map laid over, a colour for each region."""
    pixels = sample.image.astype(np.float32)
    for region, colour in zip(sample.region_map, _cycle(len(sample.region_map)), strict=True):
        cover = 0.45 * (region / 255.0)[..., None]
        pixels = pixels * (1 - cover) + np.array(colour, dtype=np.float32) * cover
    return pixels.round().astype(np.uint8)


def _thumbnail(sample: Sample) -> str:
    buffer = io.BytesIO()
    image = Image.fromarray(overlay(sample))
    image.resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _cycle(regions: int) -> list[tuple[int, int, int]]:
    return [COLOURS[i % len(COLOURS)] for i in range(regions)]


def _key(regions: Sequence[str]) -> str:
    named = "".join(
        f'<i style="background: rgb{colour}"></i>{escape(name)}'
        for name, colour in zip(regions, _cycle(len(regions)), strict=True)
    )
    return f'<p class="quiet key">Regions:{named}</p>'
