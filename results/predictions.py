"""The scores of a trial on validation, which any two trials of one split are compared by."""

from results.database.models import Trial, TrialState
from sedn.errors import UserError
from sedn.training.checkpoints.predictions import PREDICTIONS, Predictions, load_predictions

__all__ = ["Predictions", "read_predictions"]


def read_predictions(trial: Trial, storage: str | None = None) -> Predictions:
    """What the network of a complete trial says of the validation images, and what is true of them.

    Its mean AUC is the trial's, to the last digit. A trial that another one answered has those of
    that one.

    Args:
        trial: as :class:`results.Store` gives it.
        storage: folder or URI where the checkpoints of searches lie now, if they were moved.

    Raises:
        UserError: the trial is not complete or kept no scores, or they are not where they were, are
            damaged, or belong to another trial.
    """
    if trial.state is not TrialState.COMPLETE:
        raise UserError(
            f"trial {trial.number}: has no predictions, as it is {trial.state.lower()} after epoch "
            f"{trial.epochs} of {trial.target_epochs}; only a complete trial keeps them"
        )
    folder = trial.folder
    if storage is not None:
        folder = "/".join([storage.rstrip("/"), *folder.rsplit("/", 2)[1:]])
    found = load_predictions(folder)
    if found is None:
        raise UserError(
            f"trial {trial.number}: its predictions are not at '{folder}/{PREDICTIONS}'; see that "
            f"this machine reaches the storage path of the search, or name where it is now"
        )
    if (found.configuration, found.seed) != (trial.config_hash, trial.seed):
        raise UserError(
            f"trial {trial.number}: '{folder}/{PREDICTIONS}' is of another training; the folder "
            f"was written by another search"
        )
    return found
