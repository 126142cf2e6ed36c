"""What `sedn importance` finds where the truth is known, beside Optuna's importance evaluators.

``python -m benchmarks.importance`` draws searches of the demo space by TPE, in memory, whose AUC is
made up: of nothing but luck, of one placement that helps, or of a fusion that helps. Beside how
often the right axis comes first, the table has what each method says of a search without any
effect. Then the time for 10,000 configurations and 100 labels. The last line is JSON.
"""

import json
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.importance import (
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)

from results.axes.axis import make_axis
from results.axes.model import estimate, make_design
from search.samplers.choosing import make_samplers
from search.samplers.drawing import draw
from search.settings import SearchSettings
from spaces import Space, load_space

Reached = Callable[[dict[str, Any]], float]

SEEDS, TRIALS = 20, 100
NOISE = 0.01
TRUTHS: dict[str, tuple[str | None, Reached]] = {
    "nothing": (None, lambda params: 0.0),
    "placement": (
        "embedding.placement",
        lambda params: 0.02 * ("stage1" in params["embedding.placement"]),
    ),
    "fusion": ("embedding.fusion", lambda params: 0.02 * (params.get("embedding.fusion") == "add")),
}
"""The axis that matters, and what a configuration gains."""


def search(space: Space, seed: int, reached: Reached) -> optuna.Study:
    """A search by TPE over a made-up AUC."""
    settings = SearchSettings(trials=TRIALS, seed=seed, sampler="tpe")
    samplers = make_samplers(settings, space)
    study = optuna.create_study(direction="maximize")
    random = np.random.default_rng(seed)
    for number in range(TRIALS):
        trial = study.ask()
        params = draw(space, trial, samplers(number))
        study.tell(trial, 0.8 + reached(params) + NOISE * random.normal())
    return study


def by_sedn(study: optuna.Study) -> tuple[dict[str, float], set[str]]:
    """The share of each axis, and those that are found."""
    params = [trial.params for trial in study.trials]
    paths = dict.fromkeys(path for one in params for path in one)
    made = [make_axis(path, [one.get(path) for one in params]) for path in paths]
    design = make_design([axis for axis in made if axis is not None])
    effects = estimate(design, np.array([[trial.value] for trial in study.trials], dtype=float))
    shares = {axis.path: float(effects.share[i, 0]) for i, axis in enumerate(design.axes)}
    rows = [i for i in range(len(design.contrasts)) if effects.p[i, 0] < 0.05]
    return shares, {design.axes[design.contrasts[i].axis].path for i in rows}


def by_optuna(study: optuna.Study, evaluator: Any) -> dict[str, float]:
    """The importance of each axis that Optuna judges."""
    return get_param_importances(study, evaluator=evaluator)


def time_large(configurations: int, labels: int) -> tuple[float, float]:
    """Seconds, and the peak of memory in GB, for so many."""
    space = load_space("demo")
    random = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    rows = [space.sample(random.ask()) for _ in range(configurations)]
    paths = dict.fromkeys(path for one in rows for path in one)
    aucs = 0.8 + 0.01 * np.random.default_rng(0).normal(size=(configurations, labels))
    started = time.perf_counter()
    made = [make_axis(path, [one.get(path) for one in rows]) for path in paths]
    estimate(make_design([axis for axis in made if axis is not None]), aucs)
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Print the tables, then one line of JSON."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = load_space("demo")
    evaluators = {
        "fANOVA": lambda seed: FanovaImportanceEvaluator(seed=seed),
        "PED-ANOVA": lambda seed: PedAnovaImportanceEvaluator(),
    }
    said: dict[str, Any] = {}
    print(f"{SEEDS} searches of {TRIALS} trials each; right: the axis comes first")
    for name, (axis, reached) in TRUTHS.items():
        right, tops = dict.fromkeys(["sedn", *evaluators], 0), dict[str, list[float]]()
        found, wrong, judged = 0, 0, set[str]()
        for seed in range(SEEDS):
            study = search(space, seed, reached)
            shares, mattering = by_sedn(study)
            found += axis in mattering
            wrong += bool(mattering - {axis})
            all_shares = {"sedn": shares}
            all_shares |= {one: by_optuna(study, make(seed)) for one, make in evaluators.items()}
            for method, values in all_shares.items():
                right[method] += max(values, key=lambda path: values[path]) == axis
                tops.setdefault(method, []).append(max(values.values()))
            judged |= set(all_shares["fANOVA"])
        top = {method: round(float(np.median(values)), 2) for method, values in tops.items()}
        print(f"{name}: right {right}; found {found}, another axis found {wrong}; largest {top}")
        print(f"  Optuna judges {len(judged)} of {len(space.axes)} axes")
        said[name] = {"right": right, "found": found, "wrong": wrong, "largest": top}
    seconds, memory = time_large(10_000, 100)
    print(f"10,000 configurations x 100 labels: {seconds:.1f} s, {memory:.2f} GB at the peak")
    said["large"] = {"seconds": round(seconds, 1), "gigabytes": round(memory, 2)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
