"""The scores of a trial on validation, which any two trials of one split are compared by."""

from results.database.models import Trial
from sedn.errors import UserError
from sedn.training.checkpoints.predictions import Predictions, load_predictions

__all__ = ["Predictions", "read_predictions"]


def read_predictions(trial: Trial, storage: str | None = None) -> Predictions:
    """Read the validation scores of a complete trial's network, and the true labels of the images.

    Its mean AUC is the trial's, to the last digit. A trial that another one answered has those of
    that one.

    Args:
        trial: as :class:`results.Store` gives it.
        storage: folder or URI below which the checkpoints of searches lie now, where they were
            moved.

    Raises:
        UserError: the trial has not ended its last epoch or kept no scores, or they are not where
            they were, are damaged, or are of another trial.
    """
    file = _address(trial, storage)
    predictions = load_predictions(trained_in(trial, storage))
    if predictions is None:
        raise UserError(
            f"trial {trial.number}: its predictions are not at '{file}'; see that this machine "
            f"reaches the storage path of the search, or name where that lies now"
        )
    is_its_own = (predictions.configuration, predictions.seed) == (trial.config_hash, trial.seed)
    if not is_its_own or predictions.fingerprint != trial.predictions_fingerprint:
        raise UserError(
            f"trial {trial.number}: the predictions at '{file}' are of another training; another "
            f"search wrote to this folder"
        )
    return predictions


def trained_in(trial: Trial, storage: str | None = None) -> str:
    """The folder of the training that a trial has its scores from: its own, or that of the trial
    that answered it.

    Args:
        trial: a complete one.
        storage: as for :func:`read_predictions`.

    Raises:
        UserError: the trial kept no scores.
    """
    return _address(trial, storage).rsplit("/", 1)[0]


def folder_below(storage: str | None, folder: str) -> str:
    """The folder of a trial below another storage path; ``None``: where it was."""
    if storage is None:
        return folder
    return "/".join([storage.rstrip("/"), *folder.rsplit("/", 2)[1:]])


def _address(trial: Trial, storage: str | None) -> str:
    """The file of a trial's predictions."""
    if trial.predictions is None:
        raise UserError(f"trial {trial.number}: kept no predictions: {_why_none(trial)}")
    folder, file = trial.predictions.rsplit("/", 1)
    return f"{folder_below(storage, folder)}/{file}"


def _why_none(trial: Trial) -> str:
    if trial.epochs < trial.target_epochs:
        return (
            f"it is {trial.state.lower()} after epoch {trial.epochs} of {trial.target_epochs}, and "
            f"they are kept of the last epoch alone"
        )
    return "an earlier version of sedn-search, or a function of your own, trained it"
