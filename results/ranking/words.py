"""The uncertainty of a ranking in words: the answer that stands before its table."""

from results.columns import Columns
from results.database.models import BASELINE
from results.ranking.standing import Standing
from sedn.style import interval_text, number_text


def standing_lines(standing: Standing, ordered: Columns) -> list[str]:
    """A few sentences, each a line: whether anything is better than the baseline, what may be the
    best, and what fresh images are expected to show of the first.

    Args:
        standing: of the ranking.
        ordered: the whole ranking, with the columns trial, role, feasible, mean_auc, replicates and
            config_hash, the best first.
    """
    feasible = ordered.rows(ordered["feasible"])
    if not len(feasible):
        return []
    if not standing.tied:
        return [f"Which configurations may be the best is not known {standing.unknown}."]
    lines = [_against_baseline(standing, ordered), _level(standing)]
    lines.append(_expected(standing))
    if standing.unknown:
        lines.append(f"Not known {standing.unknown}.")
    if (feasible["replicates"] == 1).all():
        lines.append("Each was trained once: other seeds may order them otherwise.")
    return [line for line in lines if line]


def nothing_is_better(standing: Standing) -> bool:
    """Whether the baseline is known and no configuration is shown to be better."""
    return bool(standing.better) and not any(standing.better.values())


def _against_baseline(standing: Standing, ordered: Columns) -> str:
    plain = ordered["config_hash"][ordered["role"] == BASELINE]
    if not len(plain):
        return "The baseline is not trained yet: whether anything is better is not known."
    if not standing.better:
        if len(ordered) == 1:
            return "Only the baseline is trained to its last epoch yet."
        return "Whether anything is better than the baseline is not known."
    if nothing_is_better(standing):
        return "Nothing is shown to be better than the baseline."
    better = [config for config, is_better in standing.better.items() if is_better]
    furthest = max(better, key=standing.lower_bounds.__getitem__)
    trial = int(ordered["trial"][ordered["config_hash"] == furthest][0])
    least = number_text(standing.lower_bounds[furthest], signed=True)
    many = "1 configuration is" if len(better) == 1 else f"{len(better)} configurations are"
    return f"{many} better than the baseline, trial {trial} by {least} at least (95 %)."


def _level(standing: Standing) -> str:
    level = sum(standing.tied.values())
    if len(standing.tied) < 2:
        return ""
    if level == 1:
        return f"Rank 1 is the best of {len(standing.tied)}: the others are worse (95 %)."
    return (
        f"{level} of {len(standing.tied)} may be the best (≈): {standing.images} "
        "images cannot tell them apart."
    )


def _expected(standing: Standing) -> str:
    first = standing.winner
    if first is None or standing.configurations < 2:
        return ""
    expected = interval_text(first.expected, first.low, first.high)
    return f"On fresh images expect {expected} of rank 1; {number_text(first.optimism)} is luck."
