"""The result of a combination in a few sentences."""

from results.held_out import measured_on
from search.combination.running import Combination, Difference
from sedn.metrics import SIGNIFICANCE
from sedn.style import number_text


def answer_lines(combination: Combination) -> list[str]:
    """Describe a combination, and compare it with its best member: on test, then on validation."""
    lines = [_made(combination)]
    if combination.test is not None:
        lines.append(f"On the test split {_beside(combination, combination.test)}")
    if combination.validation is not None:
        where = measured_on(combination.folds)
        lines.append(
            f"{where[0].upper()}{where[1:]} {_beside(combination, combination.validation)} The "
            f"members were chosen on these images, so this is too favourable."
        )
    reads = combination.test_reads
    lines.append(f"Test read {reads} time{'' if reads == 1 else 's'}.")
    return lines


def _made(combination: Combination) -> str:
    best, *others = combination.members
    folds = combination.folds
    if not others:
        return (
            f"No other of {combination.candidates} trials improves {best.title}: the folder has "
            f"{'this network' if folds is None else f'the {folds} networks of its folds'} alone."
        )
    what = "averages the ranks" if combination.kind == "ensemble" else "averages the weights"
    return (
        f"The {combination.kind} {what} of {len(combination.members)} of {combination.candidates} "
        f"trials{'' if folds is None else f', each with the {folds} networks of its folds'}."
    )


def _beside(combination: Combination, compared: Difference) -> str:
    """End a sentence with the two mean AUCs and their difference."""
    best = f"{combination.members[0].title}, the best of its members"
    aucs = f"{number_text(compared.combined)} against {number_text(compared.best)}"
    low, high = (number_text(end, 3, signed=True) for end in (compared.low, compared.high))
    apart = f"{number_text(compared.difference, signed=True)} [{low}, {high}]"
    kind = f"the {combination.kind}"
    if compared.p < SIGNIFICANCE:
        word = "higher" if compared.difference > 0 else "lower"
        return f"{kind} is {word} than {best}, in mean AUC: {aucs}, {apart}."
    return f"{kind} and {best}, do not differ significantly in mean AUC: {aucs}, {apart}."
