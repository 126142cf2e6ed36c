"""Whether the leader's probabilities hold on validation."""

from dataclasses import dataclass
from functools import cached_property

import plotly.graph_objects as go

from results.database.models import Trial
from results.held_out import images_of
from results.predictions import Predictions, read_predictions
from sedn import page
from sedn.errors import UserError
from sedn.metrics import Reliability, calibrate, reliability
from sedn.style import AXIS, BLUE, FAINT, INK, layout, share_text


@dataclass(frozen=True)
class Scored:
    """A trial's scores of the validation images."""

    title: str
    trial: int
    predictions: Predictions

    @cached_property
    def reliability(self) -> Reliability:
        """How often what the network predicts is true, as it was trained: no temperature fitted."""
        return reliability(self.predictions.targets, calibrate(self.predictions.scores, 1.0))


def read_scored(trials: dict[str, Trial]) -> tuple[list[Scored], str]:
    """The scores of trials by their titles, and why those of others cannot be read."""
    scored, reason = [], ""
    for title, trial in trials.items():
        try:
            scored.append(Scored(title, trial.number, read_predictions(trial)))
        except (UserError, OSError) as error:
            reason = str(error)
    return scored, reason


def without_scores(reason: str) -> str:
    """What stands in place of a section that is made of scores; ``reason`` may be empty."""
    return f"Not known: {reason}." if reason else "No trial has kept its scores yet."


def calibration_section(scored: list[Scored], reason: str) -> str:
    """The section of the page."""
    if not scored:
        return page.section("calibration", "Calibration", without_scores(reason), "")
    errors = "; ".join(f"{one.title} {share_text(one.reliability.error)}" for one in scored)
    folds = max(scored[0].predictions.folds, default=-1) + 1
    by = f", each by that of {folds} networks which did not see the image," if folds else ""
    text = (
        f"Predicted probabilities of the {images_of(folds or None)}{by} in bins, all labels "
        "together: on the dashed line a probability of 30 % is right in 30 % of the cases. As the "
        "networks came from training; `sedn train` fits a temperature. Expected calibration error: "
        f"{errors}."
    )
    content = page.figure(
        reliability_figure(scored), "calibration", "", "Share that is true by predicted probability"
    )
    return page.section("calibration", "Calibration", text, content)


def reliability_figure(scored: list[Scored]) -> go.Figure:
    """The observed share of what was predicted, by the predicted probability."""
    figure = go.Figure(layout=layout(420))
    line = {"color": FAINT, "dash": "dash"}
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", name="perfect", hoverinfo="skip", line=line
    )
    for one, colour in zip(scored, (BLUE, INK), strict=False):
        bins = one.reliability
        filled = bins.counts > 0
        figure.add_scatter(
            x=bins.predicted[filled].round(4).tolist(),
            y=bins.observed[filled].round(4).tolist(),
            mode="lines+markers",
            name=f"{one.title}, trial {one.trial}",
            marker={"color": colour, "size": 8},
            line={"color": colour, "width": 1.5},
            text=[f"{count:,} predictions" for count in bins.counts[filled]],
            hovertemplate="predicted %{x:.1%}, true %{y:.1%}<br>%{text}<extra></extra>",
        )
    figure.update_xaxes(
        AXIS | {"range": [-0.02, 1.02], "tickformat": ".0%"}, title_text="predicted probability"
    )
    figure.update_yaxes(
        AXIS | {"range": [-0.02, 1.02], "tickformat": ".0%"}, title_text="share that is true"
    )
    return figure
