"""What a reading saw is noticed when it changes, however the change is hidden; and no reading looks
past the functions that note it.
"""

import ast
import os
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

import sedn.data
from sedn import seen as seen_module
from sedn.data.formats import read_listing
from sedn.seen import Sighting, is_file, read_file, see_content, see_tree, watching
from tests.sedn.data import fixtures

OLD = time.time_ns() - 60 * 10**9


@pytest.fixture
def pass_a_tick(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let what was written be older than a tick: that of the disks here, not of the coarsest."""

    def wait() -> None:
        monkeypatch.setattr(seen_module, "_TICK", 50 * 10**6)
        time.sleep(0.1)

    monkeypatch.setattr(seen_module, "_TICK", 600 * 10**9)
    return wait


def age(path: Path) -> None:
    """As if it had been written a minute ago."""
    os.utime(path, ns=(OLD, OLD))


def watch(look: Callable[[], object]) -> tuple[Sighting, ...]:
    with watching() as seen:
        look()
    sightings = seen.sightings()
    assert sightings is not None
    return sightings


def still(sightings: tuple[Sighting, ...]) -> bool:
    return all(sighting.renewed() is not None for sighting in sightings)


def restore(path: Path, content: bytes) -> None:
    """Write in place, of equal length, and take the time back."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path, content: bytes) -> None:
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(content)
    other.replace(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda path: path.write_bytes(b"a,2\n"),
    "written, its time restored": lambda path: restore(path, b"a,2\n"),
    "replaced": lambda path: replace(path, b"a,2\n"),
    "longer": lambda path: path.write_bytes(b"a,1\nb,1\n"),
    "removed": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a link to another": lambda path: (
        path.with_name("b").write_bytes(b"a,2\n"), path.unlink(), path.symlink_to("b"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("aged", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_file_is_noticed(tmp_path: Path, change: str, aged: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a,1\n")
    if aged:
        age(path)
    sightings = watch(lambda: read_file(path))
    assert still(sightings)
    CHANGES[change](path)
    assert not still(sightings)


def test_a_touched_file_is_believed_for_its_content_and_then_for_its_new_time(
    tmp_path: Path, pass_a_tick: Callable[[], None]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a,1\n")
    (sighting,) = watch(lambda: read_file(path))
    assert sighting.stamp is not None and sighting.stamp[1] == -1, "it was written just now"
    # Only the time of the content can be set; that of the inode has to pass.
    pass_a_tick()
    renewed = sighting.renewed()
    assert renewed is not None and renewed.stamp is not None
    assert renewed.stamp[1] == path.stat().st_mtime_ns
    path.touch()
    assert renewed.renewed() is not None


def test_a_content_that_is_not_hashed_is_believed_for_its_time_alone(
    tmp_path: Path, pass_a_tick: Callable[[], None]
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"pixels")
    assert not still(watch(lambda: see_content(path, hashed=False))), "it was written just now"
    pass_a_tick()
    sightings = watch(lambda: see_content(path, hashed=False))
    assert still(sightings)
    path.touch()
    assert not still(sightings)


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("aged", [False, True])
def test_every_change_of_what_a_folder_holds_is_noticed(
    tmp_path: Path, linked: bool, aged: bool
) -> None:
    folder, store = tmp_path / "images", tmp_path / "store"
    folder.mkdir()
    store.mkdir()
    (store / "1").write_text("x")
    if linked:
        (folder / "1.jpg").symlink_to(store / "1")
    else:
        (folder / "1.jpg").write_text("x")
    if aged:
        age(folder)
    sightings = watch(lambda: see_content(folder))
    (folder / "1.jpg").read_text()
    assert still(sightings)
    if linked:
        (store / "1").unlink()
        assert not still(sightings), "the link leads nowhere"
        (store / "1").write_text("x")
        assert still(sightings)
    before = folder.stat()
    (folder / "2.jpg").write_text("x")
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not still(sightings)
    (folder / "2.jpg").unlink()
    assert still(sightings)
    (folder / "1.jpg").rename(folder / "2.jpg")
    assert not still(sightings)


def test_what_was_not_there_is_noticed_when_it_comes(tmp_path: Path) -> None:
    sightings = watch(lambda: is_file(tmp_path / "data.yaml"))
    assert still(sightings)
    (tmp_path / "data.yaml").write_text("format: coco\n")
    assert not still(sightings)


def test_what_changes_while_it_is_read_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for early, late in ((b"1", b"2"), (b"1", b"22")):
        path.write_bytes(early)
        with watching() as seen:
            read_file(path)
            restore(path, late) if len(late) == len(early) else path.write_bytes(late)
        assert seen.sightings() is None


LOOKS = {
    "open", "read_bytes", "read_text", "exists", "is_file", "is_dir", "iterdir", "glob", "rglob",
    "stat", "lstat", "scandir", "listdir", "walk", "isfile", "isdir", "ParquetFile", "read_table",
    "read_csv", "read_parquet", "load_from_disk", "memory_map",
}  # fmt: skip
"""Names of what looks at the disk."""
NOTED = {
    ("columns", "exists"), ("text_tables", "read_csv"),  # no files
    ("proposal", "exists"),  # the data.yaml that is to be written
    ("table_file", "ParquetFile"), ("saved_parts", "ParquetFile"), ("arrow", "load_from_disk"),
    ("folders", "scandir"), ("mask_files", "scandir"), ("near_names", "listdir"),
    ("near_names", "stat"),
    ("open_images", "open"), ("voc_xml", "open"),
    ("yolo_recognition", "open"), ("foreign", "open"), ("decoding", "open"),
    ("folders", "is_dir"), ("folders", "is_file"),  # of entries of a folder that is noted
    ("content", "open"), ("content", "stat"), ("arrow", "stat"), ("parquet", "stat"),
    ("parquet", "ParquetFile"),  # of images, when they are decoded
}  # fmt: skip
"""Modules that say what they look at by other means than the functions of ``seen``."""
ROOMS = ("formats", "images", "maps", "splits")
SHARED = ("folders", "near_names")


def test_no_reading_looks_at_the_disk_without_a_note() -> None:
    """Else a listing is kept, and believed though what decided it has changed."""
    root = Path(sedn.data.__file__).parent
    found = set()
    rooms = [path for room in ROOMS for path in root.glob(f"{room}/*.py")]
    assert {path.parent.name for path in rooms} == {*ROOMS}
    for path in [*rooms, *(root / f"{name}.py" for name in SHARED)]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                is_open = isinstance(node.func, ast.Name) and node.func.id == "open"
                name = "open" if is_open else getattr(node.func, "attr", "")
                if name in LOOKS:
                    found.add((path.stem, name))
    assert found <= NOTED, "use the functions of sedn.seen, or see_content() before it"


def test_no_reader_remembers_what_it_saw() -> None:
    """Else the next reading in the same process would not note it."""
    root = Path(sedn.data.__file__).parent
    for path in [*root.glob("formats/*.py"), root / "folders.py"]:
        imported = [
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == "functools"
            for alias in node.names
        ]
        assert not {"cache", "lru_cache"} & {*imported}, path.name


_opened: set[str] | None = None
"""What is opened, while somebody wants to know."""


def _note_opened(event: str, details: tuple[object, ...]) -> None:
    if _opened is not None and event in ("open", "os.listdir", "os.scandir"):
        path = details[0]
        if isinstance(path, str | bytes | os.PathLike):
            _opened.add(os.path.normpath(os.fsdecode(path)))


@lru_cache
def _install() -> None:
    sys.addaudithook(_note_opened)


def opened_by(look: Callable[[], object]) -> set[str]:
    """Files that are opened and folders that are listed meanwhile, by anything but C."""
    global _opened
    _install()
    _opened = set()
    try:
        look()
        return _opened
    finally:
        _opened = None


@pytest.mark.parametrize("name", fixtures.WRITERS)
def test_all_that_a_reading_opens_is_seen(tmp_path: Path, name: str) -> None:
    path = fixtures.WRITERS[name](tmp_path)
    with watching() as seen:
        opened = opened_by(lambda: read_listing(path))
    inside = {name for name in opened if name.startswith(str(tmp_path))}
    assert inside or "parquet" in name.lower(), "nothing was opened"
    assert inside <= {os.path.normpath(noted) for noted in seen.contents}


def test_a_tree_is_seen_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "data-0.arrow").write_text("x")
    sightings = watch(lambda: see_tree(tmp_path))
    assert {Path(sighting.path).name for sighting in sightings} == {tmp_path.name, "data-0.arrow"}
