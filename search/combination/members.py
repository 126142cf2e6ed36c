"""The members of a combination: networks whose ranks or whose weights are averaged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.combining import Candidate, Choice, choose_members
from search.confirmation.testing import Restored, restore_trial
from sedn.errors import UserError
from sedn.metrics import auc
from sedn.registry import describe_source
from sedn.run.soup import Soup, architecture


@dataclass(frozen=True)
class SoupChoice:
    """The average of the weights of several networks."""

    choice: Choice
    network: Restored
    """The network of the best candidate, with the averaged weights."""
    validation: NDArray[np.float32]
    """``(images, labels)``: logits of the averaged network."""


def usable(
    candidates: Sequence[Candidate], on_notice: Callable[[str], None]
) -> tuple[Candidate, ...]:
    """Select the candidates that can score one new image together, in their order.

    Raises:
        UserError: these are fewer than two.
    """
    kept: list[Candidate] = []
    for one in candidates:
        why_not = _why_not(one, kept[0] if kept else None)
        if why_not is None:
            kept.append(one)
        else:
            on_notice(f"Trial {one.trial.number} is left out: {why_not}")
    if len(kept) < 2:
        raise UserError("fewer than two trials are left to combine; ask for more by `top`")
    return tuple(kept)


def choose_ensemble(candidates: Sequence[Candidate]) -> Choice:
    """Choose the members of an ensemble by their scores on validation."""
    first = candidates[0].predictions
    scores = [one.predictions.scores for one in candidates]
    return choose_members(first.targets, scores, first.numbered_folds)


def make_soup(
    candidates: Sequence[Candidate],
    on_notice: Callable[[str], None],
    on_step: Callable[[int, int], None],
) -> SoupChoice:
    """Average weights, the best candidate's first; another joins where the mean AUC on validation
    does not fall (greedy soup of Wortsman et al., Model soups, ICML 2022). The statistics of
    BatchNorm are computed anew for each average.

    Args:
        candidates: the best first.
        on_notice: called with a line on candidates of another architecture.
        on_step: called with the number of candidates that have been tried, and of all.

    Raises:
        UserError: no other candidate has the architecture of the best, a checkpoint is gone, or the
            candidates were trained over folds.
    """
    _check_no_folds(candidates[0])
    best = restore_trial(candidates[0].trial, candidates[0].folder)
    truth = best.dataset.splits["validation"].truth
    own = best.network.state_dict()
    soup, scores, shapes = Soup.of(own), best.score("validation"), architecture(own)
    members, mean_aucs, unlike = [0], [auc(truth, scores).mean], list[int]()
    for place, one in enumerate(candidates[1:], start=1):
        weights = restore_trial(one.trial, one.folder).network.state_dict()
        if architecture(weights) == shapes:
            tried = soup.stirred(weights)
            best.network.load_state_dict(tried.weights)
            best.renew_statistics()
            tried_scores = best.score("validation")
            mean_auc = auc(truth, tried_scores).mean
            if mean_auc >= mean_aucs[-1]:
                soup, scores = tried, tried_scores
                members.append(place)
                mean_aucs.append(mean_auc)
        else:
            unlike.append(one.trial.number)
        on_step(place, len(candidates) - 1)
    _report_unlike(candidates, unlike, on_notice)
    best.network.load_state_dict(soup.weights)
    if len(members) > 1:
        best.renew_statistics()
    return SoupChoice(Choice(tuple(members), tuple(mean_aucs)), best, scores)


def _check_no_folds(candidate: Candidate) -> None:
    if candidate.predictions.folds:
        raise UserError(
            "`soup`: the networks of a trial over folds saw different images, so no image is left "
            "to judge their average by; leave `soup` out to average ranks"
        )


def _report_unlike(
    candidates: Sequence[Candidate], unlike: Sequence[int], on_notice: Callable[[str], None]
) -> None:
    """Report the trials of another architecture than the best, which may not be all others."""
    if len(unlike) == len(candidates) - 1:
        raise UserError(
            f"`soup`: no other of the {len(candidates)} trials has the architecture of trial "
            f"{candidates[0].trial.number}, the best; ask for more by `top`, or leave `soup` out"
        )
    if unlike:
        listed = ", ".join(map(str, sorted(unlike)))
        on_notice(f"Trials of another architecture than the best are left out: {listed}")


def _why_not(one: Candidate, first: Candidate | None) -> str | None:
    """Say in a clause why a candidate cannot be combined; ``None`` where it can."""
    config = one.config
    if why_not := describe_source(config.map_source).why_no_scores:
        return why_not
    if first is None:
        return None
    leading = first.config
    if config.data != leading.data:
        sizes = config.data.image_size, leading.data.image_size
        if sizes[0] != sizes[1]:
            return (
                f"it sees images of {sizes[0]} pixels, and trial {first.trial.number} of {sizes[1]}"
            )
        return f"its data are described otherwise than those of trial {first.trial.number}"
    return None
