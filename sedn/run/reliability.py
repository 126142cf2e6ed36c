"""The reliability of a run's probabilities on the test split, as a self-contained page."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sedn import page
from sedn.files import write_text
from sedn.metrics import Reliability, calibrate, reliability, temperature_warning
from sedn.run.calibration import Calibration
from sedn.style import AXIS, BLUE, FAINT, MUTED, layout, share_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

RELIABILITY = "reliability.html"


def write_reliability(
    targets: NDArray[np.float32],
    logits: NDArray[np.float32],
    calibration: Calibration,
    folder: Path,
) -> None:
    """Write the page into the run's folder, from both ``(images, labels)`` of the test split."""
    before = reliability(targets, calibrate(logits, 1.0))
    after = reliability(targets, calibration.probabilities(logits))
    html = reliability_page(folder.name, before, after, calibration.temperature)
    write_text(folder / RELIABILITY, html)


def reliability_page(name: str, before: Reliability, after: Reliability, temperature: float) -> str:
    """The page as HTML: how often what is predicted is true, without and with the temperature."""
    cards = [
        page.card(
            "Temperature",
            f"{temperature:.3f}",
            temperature_warning(temperature) or "fitted on held-out images",
        ),
        page.card("Error before", share_text(before.error), "expected calibration error"),
        page.card("Error after", share_text(after.error), "expected calibration error"),
        page.card("Predictions", f"{int(after.counts.sum()):,}", "a label of a test image each"),
    ]
    header = f'<h1>{page.text(name)}</h1><div class="cards">{"".join(cards)}</div>'
    section = page.section(
        "reliability",
        "Reliability on the test split",
        "Predictions in bins by their probability: where the points lie on the dashed line, a "
        "probability of 30 % is right in 30 % of the cases. Labels whose truth is unknown take no "
        "part.",
        page.figure(
            _figure(before, after),
            "reliability",
            "No label of the test split is known.",
            "Share that is true by predicted probability",
        )
        + _bins(before, after),
    )
    now = f"{datetime.now(UTC):%-d %B %Y, %H:%M} UTC"
    return page.document(f"{name}: reliability", header, [section], f"<p>Written {now}.</p>")


def _figure(before: Reliability, after: Reliability) -> "go.Figure | None":
    from plotly.subplots import make_subplots

    if not after.counts.any():
        return None
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3],
                           vertical_spacing=0.05)  # fmt: skip
    figure.update_layout(layout(620, barmode="group", bargap=0.2))
    figure.update_xaxes(AXIS | {"range": [0, 1], "tickformat": ".0%"})
    figure.update_yaxes(AXIS)
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfect", hoverinfo="skip",
                       line={"color": FAINT, "dash": "dash"}, row=1, col=1)  # fmt: skip
    for title, bins, colour in (
        ("before the temperature", before, MUTED), ("after", after, BLUE)
    ):  # fmt: skip
        _add(figure, title, bins, colour)
    figure.update_yaxes(title_text="share that is true", range=[-0.02, 1.02], tickformat=".0%",
                        row=1, col=1)  # fmt: skip
    figure.update_yaxes(
        title_text="predictions",
        type="log",
        dtick=1,
        range=[0, math.log10(2 * max(before.counts.max(), after.counts.max()))],
        row=2,
        col=1,
    )
    return figure.update_xaxes(title_text="predicted probability", row=2, col=1)


def _add(figure: "go.Figure", title: str, bins: Reliability, colour: str) -> None:
    filled = bins.counts > 0
    counts = bins.counts[filled]
    figure.add_scatter(
        x=bins.predicted[filled],
        y=bins.observed[filled],
        mode="lines+markers",
        name=title,
        marker={"color": colour, "size": 8},
        line={"color": colour, "width": 1.5},
        customdata=counts,
        hovertemplate="predicted %{x:.1%}, true %{y:.1%}, %{customdata:,} predictions"
        f"<extra>{title}</extra>",
        row=1,
        col=1,
    )
    width = 1 / len(bins.counts)
    middles = [(number + 0.5) * width for number in filled.nonzero()[0]]
    figure.add_bar(
        x=middles,
        y=counts,
        marker={"color": colour},
        showlegend=False,
        hovertemplate="%{y:,} predictions" + f"<extra>{title}</extra>",
        row=2,
        col=1,
    )


def _bins(before: Reliability, after: Reliability) -> str:
    """The reliability diagram as a table of numbers."""
    heads = ["probability"]
    heads += [f"{title}.{what}" for title in ("before", "after")
              for what in ("predictions", "predicted", "true")]  # fmt: skip
    bins = len(after.counts)
    rows = []
    for number in range(bins):
        cells = [f"{share_text(number / bins, 0)} to {share_text((number + 1) / bins, 0)}"]
        for part in (before, after):
            shares = (float(part.predicted[number]), float(part.observed[number]))
            cells += [f"{part.counts[number]:,}", *map(share_text, shares)]
        rows.append(cells)
    return page.table(heads, rows, right=heads[1:])
