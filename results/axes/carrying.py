"""The labels of trials that were trained on, as they were when all could be compared.

The store has a label's AUC after a trial's last epoch, and the mean AUC after every epoch. The
scheduler chooses by the mean who is trained on. To compare trials trained equally long would hold
the lucky of one value against all of another: a label would seem to suffer from what helps the
others. So each label of a trial that was trained on is carried back to the epoch that all reached.
There the label lay as far from the trial's mean AUC, in proportion to how far that was above
chance, but for what the label gained later than others. The latter is one number for each label
and length of training, learned from trials of equal axes and equal mean AUC at the common epoch,
between which the scheduler did not choose. A trial that was stopped there needs no carrying. The
effects on the labels average to the effect on the mean AUC.
"""

from dataclasses import replace

import numpy as np

from results.axes.axis import make_axis
from results.axes.model import Design
from sedn.arrays import Floats

CHANCE, LEAST_ABOVE = 0.5, 0.01
"""The AUC of a guess; a mean AUC that is nearer to that is taken for so far above."""


def carry_back(
    design: Design, aucs: Floats, means: Floats, last_means: Floats, epochs: Floats
) -> tuple[Design, Floats]:
    """The labels' AUC after the common epoch, and the design that knows what that cost.

    Args:
        design: of the configurations.
        aucs: ``(configurations, labels)``: after the last epoch of each.
        means: ``(configurations,)``: mean AUC after the common epoch.
        last_means: ``(configurations,)``: mean AUC after the last epoch of each.
        epochs: ``(configurations,)``: the last epoch of each.
    """
    above = (means - CHANCE) / np.maximum(last_means - CHANCE, LEAST_ABOVE)
    near = np.where(epochs > epochs.min(), np.clip(above, 0.0, 1.0), 1.0)
    moved = means[:, None] + near[:, None] * (aucs - last_means[:, None])
    longer = _longer(epochs)
    if not longer.shape[1]:
        return design, moved
    alike = np.column_stack([design.basis, means - means.mean()])
    alike = np.linalg.qr(alike)[0]
    rest = longer - alike @ (alike.T @ longer)
    to_gains = np.linalg.pinv(rest, rcond=1e-8).T
    weights = design.weights - to_gains @ (longer.T @ design.weights)
    # The columns that the weights are made of, those of the model first.
    beyond = to_gains - design.basis @ (design.basis.T @ to_gains)
    left, sizes, _ = np.linalg.svd(beyond, full_matrices=False)
    more = left[:, sizes > 1e-8 * max(float(sizes.max(initial=0.0)), 1e-300)]
    span = np.column_stack([design.basis, more])
    carried = replace(design, weights=weights, span=span, carried=more.shape[1])
    return carried, np.asarray(moved - longer @ (to_gains.T @ moved))


def _longer(epochs: Floats) -> Floats:
    """``(configurations, lengths)``: which were trained beyond the first epoch, and how far."""
    axis = make_axis("epochs", [int(epoch) for epoch in epochs])
    return np.empty((len(epochs), 0)) if axis is None else np.asarray(axis.weights[:, 1:])
