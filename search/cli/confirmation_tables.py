"""The result of a confirmation, as tables of eighty columns."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from results.confirmed import gain_interval_text
from sedn.style import interval_text, share_text

if TYPE_CHECKING:
    from results.confirmation import Confirmed, Score
    from search.confirmation.running import Confirmation


def split_table(confirmation: "Confirmation", split: str) -> Table:
    """The configurations on one split, in the order of the search's ranking."""
    shown = split
    if split == "validation" and confirmation.folds is not None:
        shown = f"{confirmation.folds} folds"
    table = Table(
        title=f"{confirmation.name}: {shown}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("configuration", overflow="fold", min_width=18)
    for head in ("mean AUC [95 %]", "difference [95 %]", "P(best)"):
        table.add_column(head, justify="right", no_wrap=True)
    for one in confirmation.confirmed:
        score = _score(one, split)
        table.add_row(
            one.title,
            interval_text(score.mean_auc, score.low, score.high),
            "–" if score.gain is None else gain_interval_text(score),
            share_text(score.probability_best, 0),
            style="cyan" if one is confirmation.baseline else None,
        )
    return table


CAPTION = (
    "Intervals are over images, and over seeds where there are several. Those of the\n"
    "differences to the baseline hold for all configurations together."
)


def _score(one: "Confirmed", split: str) -> "Score":
    score = one.validation if split == "validation" else one.test
    assert score is not None
    return score
