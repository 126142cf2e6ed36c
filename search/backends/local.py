"""Training in this process, without Ray: one trial at a time.

For a debugger, a notebook, a test, or a machine on which Ray does not run. Here nothing stands
between the search and a trial: a CUDA error that breaks the process's GPU context breaks the
trials after it too, and a killed trial is a killed search, which the same command goes on with.
"""

import time

from search.backends.generators import close_training, draw_epoch, start_training
from search.driver import Assignment, Driver, TrainFunction
from search.progress import Watcher

POLL_SECONDS = 0.1


def run_local(driver: Driver, train: TrainFunction, watch: Watcher = lambda snapshot: None) -> None:
    """Train the driver's trials one after another, until none is left or a budget is used up.

    A budget cuts a trial off after the epoch in which it is used up.

    Args:
        driver: of the search.
        train: the training function of a trial.
        watch: called with a snapshot before each trial and after each epoch.

    Raises:
        UserError: the database cannot be written any more.
    """
    driver.places.room = 1
    while not driver.out_of_budget:
        driver.check_store()
        assignment = driver.next()
        watch(driver.snapshot())
        if assignment is not None:
            _train(driver, assignment, train, watch)
        elif driver.waits:
            time.sleep(POLL_SECONDS)
        else:
            return


def _train(driver: Driver, trial: Assignment, train: TrainFunction, watch: Watcher) -> None:
    epochs = start_training(train, trial)
    try:
        while result := draw_epoch(driver, trial, epochs):
            verdict = driver.report(trial.number, result)
            watch(driver.snapshot())
            if verdict.ends_training:
                driver.finish(trial.number)
                return
            if driver.out_of_budget:
                return
    finally:
        close_training(epochs)
