"""What is published of a study as a whole: its note, its plots and its artifacts."""

from collections.abc import Mapping
from typing import Any

from results.confirmed import last_confirmation
from results.database.models import Experiment
from results.database.store import Store
from results.effect_probe import KnownEffects
from results.report.contents import read_findings
from search.dashboard.artifacts import CONFIRMATION, REPORT, digest, named
from search.dashboard.plots import PLOTS, draw_plots
from search.dashboard.study_note import study_note
from search.optuna_tables import Changes, StudyRows, note_keys, note_rows, plot_keys, plot_rows


def study_changes(
    store: Store,
    experiment: Experiment,
    rows: StudyRows,
    before: Mapping[str, Any],
    known: KnownEffects,
) -> tuple[Changes, dict[str, Any]]:
    """What is to be written of a study, and the record of that, which the next call is given.

    Args:
        store: has the experiment.
        experiment: what the study is of.
        rows: of the study.
        before: the record of what was written last; empty where nothing was.
        known: what earlier calls found of the effects of fields; what this one finds is added.
    """
    findings = read_findings(store, experiment.name, known)
    kept = last_confirmation(experiment, store.test_reads(experiment.data_fingerprint))
    confirmed = kept.confirmed if kept else ()
    changes, keys = Changes(), set(rows.keys_of_study())
    version = _add_note(changes, rows, keys, before, study_note(findings, confirmed))
    digests = _add_plots(changes, keys, before.get("plots", {}), dict(draw_plots(findings)))
    artifacts = named(experiment, [REPORT, *([CONFIRMATION] if confirmed else [])])
    # One that a person deleted is not given again.
    changes.study |= {k: v for k, v in artifacts.items() if k not in before.get("artifacts", [])}
    return changes, {"note": version, "plots": digests, "artifacts": list(artifacts)}


def _add_note(
    changes: Changes, rows: StudyRows, keys: set[str], before: Mapping[str, Any], body: str
) -> int:
    """The note of the study, where no person wrote one; its version."""
    version = rows.note_versions().get(None, 0)
    if version != before.get("note", 0):
        return int(before.get("note", 0))
    written = note_rows(body, version + 1)
    changes.study |= written
    changes.dropped |= {key for key in note_keys(None, None, keys) if key not in written}
    return version + 1


def _add_plots(
    changes: Changes, keys: set[str], before: Mapping[str, str], plots: Mapping[str, str]
) -> dict[str, str]:
    """The plots that are other ones than ``before``; the digest of each."""
    digests = {name: digest(figure) for name, figure in plots.items()}
    for name in PLOTS:
        if name in plots and digests[name] == before.get(name):
            continue
        written = plot_rows(plots[name], name) if name in plots else {}
        changes.study |= written
        changes.dropped |= plot_keys(keys, name) - written.keys()
    return digests
