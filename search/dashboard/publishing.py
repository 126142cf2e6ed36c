"""Brings what Optuna's dashboard shows of a search level with the store.

What is published is a matter of the store alone, so it may be published again at any time, by
whatever process: what is there already stays as it is. What was published is kept in the study
itself, beside it: a study that was made again has nothing, and gets everything.

All trials that have ended get attributes and artifacts; the best and the newest have notes. The
dashboard looks through all notes of a study for each trial that it shows, so that many notes of
many trials would make it slow. A note that a person wrote or changed is left as it is.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from optuna.storages import RDBStorage

from results.database.models import Experiment, TrialState
from results.database.scanning.trials import Ending
from results.database.store import Store
from results.effect_probe import KnownEffects
from results.trial_facts import FactReader, TrialFacts
from search.dashboard.artifacts import CURVE, SHEET, digest, named
from search.dashboard.trial_note import CHANGING, trial_attributes, trial_note
from search.optuna_tables import Changes, StudyRows, find_rows, note_keys, note_rows

VERSION = 2
"""Of what is published: another one publishes all anew."""
STAMP = "sedn:published"
"""The system attribute of a trial that says as what it was published."""
NOTES, STUDY = "sedn:notes", "sedn:study"
"""The system attributes of a study that say which notes it was given, and what else."""
AT_ONCE = 200
"""Trials that are published in one transaction."""
BEST, NEWEST, FAILED = 100, 60, 40
"""How many trials have notes: those with the highest mean AUC, those that began last, and of
those that failed the last."""
MOST_WITH_ALL_NOTES = 2500
"""Of more trials than that half as many have notes, of twice as many a quarter, and so on."""


@dataclass
class _Note:
    """A note as it was written."""

    version: int
    stamp: str
    pieces: int


@dataclass
class _Known:
    """What is remembered of a study from one call to the next."""

    study_id: int
    token: str | None
    """Of the study: another one that was given the same id has another token."""
    stamps: dict[int, str]
    """As what each trial was published, by its id in Optuna's tables."""
    ids: dict[int, int] = field(default_factory=dict)
    """The id of each trial by its number."""


class Publisher:
    """Publishes one experiment, as often as it is asked to."""

    def __init__(self, store: Store, storage: RDBStorage, name: str) -> None:
        self._store = store
        self._storage = storage
        self._name = name
        self._known: _Known | None = None
        self._effects = KnownEffects()

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self._name

    def publish_trials(self, most: int = AT_ONCE) -> int:
        """Publish trials that have ended or changed since; gives how many are still to do."""
        experiment, rows = self._store.find_experiment(self._name), self._rows()
        if experiment is None or rows is None or self._known is None:
            return 0
        endings = self._store.endings(experiment.id)
        plain = self._store.baseline(experiment.id)
        of_baseline = "-" if plain is None else str(plain[0])
        ids = self._ids(rows, endings)
        stamps = {
            number: f"{VERSION} {end.state.value} {end.epochs} {of_baseline}"
            for number, end in endings.items()
            if number in ids
        }
        changed = [n for n in stamps if self._known.stamps.get(ids[n]) != stamps[n]]
        notes = _Notes.read(rows, self._name)
        wanted = [number for number in with_notes(endings) if number in ids]
        outdated = notes.outdated({ids[number]: stamps[number] for number in wanted})
        numbers = {trial_id: number for number, trial_id in ids.items()}
        of_notes = [numbers[trial_id] for trial_id in outdated]
        chosen = sorted({*changed[:most], *of_notes[:most]})
        # Not read where nothing has changed, as is so in most passes.
        facts = FactReader(self._store, experiment).read(chosen) if chosen else []
        changes = Changes()
        for one in facts:
            number = one.trial.number
            if number in changed[:most]:
                _add_trial(
                    changes, experiment, one, ids[number], stamps[number],
                    is_known=ids[number] in self._known.stamps,
                )  # fmt: skip
            if number in of_notes[:most]:
                notes.write(ids[number], stamps[number], trial_note(one))
        notes.add_to(changes, {ids[number] for number in wanted})
        if changes:
            self._known.token = self._known.token or uuid4().hex
            changes.study[NOTES] = {"token": self._known.token, **notes.record()}
            rows.write(changes)
        self._known.stamps |= {ids[n]: stamps[n] for n in changed[:most]}
        return max(0, len(changed) - most) + max(0, len(of_notes) - most)

    def publish_study(self, *, anew: bool = False) -> bool:
        """Publish note, plots and artifacts of the study where something has changed; whether it
        had.

        Args:
            anew: whatever has changed.
        """
        experiment, rows = self._store.find_experiment(self._name), self._rows()
        if experiment is None or rows is None:
            return False
        stamp = self._study_stamp(experiment)
        before: dict[str, Any] = rows.of_study(STUDY).get(STUDY, {})
        if before.get("study_id") != rows.study_id:
            # A copy of the study has its note.
            before = {"note": before.get("note", 0)}
        if before.get("stamp") == stamp and not anew:
            return False
        # Not before there is something to draw: what draws figures is slow to load.
        from search.dashboard.study_changes import study_changes

        changes, record = study_changes(self._store, experiment, rows, before, self._effects)
        changes.study[STUDY] = {"study_id": rows.study_id, "stamp": stamp, **record}
        rows.write(changes)
        return True

    def _rows(self) -> StudyRows | None:
        """The study as it is now: it may have been deleted, or made again."""
        rows = find_rows(self._storage, self._name)
        if rows is None:
            return None
        token = rows.of_study(NOTES).get(NOTES, {}).get("token")
        known = self._known
        if known is None or (known.study_id, known.token) != (rows.study_id, token):
            self._known = _Known(rows.study_id, token, rows.of_trials(STAMP))
        return rows

    def _ids(self, rows: StudyRows, numbers: Mapping[int, Ending]) -> dict[int, int]:
        assert self._known is not None
        if not numbers.keys() <= self._known.ids.keys():
            self._known.ids |= rows.trial_ids(len(self._known.ids))
        return self._known.ids

    def _study_stamp(self, experiment: Experiment) -> str:
        """Another one whenever the note or a plot would be."""
        counts = self._store.counts(experiment.id)
        counts.pop(TrialState.RUNNING, None)
        ended = sum(
            one.result is not None for one in self._store.test_reads(experiment.data_fingerprint)
        )
        parts = (
            VERSION, sorted(counts.items()), self._store.best(experiment.id),
            self._store.baseline(experiment.id), self._name, experiment.note, ended,
            experiment.settings.get("trials"),
        )  # fmt: skip
        return digest(repr(parts))


