"""The images with the largest errors, on the page as on the dashboard's sheet."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from results.database.store import Store
from results.largest_errors import MOST_IMAGES, find_largest_errors
from results.report import errors
from results.report.contents import read_findings
from results.report.errors import SIDE, errors_section
from sedn.page import text
from tests.results.scored import with_files

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def of_files(store: Store, tmp_path: Path) -> Store:
    """A trial of real files."""
    return with_files(store, tmp_path, ("red", HOSTILE))


def pictures(html: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(one))) for one in found]


def test_each_label_has_its_largest_errors_as_pictures(of_files: Store) -> None:
    findings = read_findings(of_files, "rows")
    html = errors_section(findings)
    drawn = pictures(html)
    assert len(drawn) == 2 * MOST_IMAGES
    assert {one.size for one in drawn} == {(SIDE, SIDE)}
    assert len({one.tobytes() for one in drawn}) > MOST_IMAGES, "of different images"
    for label in find_largest_errors(findings.scored[0].predictions):
        assert text(label.label) in html
        for one in label.images:
            assert f'{one.line}<div class="quiet">{text(one.image)}</div>' in html
    assert "<img src=x" not in html


def test_pictures_take_no_more_room_than_is_theirs(
    of_files: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errors, "MOST_BYTES", 9_000)
    html = errors_section(read_findings(of_files, "rows"))
    assert 0 < len(pictures(html)) < 2 * MOST_IMAGES
    assert html.count("<li>") == 2 * MOST_IMAGES, "the names of all are there"
    assert len(html) < 20_000


def test_without_the_data_set_the_names_stand_alone(of_files: Store, tmp_path: Path) -> None:
    (tmp_path / "data").rename(tmp_path / "gone")
    html = errors_section(read_findings(of_files, "rows"))
    assert not pictures(html)
    assert html.count("<li>") == 2 * MOST_IMAGES
    assert "The names stand alone, as the images cannot be shown: " in html
    assert str(tmp_path / "data") in html


def test_images_that_are_gone_are_not_shown(of_files: Store, tmp_path: Path) -> None:
    for picture in [*(tmp_path / "data").rglob("*.webp")]:
        picture.unlink()
    html = errors_section(read_findings(of_files, "rows"))
    assert not pictures(html)
