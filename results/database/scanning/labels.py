"""Reading the AUC by label of very many trials, as arrays."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from results.database.models import Label, LabelAucs, Trial
from results.database.reading import StoreReader
from results.database.scanning.plain_rows import batches, is_complete, plain_rows, rows_of_trials

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelAucArrays:
    """AUC and standard error by label of several trials; NaN where there is none."""

    trials: list[int]
    """Their numbers."""
    aucs: "NDArray[np.float64]"
    """``(trials, labels)``, the labels in the order of the data."""
    stderrs: "NDArray[np.float64] | None" = None
    """``(trials, labels)``; ``None`` where they were not read."""

    def only(self, numbers: Iterable[int]) -> "LabelAucArrays":
        """Select the trials whose number is among the ``numbers``."""
        wanted = set(numbers)
        if wanted.issuperset(self.trials):
            return self
        rows = [row for row, number in enumerate(self.trials) if number in wanted]
        stderrs = None if self.stderrs is None else self.stderrs[rows]
        return LabelAucArrays([self.trials[row] for row in rows], self.aucs[rows], stderrs)


class LabelScanner(StoreReader):
    """Reads the AUC by label of the trials of an experiment."""

    def label_auc_arrays(
        self,
        experiment_id: int,
        numbers: Sequence[int] | None = None,
        *,
        only_complete: bool = False,
        stderrs: bool = True,
    ) -> LabelAucArrays:
        """AUC and standard errors by label, of some trials or of all, by number.

        Args:
            experiment_id: the experiment.
            numbers: of the trials.
            only_complete: leave out those that were not trained to their last epoch.
            stderrs: whether to read the standard errors too.
        """
        from results.database.packing import unpack_rows

        columns = (LabelAucs.aucs, LabelAucs.stderrs) if stderrs else (LabelAucs.aucs,)
        query = (
            select(Trial.number, *columns)
            .join(LabelAucs, LabelAucs.trial_id == Trial.id)
            .where(Trial.experiment_id == experiment_id)
        )
        if only_complete:
            query = query.where(*is_complete(experiment_id))
        with self.sessions() as session:
            labels = session.scalar(_number_of_labels(experiment_id)) or 0
            rows = sorted(rows_of_trials(session, query, numbers, plain_rows))
        return LabelAucArrays(
            [row[0] for row in rows],
            unpack_rows([row[1] for row in rows], labels),
            unpack_rows([row[2] for row in rows], labels) if stderrs else None,
        )

    def label_auc_parts(self, experiment_id: int) -> Iterator[LabelAucArrays]:
        """AUC by label of the trials that were trained to their last epoch, a thousand trials at a
        time, in any order.
        """
        from results.database.packing import unpack_rows

        query = (
            select(Trial.number, LabelAucs.aucs)
            .join(LabelAucs, LabelAucs.trial_id == Trial.id)
            .where(*is_complete(experiment_id))
        )
        with self.sessions() as session:
            labels = session.scalar(_number_of_labels(experiment_id)) or 0
            for rows in batches(session, query):
                numbers, packed = zip(*rows, strict=True)
                yield LabelAucArrays(list(numbers), unpack_rows(packed, labels))

    def label_aucs(
        self, experiment_id: int, numbers: Sequence[int] | None = None
    ) -> "pd.DataFrame":
        """AUC and standard error in long form: columns trial, label, auc, stderr; a row for each
        label of each trial that has any, of the trials with these ``numbers`` or of all.
        """
        import numpy as np
        import pandas as pd

        arrays = self.label_auc_arrays(experiment_id, numbers)
        names = [label.name for label in self.labels(experiment_id)]
        stderrs = arrays.aucs if arrays.stderrs is None else arrays.stderrs
        return pd.DataFrame(
            {
                "trial": np.repeat(np.array(arrays.trials, dtype=int), len(names)),
                "label": np.tile(np.array(names, dtype=object), len(arrays.trials)),
                "auc": arrays.aucs.ravel(),
                "stderr": stderrs.ravel(),
            }
        )


def _number_of_labels(experiment_id: int) -> Any:
    return select(func.count()).where(Label.experiment_id == experiment_id)
