"""A kept listing gives what reading afresh gives, of any data."""

import csv
import importlib
import io
import json
import pickle
import pkgutil
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import sedn.data
from sedn.config import DataConfig
from sedn.data import loading
from sedn.data.check.subject import open_subject
from sedn.data.formats import read_listing
from sedn.data.identity import identify
from sedn.data.kept import contents as kept_contents
from sedn.data.kept import maps as kept_maps
from sedn.data.kept import open_listing
from sedn.data.kept.listing import KeptListing
from sedn.errors import UserError
from sedn.files import cache_folder
from tests.sedn.data import fixtures
from tests.sedn.data.formats.test_any_table import FILES, rows_of, tables
from tests.sedn.data.kept.listings import no_reading, open_kept, same, settle


@pytest.mark.parametrize("name", fixtures.WRITERS)
def test_data_of_every_format_is_kept_as_it_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    path = fixtures.WRITERS[name](tmp_path / "data")
    settle()
    expected = read_listing(path)
    same(open_kept(path), expected)
    with no_reading(monkeypatch):
        same(open_kept(path), expected)
    # Loader processes may be spawned.
    same(pickle.loads(pickle.dumps(open_kept(path))), expected)


def test_training_and_check_open_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fixtures.write_coco(tmp_path / "data")
    settle()
    config = DataConfig(path=str(path), image_size=24)
    plain, subject = loading.prepare_dataset(config), open_subject(config, lambda *_: None)
    kept = open_kept(path)
    fresh = read_listing(path)
    assert identify(kept, 0, lambda *_: None).fingerprint == plain.fingerprint
    shutil.rmtree(cache_folder() / "identities")
    for listing in (kept, fresh):
        assert identify(listing, 0, lambda *_: None).fingerprint == plain.fingerprint
    with no_reading(monkeypatch):
        again, other = loading.prepare_dataset(config), open_subject(config, lambda *_: None)
        assert again.fingerprint == plain.fingerprint and again.notes == plain.notes
        assert other.names == subject.names
        assert np.array_equal(other.look(3, 24).region_map, subject.look(3, 24).region_map)
        assert loading.find_cache_damage(config) is None


NUMBER = (
    st.integers(-20, 80)
    | st.floats(-9.99, 89).map(lambda number: round(number, 2))
    | st.floats(-20, 80)
    | st.sampled_from([0.0, -0.0, 1e-300, 63.999999999])
)


@st.composite
def coco_sets(draw: st.DrawFn) -> dict[str, Any]:
    """COCO's JSON of the first five pictures."""
    polygon = st.integers(2, 6).flatmap(lambda n: st.lists(NUMBER, min_size=2 * n, max_size=2 * n))
    side = 24 * 36
    runs = st.integers(0, side).map(lambda n: {"size": [24, 36], "counts": [n, side - n]})
    shape = st.lists(polygon, max_size=3) | runs | st.just([])
    objects = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2), shape), max_size=12)
    names = draw(st.permutations(["bird", "car", "ein Ding"]))
    annotations = [
        {"id": n, "image_id": i, "category_id": c, "segmentation": s, "iscrowd": 0}
        for n, (i, c, s) in enumerate([*draw(objects), (0, 0, [])])
    ]
    return {
        "images": [
            {"id": i, "file_name": f"{i:03d}.jpg", "width": 36, "height": 24} for i in range(5)
        ],
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for index in range(5):
        Image.new("RGB", (36, 24)).save(folder / f"{index:03d}.jpg")
    settle()
    return folder


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(document=coco_sets(), each=st.booleans())
def test_any_coco_set_is_kept_as_it_is_read(
    pictures: Path, document: dict[str, Any], each: bool
) -> None:
    (pictures / "coco.json").write_text(json.dumps(document))
    fixtures.describe(
        pictures, format="coco", annotations="coco.json", regions="each" if each else "any"
    )
    try:
        expected = read_listing(pictures)
    except UserError as error:
        with pytest.raises(UserError) as found:
            open_kept(pictures)
        assert str(found.value) == str(error)
        return
    same(open_kept(pictures), expected)


@pytest.fixture(scope="module")
def empty_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("any")
    for path in FILES:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).touch()
    settle()
    return folder


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables(), skip=st.booleans(), spoilt=st.booleans())
def test_any_table_is_kept_as_it_is_read(
    empty_files: Path, table: dict[str, Any], skip: bool, spoilt: bool
) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(map(list, [rows_of(table)[0], *rows_of(table)[1]]))
    path = empty_files / "x.csv"
    text = written.getvalue()
    path.write_text(text.replace("000", "x00", 1).replace(",1,", ",?,", 1) if spoilt else text)
    try:
        expected = read_listing(path, skip=skip)
    except UserError as error:
        with pytest.raises(UserError) as found:
            open_kept(path, skip=skip)
        assert str(found.value) == str(error)
        return
    same(open_kept(path, skip=skip), expected)


def test_what_is_read_in_no_time_is_not_kept(tmp_path: Path) -> None:
    path = fixtures.write_csv(tmp_path / "data")
    assert not isinstance(open_listing(path, {}), KeptListing)
    assert not (cache_folder() / "listings").exists()


def test_every_kind_of_image_and_map_can_be_kept() -> None:
    """Else data of a new kind would be read by each process, and nobody would see why."""
    names = [module.name for module in pkgutil.walk_packages(sedn.data.__path__, "sedn.data.")]
    found = {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and not getattr(value, "_is_protocol", False)
    }
    public = {value for value in found if not value.__name__.startswith("_")}
    maps = {value for value in public if {"draw", "lies", "describe"} <= {*dir(value)}}
    contents = {value for value in public if {"read", "stamp"} <= {*dir(value)}}
    assert len(maps) >= 5 and len(contents) >= 3
    for module, kinds in ((kept_maps, maps), (kept_contents, contents)):
        assert {kind.__name__ for kind in kinds} <= {*vars(module)}
