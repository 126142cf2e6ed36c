"""What an empty trial costs: this project's search beside stock Ray Tune with its OptunaSearch.

Both run trials of three epochs that train nothing, one at a time for each core, with ASHA and an
SQLite file. Starting Ray and its workers is not counted: each side runs a short and a longer
search, and the difference in wall time is divided by the difference in trials.

    python benchmarks/overhead.py [--trials 100] [--stock-trials 24]
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from search.run import run_search
from search.settings import Resources, SearchSettings
from sedn.config import TrainingConfig
from sedn.training.bounds import Bounds
from sedn.training.result import EpochResult

EPOCHS = 3
GOAL_SECONDS = 0.2


def empty_train(
    config: TrainingConfig, folder: str, after_epoch: int, bounds: Bounds
) -> Iterator[EpochResult]:
    """Three epochs of nothing, better or worse by the learning rate."""
    for epoch in range(after_epoch + 1, config.epochs + 1):
        auc = min(0.99, 0.5 + 0.1 * epoch + config.optimizer.learning_rate)
        yield EpochResult(
            epoch=epoch,
            mean_auc=auc,
            mean_auc_stderr=0.01,
            label_auc={"label": auc},
            label_auc_stderr={"label": 0.01},
            train_loss=1.0 / epoch,
            seconds=0.0,
            parameters=1,
        )


def ours(trials: int, folder: Path) -> float:
    """Wall seconds of our search, database and all."""
    started = time.perf_counter()
    run_search(
        f"overhead-{trials}",
        "demo",
        SearchSettings(trials=trials, epochs=EPOCHS),
        f"sqlite:///{folder}/ours.db",
        Resources(storage_path=str(folder)),
        train=_by_value(empty_train),
    )
    return time.perf_counter() - started


def stock(trials: int, folder: Path) -> float:
    """Wall seconds of Tune with OptunaSearch as its documentation has it, study in SQLite."""
    import optuna
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    def objective(config: dict[str, Any]) -> None:
        for epoch in range(1, EPOCHS + 1):
            tune.report({"mean_auc": min(0.99, 0.5 + 0.1 * epoch + config["learning_rate"])})

    started = time.perf_counter()
    ray.init(address="local", include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/stock-{trials}.db")
    tuner = tune.Tuner(
        objective,
        param_space={"learning_rate": tune.loguniform(1e-4, 1e-1)},
        tune_config=tune.TuneConfig(
            metric="mean_auc",
            mode="max",
            num_samples=trials,
            search_alg=OptunaSearch(storage=storage, study_name=f"stock-{trials}"),
            scheduler=ASHAScheduler(max_t=EPOCHS),
        ),
        run_config=tune.RunConfig(name=f"stock-{trials}", storage_path=str(folder), verbose=0),
    )
    tuner.fit()
    ray.shutdown()
    return time.perf_counter() - started


def per_trial(search: Callable[[int, Path], float], few: int, many: int, folder: Path) -> float:
    """Seconds for each trial beyond the first ``few``."""
    return (search(many, folder) - search(few, folder)) / (many - few)


def _by_value(function: Callable[..., Any]) -> Callable[..., Any]:
    """Send the function itself to the workers: they cannot import this script."""
    from ray import cloudpickle

    return cloudpickle.loads(cloudpickle.dumps(function))


def main() -> None:
    """Measure both, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--stock-trials", type=int, default=24)
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        stock_seconds = per_trial(stock, 6, options.stock_trials, Path(folder))
        our_seconds = per_trial(ours, 10, options.trials, Path(folder))
    print(f"{'seconds per empty trial of three epochs':45} {'trials':>7} {'seconds':>9}")
    print(f"{'Ray Tune + OptunaSearch, defaults':45} {options.stock_trials:7} {stock_seconds:9.3f}")
    print(f"{'sedn search, results store included':45} {options.trials:7} {our_seconds:9.3f}")
    ratios = {
        "seconds_per_empty_trial": {"value": our_seconds, "goal": GOAL_SECONDS, "at_most": True},
        "stock_over_ours": {"value": stock_seconds / our_seconds, "goal": 1.0, "at_most": False},
    }
    print(json.dumps({"ratios": ratios}))


if __name__ == "__main__":
    main()
