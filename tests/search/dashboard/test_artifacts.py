"""The artifacts that the dashboard shows are made when they are opened."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from optuna.artifacts.exceptions import ArtifactNotFound
from PIL import Image

from results.confirmation import Confirmed, Score
from results.database.models import TrialState
from results.database.store import open_store
from search.dashboard.artifacts import (
    CONFIRMATION,
    CURVE,
    KINDS,
    SHEET,
    Kind,
    MadeWhenOpened,
    named,
)
from search.dashboard.curve import Curve, draw_curve
from sedn.errors import UserError
from tests.search.dashboard.published import HOSTILE, Rows


@pytest.fixture
def filled(tmp_path: Path) -> Rows:
    made = Rows(open_store(f"sqlite:///{tmp_path}/sedn.db", create=True))
    made.fill()
    return made


def made(rows: Rows, kind: Kind, *number: int) -> bytes:
    (text,) = named(rows.store.experiment("rows"), [kind], *number).values()
    return MadeWhenOpened(rows.store).open_reader(json.loads(text)["artifact_id"]).read()


def test_each_artifact_that_is_named_can_be_opened(filled: Rows) -> None:
    filled.publish()
    shown = filled.shown()
    opened = [
        (
            artifact["filename"],
            filled.get(f"/artifacts/1/{trial['trial_id']}/{artifact['artifact_id']}"),
        )
        for trial in shown["trials"]
        for artifact in trial["artifacts"]
    ]
    opened += [
        (artifact["filename"], filled.get(f"/artifacts/1/{artifact['artifact_id']}"))
        for artifact in shown["artifacts"]
    ]
    assert {name for name, _ in opened} == {"learning-curve.svg", "report.html"}
    assert all(content for _, content in opened)


def test_a_curve_has_a_point_for_each_epoch_and_the_baseline_beside_it(filled: Rows) -> None:
    root = ElementTree.fromstring(made(filled, CURVE, 1))
    names = [element.tag.rsplit("}", 1)[-1] for element in root.iter()]
    assert names.count("circle") == 2
    assert names.count("polyline") == 2
    of_baseline = ElementTree.fromstring(made(filled, CURVE, 0))
    assert sum(e.tag.endswith("polyline") for e in of_baseline.iter()) == 1


@pytest.mark.parametrize("aucs", [[0.5], [0.5, 0.5, 0.5], [1.0, 0.0], [0.3] * 300])
def test_any_curve_lies_within_its_picture(aucs: list[float]) -> None:
    epochs = list(range(1, len(aucs) + 1))
    ends = [(auc - 0.1, auc + 0.1) for auc in aucs[:-1]] + [(float("nan"), float("nan"))]
    text = draw_curve(HOSTILE, Curve(epochs, aucs, ends), Curve([1], [0.4]), 3)
    root = ElementTree.fromstring(text)
    assert "".join(root.itertext()).startswith(HOSTILE)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in ("x", "cx", "x1", "x2"):
                assert 0 <= float(value) <= width
            if name in ("y", "cy", "y1", "y2"):
                assert 0 <= float(value) <= height


def test_a_sheet_that_cannot_be_made_says_why(filled: Rows) -> None:
    with Image.open(io.BytesIO(made(filled, SHEET, 1))) as picture:
        assert picture.format == "JPEG"
        assert len(set(picture.convert("L").resize((60, 20)).tobytes())) > 2, "words on it"


def test_the_table_of_the_test_split(filled: Rows) -> None:
    experiment = filled.store.experiment("rows")
    score = Score(0.8, 0.7, 0.9, 0.6, 0.1, 0.05, 0.15)
    confirmed = [
        Confirmed("baseline", "b", (0, 1), Score(0.7, 0.6, 0.8, 0.4), Score(0.7, 0.6, 0.8, 0.4)),
        Confirmed(HOSTILE, "c", (2, 3), score, score),
    ]
    trials = filled.store.some_trials(experiment.id, [0, 1])
    reading = filled.store.begin_test_read(experiment.id, "confirm", trials)
    found = {"experiment": experiment.id, "confirmed": [one.to_json() for one in confirmed]}
    filled.store.end_test_read(reading.id, found)
    filled.publish()
    shown = filled.shown()
    assert [one["filename"] for one in shown["artifacts"]] == ["report.html", "confirmation.csv"]
    lines = made(filled, CONFIRMATION).decode().splitlines()
    assert len(lines) == 5
    assert lines[3].startswith(f"{HOSTILE},validation,0.8,0.7,0.9,0.1,")
    body = shown["note"]["body"]
    assert "## Confirmed on the test split" in body
    assert "0.8000 [0.700, 0.900] &emsp; | +0.100 [+0.050, +0.150]" in body
    assert HOSTILE not in body


@pytest.mark.parametrize(
    "artifact_id", ["", "00", "zz-zz-zz", "0123456789abcdef-00000001-00", "{sign}-00000063-00",
                    "{sign}-00000001-63"]
)  # fmt: skip
def test_what_is_not_there_is_not_found(filled: Rows, artifact_id: str) -> None:
    (key,) = named(filled.store.experiment("rows"), [KINDS[0]], 1)
    sign = key.removeprefix("artifacts:").split("-")[0]
    with pytest.raises(ArtifactNotFound):
        MadeWhenOpened(filled.store).open_reader(artifact_id.format(sign=sign))


def test_a_trial_without_an_epoch_says_so(filled: Rows) -> None:
    assert filled.store.trial(filled.experiment_id, 3).state is TrialState.FAILED  # type: ignore[union-attr]
    with pytest.raises(ArtifactNotFound, match="completed no epoch"):
        made(filled, CURVE, 3)


def test_a_file_of_a_person_is_refused(filled: Rows) -> None:
    with pytest.raises(UserError, match="keeps no files"):
        MadeWhenOpened(filled.store).write("id", io.BytesIO(b"text"))
