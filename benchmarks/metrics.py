"""The AUC of many labels, with intervals, beside torchmetrics and scikit-learn without.

All score the same images in one process, in turns, on two threads at most; the fastest of several
turns counts. Ours gives each label's interval by DeLong and the error of the mean over images.

    python benchmarks/metrics.py [--images 40000] [--labels 80] [--turns 7]
"""

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torchmetrics.functional.classification import multilabel_auroc

from sedn.metrics import auc, average_precision, bootstrap_mean, label_intervals

THREADS = 2
GOAL = 5.0
AGREEMENT = 1e-12

Arrays = tuple[NDArray[np.float32], NDArray[np.float32]]
Labels = NDArray[np.float64]


def make_scores(images: int, labels: int) -> Arrays:
    """Targets of 1 to 30 % prevalence and probabilities, both (images, labels)."""
    rng = np.random.default_rng(0)
    prevalence = rng.uniform(0.01, 0.3, labels)
    targets = (rng.random((images, labels)) < prevalence).astype(np.float32)
    logits = 1.5 * targets + rng.normal(size=(images, 1)) + rng.normal(size=(images, labels)) - 2
    return targets, (1 / (1 + np.exp(-logits))).astype(np.float32)


def ours(targets: NDArray[np.float32], scores: NDArray[np.float32]) -> Labels:
    estimate = auc(targets, scores)
    label_intervals(estimate)
    return estimate.labels


def scikit_learn(targets: NDArray[np.float32], scores: NDArray[np.float32]) -> Labels:
    return np.asarray(roc_auc_score(targets, scores, average=None))


def torchmetrics(targets: NDArray[np.float32], scores: NDArray[np.float32]) -> Labels:
    areas = multilabel_auroc(
        torch.from_numpy(scores),
        torch.from_numpy(targets).long(),
        num_labels=targets.shape[1],
        average="none",
        thresholds=None,
    )
    return np.asarray(areas, dtype=np.float64)


def race(
    functions: list[Callable[..., Labels]], arrays: Arrays, turns: int
) -> tuple[list[float], list[Labels]]:
    """Least seconds of each function, and what it gave; a first turn of each is not timed."""
    results = [function(*arrays) for function in functions]
    seconds = [float("inf")] * len(functions)
    for _ in range(turns):
        for i, function in enumerate(functions):
            started = time.perf_counter()
            function(*arrays)
            seconds[i] = min(seconds[i], time.perf_counter() - started)
    return seconds, results


def main() -> None:
    """Race all three, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--labels", type=int, default=80)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(THREADS)
    arrays = make_scores(options.images, options.labels)
    seconds, areas = race([ours, scikit_learn, torchmetrics], arrays, options.turns)
    names = ["sedn, with intervals", "scikit-learn", "torchmetrics"]
    differences = [float(np.abs(other - areas[0]).max()) for other in areas]
    print(f"{f'AUC of {options.images} x {options.labels}':32} {'seconds':>8} {'difference':>11}")
    for name, taken, difference in zip(names, seconds, differences, strict=True):
        print(f"{name:32} {taken:8.3f} {difference:11.1e}")
    for name, more in (("average precision", average_precision), ("bootstrap", bootstrap_mean)):
        started = time.perf_counter()
        more(*arrays)
        print(f"{f'sedn, {name}':32} {time.perf_counter() - started:8.3f}")
    peer = min(seconds[1:])
    ratios = {
        "peer_over_ours": {"value": peer / seconds[0], "goal": GOAL, "at_most": False},
        "difference": {"value": differences[1], "goal": AGREEMENT, "at_most": True},
    }
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
