"""Notes and plots that are written as rows are those that Optuna's dashboard writes and reads."""

from pathlib import Path
from typing import Any

import optuna
import plotly.graph_objects as go
import pytest
from optuna.storages import RDBStorage
from optuna_dashboard import get_note, save_note, save_plotly_graph_object
from optuna_dashboard._custom_plot_data import get_plotly_graph_objects

from search.optuna_tables import (
    PIECE,
    Changes,
    StudyRows,
    find_rows,
    note_keys,
    note_rows,
    plot_keys,
    plot_rows,
)

BODIES = ["", "x", "x" * PIECE, "x" * (PIECE + 1), "ä€𝄞\n| " * PIECE]


class Studies:
    """One study that the dashboard writes to, and one that rows are written to."""

    def __init__(self, storage: RDBStorage) -> None:
        self.theirs = optuna.create_study(study_name="theirs", storage=storage)
        self.ours = optuna.create_study(study_name="ours", storage=storage)
        rows = find_rows(storage, "ours")
        assert rows is not None
        self.rows: StudyRows = rows

    def attrs(self, study: optuna.Study) -> dict[str, Any]:
        return study._storage.get_study_system_attrs(study._study_id)


@pytest.fixture
def studies(tmp_path: Path) -> Studies:
    return Studies(RDBStorage(f"sqlite:///{tmp_path}/study.db"))


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_note_is_what_the_dashboard_writes_and_reads(studies: Studies, body: str) -> None:
    save_note(studies.theirs, body)
    studies.rows.write(Changes(study=note_rows(body, 1)))
    assert studies.attrs(studies.ours) == studies.attrs(studies.theirs)
    assert get_note(studies.ours) == body
    assert studies.rows.note_versions() == {None: 1}
    keys = studies.rows.keys_of_study()
    assert note_keys(None, None, keys) == note_keys(len(keys) - 1, None) == set(keys)


@pytest.mark.parametrize("body", BODIES, ids=len)
def test_a_trials_note_is_what_the_dashboard_writes_and_reads(studies: Studies, body: str) -> None:
    theirs = studies.theirs.ask()
    save_note(theirs, body)
    written = studies.attrs(studies.theirs)
    assert note_rows(body, 1, theirs._trial_id) == written
    ours = studies.ours.ask()
    studies.rows.write(Changes(study=note_rows(body, 7, ours._trial_id)))
    assert get_note(ours) == body
    assert studies.rows.note_versions() == {ours._trial_id: 7}


@pytest.mark.parametrize("points", [1, 1000])
def test_a_plot_is_what_the_dashboard_writes_and_reads(studies: Studies, points: int) -> None:
    figure = go.Figure(go.Scatter(x=list(range(points)), y=list(range(points))))
    save_plotly_graph_object(studies.theirs, figure, graph_object_id="mine")
    studies.rows.write(Changes(study=plot_rows(figure.to_json(), "mine")))
    written = studies.attrs(studies.ours)
    assert written == studies.attrs(studies.theirs)
    assert get_plotly_graph_objects(written) == {"mine": figure.to_json()}
    keys = studies.rows.keys_of_study()
    assert plot_keys([*keys, "dashboard:plot_data:mine2:0"], "mine") == set(keys)
