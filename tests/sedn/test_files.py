"""Files are written whole or not at all."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sedn.errors import UserError
from sedn.files import cache_folder, write_text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_the_last_text_written_is_read_back(tmp_path_factory, texts: list[str]) -> None:
    path = tmp_path_factory.mktemp("files") / "page.html"
    for text in texts:
        write_text(path, text)
    assert path.read_bytes() == texts[-1].encode()
    assert list(path.parent.iterdir()) == [path], "nothing else is left in the folder"


def test_a_new_file_can_be_read_by_whom_the_mask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "page.html", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o640


def test_a_link_is_followed_and_a_long_name_fits(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 250)
    link = tmp_path / "link"
    link.symlink_to(target)
    write_text(link, "one")
    write_text(link, "two")
    assert link.is_symlink()
    assert target.read_text() == "two"


def test_a_device_is_written_to_as_it_is() -> None:
    code = "from pathlib import Path; from sedn.files import write_text; "
    code += "write_text(Path('/dev/stdout'), 'said')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "said"
    assert done.stderr == ""


def test_what_is_wrong_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    for path, said in (
        (tmp_path, "directory"),
        (tmp_path / "missing" / "page.html", "there is no folder"),
        (tmp_path / "file" / "page.html", "ot a directory"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            write_text(path, "text")
        assert str(caught.value).startswith(f"{path}: cannot be written")
        assert "\n" not in str(caught.value)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    """A limit on the size of a file stands for the disk: the write fails half way as well."""
    path = tmp_path / "page.html"
    path.write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(UserError, match=r"page\.html: cannot be written: File too large"):
            write_text(path, "new" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import os, sys
from pathlib import Path
from sedn.files import writing
with writing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("open", flush=True)
    sys.stdin.read()
"""


def start_writer(path: Path) -> subprocess.Popen:
    """A process that is in the midst of writing."""
    started = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout.readline() == "open\n"
    return started


def test_what_a_killed_writer_left_is_removed_and_what_a_live_one_writes_is_not(
    tmp_path: Path,
) -> None:
    killed, alive = start_writer(tmp_path / "one"), start_writer(tmp_path / "two")
    assert len(list(tmp_path.glob(".sedn-*.part"))) == 2
    killed.kill()
    killed.wait()
    write_text(tmp_path / "three", "whole")
    (part,) = tmp_path.glob(".sedn-*.part")
    assert part.read_text() == "half"
    alive.communicate("")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["three", "two"]
    assert (tmp_path / "two").read_text() == "half"


def test_parts_of_another_node_are_left_to_it(tmp_path: Path) -> None:
    other = tmp_path / ".sedn-00000000-0123456789abcdef.part"
    other.write_text("half")
    write_text(tmp_path / "page.html", "whole")
    assert other.exists()


def test_writers_that_clean_up_after_each_other_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sedn.files import write_text\n"
        "for turn in range(300): write_text(Path(sys.argv[1]), str(turn))"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / name)]) for name in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        "abc", "299"
    )


def test_a_user_without_a_home_is_asked_for_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expand(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("SEDN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", expand)
    with pytest.raises(UserError, match="SEDN_CACHE: is not set, and the user has no home"):
        cache_folder()
    monkeypatch.setenv("SEDN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
