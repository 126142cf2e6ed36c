"""Schedulers of Syne Tune in a process of their own, which answers lines of JSON.

Run by the interpreter of an environment that has Syne Tune, see ``benchmarks/peers/``, and by
:mod:`benchmarks.efficiency_syne_tune`; no module of the project is imported here. Each line is a
request, and each has one line as its answer:

- ``{"begin": METHOD, "space": [...], "epochs": E, "seed": S}``: ``{}``; a new search.
- ``{"draw": N, "may_be_new": true}``: ``{"new": {...}}``, the parameters of trial N, or
  ``{"resume": M}``, the trial that goes on, or ``{}`` where only a new trial is left to draw.
- ``{"report": N, "epoch": E, "auc": A}``: ``{"goes_on": true}``, or false where the trial is
  stopped or paused.
- ``{"complete": N, "epoch": E, "auc": A}``: ``{}``.

Where Syne Tune raises, the answer is ``{"error": TEXT}``.

The caller keeps the virtual time, so that no delay of Syne Tune's own simulator is counted.
"""

import datetime
import json
import logging
import sys
import traceback
import warnings
from typing import Any

Scheduler = Any
METRIC, RESOURCE, MOST = "auc", "epoch", "epochs"


def describe(axis: dict[str, Any]) -> Any:
    """The domain of an axis; numbers to choose from are in order, as Syne Tune advises."""
    from syne_tune import config_space as domains

    if "choices" in axis:
        choices = axis["choices"]
        if all(type(one) in (int, float) for one in choices) and len(choices) > 1:
            ordered = sorted(choices)
            kind = "nn-log" if ordered[0] > 0 else "nn"
            return domains.ordinal(ordered, kind=kind)
        # A domain needs values of one type.
        return domains.choice([json.dumps(one) for one in choices])
    if axis["is_int"]:
        return (domains.lograndint if axis["log"] else domains.randint)(axis["low"], axis["high"])
    return (domains.loguniform if axis["log"] else domains.uniform)(axis["low"], axis["high"])


def make_013(name: str, space: dict[str, Any], epochs: int, seed: int) -> Scheduler:
    """A scheduler of Syne Tune 0.13; those with rungs promote."""
    from syne_tune.optimizer import baselines

    options: dict[str, Any] = {"metric": METRIC, "mode": "max", "random_seed": seed}
    rungs = {"resource_attr": RESOURCE, "max_resource_attr": MOST}
    if name in ("ASHA", "MOBSTER", "HyperTune"):
        rungs["type"] = "promotion"
    if name == "DyHPO":
        # Its rungs must be linear.
        rungs |= {"grace_period": 1, "rung_increment": 1}
    return getattr(baselines, name)({**space, MOST: epochs}, **options, **rungs)


def make_016(name: str, space: dict[str, Any], epochs: int, seed: int) -> Scheduler:
    """A scheduler of Syne Tune 0.16."""
    from syne_tune.optimizer import baselines

    options: dict[str, Any] = {"metric": METRIC, "do_minimize": False, "random_seed": seed}
    if name.startswith(("ASHA", "BOHB")):
        options |= {"time_attr": RESOURCE, "max_t": epochs}
    return getattr(baselines, name)(space, **options)


class Session:
    """A search by one scheduler."""

    def __init__(self, begin: dict[str, Any]) -> None:
        import numpy as np
        from syne_tune import __version__

        # Syne Tune 0.16 draws brackets from the global random state.
        np.random.seed(begin["seed"])
        self._is_old = __version__.startswith("0.13")
        make = make_013 if self._is_old else make_016
        space = {axis["path"]: describe(axis) for axis in begin["space"]}
        self._scheduler = make(begin["begin"], space, begin["epochs"], begin["seed"])
        self._suggested = 0
        self._trials: dict[int, Any] = {}
        """By the number of the caller."""
        self._numbers: dict[int, int] = {}
        """By Syne Tune's."""

    def draw(self, request: dict[str, Any]) -> dict[str, Any]:
        """A new trial, or one that goes on."""
        if not request["may_be_new"]:
            if not self._is_old:
                return {}
            # No new trial is drawn any more, as if the space were exhausted.
            self._scheduler.searcher.get_config = lambda **given: None
        made = self._scheduler.suggest(*([self._suggested] if self._is_old else []))
        self._suggested += 1
        if made is None:
            return {}
        if not made.spawn_new_trial_id:
            trial = self._trials[self._numbers[made.checkpoint_trial_id]]
            trial.config = made.config or trial.config
            self._scheduler.on_trial_add(trial)
            return {"resume": self._numbers[trial.trial_id]}
        from syne_tune.backend.trial_status import Trial

        number = request["draw"]
        trial = Trial(self._suggested - 1, made.config, datetime.datetime(2026, 1, 1))
        self._trials[number], self._numbers[trial.trial_id] = trial, number
        self._scheduler.on_trial_add(trial)
        return {"new": {path: plain(one) for path, one in made.config.items() if path != MOST}}

    def report(self, request: dict[str, Any]) -> dict[str, Any]:
        """Whether a trial goes on after an epoch."""
        trial = self._trials[request["report"]]
        decision = self._scheduler.on_trial_result(trial, result_of(request))
        if decision != "CONTINUE":
            self._scheduler.on_trial_remove(trial)
        return {"goes_on": decision == "CONTINUE"}

    def complete(self, request: dict[str, Any]) -> dict[str, Any]:
        """A trial came to its last epoch."""
        self._scheduler.on_trial_complete(self._trials[request["complete"]], result_of(request))
        return {}


def result_of(request: dict[str, Any]) -> dict[str, Any]:
    """What a training function of Syne Tune's would report."""
    return {METRIC: request["auc"], RESOURCE: request["epoch"]}


def plain(value: Any) -> Any:
    """A drawn value as it stands in the space."""
    if isinstance(value, str):
        return json.loads(value)
    return value.item() if hasattr(value, "item") else value


def main() -> None:
    """Answer requests until there is none."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    # What Syne Tune prints is no answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    session: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        kind = next(iter(request))
        answer: dict[str, Any] = {}
        try:
            if kind == "begin":
                session = Session(request)
            else:
                answer = getattr(session, kind)(request)
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