def with_notes(endings: Mapping[int, Ending]) -> list[int]:
    """Numbers of the trials that have notes: the best, the newest, and those that failed last."""
    scored = [n for n, end in endings.items() if end.state is TrialState.COMPLETE]
    scored.sort(key=lambda n: (-(endings[n].mean_auc or 0.0), n))
    failed = [n for n in sorted(endings) if endings[n].state is TrialState.FAILED]
    share = 2 ** -max(0, math.ceil(math.log2(max(len(endings), 1) / MOST_WITH_ALL_NOTES)))
    best, newest, last_failed = (max(1, int(share * most)) for most in (BEST, NEWEST, FAILED))
    chosen = (scored[:best], reversed(sorted(endings)[-newest:]), reversed(failed[-last_failed:]))
    return list(dict.fromkeys(number for some in chosen for number in some))


class _Notes:
    """The notes of trials that were written, and those that are to be."""

    def __init__(
        self, rows: StudyRows, name: str, kept: dict[int, _Note], versions: dict[int | None, int]
    ) -> None:
        self._rows = rows
        self._name = name
        self._kept = kept
        self._versions = versions
        self._written: dict[str, Any] = {}
        self._dropped: set[str] = set()

    @classmethod
    def read(cls, rows: StudyRows, name: str) -> "_Notes":
        """As they stand."""
        kept: dict[str, Any] = rows.of_study(NOTES).get(NOTES, {})
        mine = kept.get("notes", {}) if kept.get("study_id") == rows.study_id else {}
        notes = {int(trial_id): _Note(*note) for trial_id, note in mine.items()}
        return cls(rows, name, notes, rows.note_versions())

    def outdated(self, stamps: Mapping[int, str]) -> list[int]:
        """Of trials with these stamps the ids of those that need a note, or another one."""
        return [
            trial_id
            for trial_id, stamp in stamps.items()
            if not self._is_a_persons(trial_id)
            and (trial_id not in self._kept or self._kept[trial_id].stamp != self._full(stamp))
        ]

    def write(self, trial_id: int, stamp: str, body: str) -> None:
        """Write the note of a trial."""
        before = self._kept.get(trial_id)
        version = self._versions.get(trial_id, 0) + 1
        rows = note_rows(body, version, trial_id)
        if before is not None:
            self._dropped |= note_keys(before.pieces, trial_id) - rows.keys()
        self._written |= rows
        self._kept[trial_id] = _Note(version, self._full(stamp), len(rows) - 1)
        self._versions[trial_id] = version

    def add_to(self, changes: Changes, wanted: set[int]) -> None:
        """Add what was written, and drop the notes of trials that are not ``wanted`` any more."""
        unwanted = [trial_id for trial_id in self._kept if trial_id not in wanted]
        for trial_id in unwanted:
            note = self._kept[trial_id]
            if not self._is_a_persons(trial_id):
                self._dropped |= note_keys(note.pieces, trial_id)
            del self._kept[trial_id]
        changes.study |= self._written
        changes.dropped |= self._dropped

    def record(self) -> dict[str, Any]:
        """What is kept of the notes in the study."""
        notes = {k: [n.version, n.stamp, n.pieces] for k, n in self._kept.items()}
        return {"study_id": self._rows.study_id, "notes": notes}

    def _full(self, stamp: str) -> str:
        return f"{stamp} {self._name}"

    def _is_a_persons(self, trial_id: int) -> bool:
        """Whether a person wrote or changed the note of a trial, which counts its version on."""
        note = self._kept.get(trial_id)
        return self._versions.get(trial_id, 0) != (0 if note is None else note.version)


def _add_trial(
    changes: Changes,
    experiment: Experiment,
    facts: TrialFacts,
    trial_id: int,
    stamp: str,
    *,
    is_known: bool,
) -> None:
    """Attributes and artifacts of a trial; ``is_known``: it was published before, otherwise."""
    attributes, trial = trial_attributes(facts), facts.trial
    kinds = [CURVE] if trial.mean_auc is not None else []
    kinds += [SHEET] if trial.predictions is not None else []
    changes.user[trial_id] = attributes
    if is_known:
        changes.without[trial_id] = set(CHANGING - attributes.keys())
    changes.system[trial_id] = named(experiment, kinds, trial.number) | {STAMP: stamp}
