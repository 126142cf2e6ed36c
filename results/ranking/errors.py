"""The joint errors of the mean AUCs of several configurations.

All are scored on the same images, so that a set of images that is hard for one is hard for most:
their errors are correlated, and differences are known better than values. The covariance over
images follows from each image's influence on each mean (:mod:`sedn.metrics.roc`), averaged over
the seeds of a configuration, which share the images. The spread between seeds is each
configuration's own; as few seeds tell little of it, one variance is estimated from all
configurations that have several.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sedn.arrays import Floats


@dataclass(frozen=True)
class Errors:
    """The errors of the mean AUCs of several configurations on the same images."""

    over_images: Floats
    """``(configurations, configurations)``: their covariance over sets of images."""
    image_freedom: float
    """Degrees of freedom of that covariance, where configurations are compared."""
    value_freedom: float
    """The degrees of freedom of a single value: the images of the rarer class of a label, in the
    mean over labels, or fewer where a few images make most of the error, as those on the wrong
    side do near an AUC of 1.
    """
    over_seeds: Floats
    """``(configurations,)``: the variance of each mean over its seeds; 0 where it is not known."""
    seed_freedom: float
    """Degrees of freedom of the spread between seeds; infinite where there is none."""
    of_both: Floats
    """``(configurations,)``: the part of the variance over images by which seeds differ on these
    images. The spread between seeds was measured with the part in it, so its degrees of freedom are
    those of both together.
    """

    @cached_property
    def covariance(self) -> Floats:
        """``(configurations, configurations)``: of both errors together."""
        return self.over_images + np.diag(self.over_seeds)

    def draws(self, count: int, generator: np.random.Generator) -> Floats:
        """``(count, configurations)``: random errors drawn from their joint distribution.

        Normal, but for the size of each draw, which is as uncertain as the variances are: together
        the draws have Student's distribution in many dimensions.
        """
        size = len(self.over_seeds)
        images = generator.standard_normal((count, size)) @ _root(self.over_images).T
        images *= _scales(self.image_freedom, count, generator)
        seeds = generator.standard_normal((count, size)) * np.sqrt(self.over_seeds)
        return np.asarray(images + seeds * _scales(self.seed_freedom, count, generator))

    def of(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Errors":
        """Select the errors of some of the configurations."""
        images = self.over_images[chosen][:, chosen]
        seeds, both = self.over_seeds[chosen], self.of_both[chosen]
        return replace(self, over_images=images, over_seeds=seeds, of_both=both)


def rarer_class(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Images of the rarer class of a label, in the mean over the labels that have both; 1 where no
    label has.

    Args:
        positives: ``(labels,)``: images with each label.
        negatives: ``(labels,)``: images known not to have it.
    """
    rarer = np.minimum(positives, negatives)
    return float(np.mean(rarer[rarer > 0])) if (rarer > 0).any() else 1.0


def estimate(
    values: Floats, influences: Floats, owners: NDArray[np.int64], rarer: float
) -> tuple[Floats, Errors]:
    """Mean AUC of each configuration over its seeds, and the errors of these.

    Args:
        values: ``(trainings,)``: mean AUC of each training.
        influences: ``(trainings, images)``: of each image on it over the number of images, as
            :class:`sedn.training.checkpoints.influence.Influence` has it; all on the same images.
        owners: ``(trainings,)``: the configuration of each, from 0, none left out.
        rarer: as :func:`rarer_class` gives it.
    """
    seeds = np.bincount(owners)
    means = np.bincount(owners, values) / seeds
    averaged = np.zeros((len(seeds), influences.shape[1]))
    np.add.at(averaged, owners, influences)
    averaged /= seeds[:, None]
    over_images = averaged @ averaged.T
    freedom = max(rarer, _images_that_count(averaged - averaged.mean(axis=0)))
    of_values = min(rarer, max(_images_that_count(averaged.mean(axis=0)) - 1, 1.0))
    repeated = seeds > 1
    if not repeated.any():
        return means, Errors(over_images, freedom, of_values, *_no_seeds(len(seeds)))
    # Two trainings differ on these images by more than in truth: what the images add is in the
    # covariance already.
    by_seeds = np.square(values - means[owners]).sum()
    by_images = np.square(influences - averaged[owners]).sum()
    seed_freedom = float((seeds - 1).sum())
    pooled = max(by_seeds - by_images, 0.0) / seed_freedom
    # A single training stands for itself: what other seeds come to is not known of it.
    over_seeds = np.where(repeated, pooled / seeds, 0.0)
    of_both = np.where(repeated, by_images / seed_freedom / seeds, 0.0)
    return means, Errors(over_images, freedom, of_values, over_seeds, seed_freedom, of_both)


def _no_seeds(configurations: int) -> tuple[Floats, float, Floats]:
    """What is known of the spread between seeds where no configuration has several."""
    return np.zeros(configurations), float("inf"), np.zeros(configurations)


def _images_that_count(influences: Floats) -> float:
    """How many images make a variance: where a few, such as a rare label's positives, make most of
    it, they count alone (Satterthwaite).

    Args:
        influences: ``(configurations, images)``, or ``(images,)``.
    """
    weights = np.square(np.atleast_2d(influences)).sum(axis=0)
    return float(weights.sum() ** 2 / np.square(weights).sum()) if weights.any() else 1.0


def _root(covariance: Floats) -> Floats:
    """A matrix whose product with its transpose is the covariance, also of one without rank."""
    try:
        # In a tenth of the time of the eigenvalues.
        return np.asarray(np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _scales(freedom: float, count: int, generator: np.random.Generator) -> Floats:
    if not np.isfinite(freedom):
        return np.ones((count, 1))
    return np.asarray(np.sqrt(freedom / generator.chisquare(freedom, (count, 1))))
