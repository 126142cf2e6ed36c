"""One driver at a time, by whatever name the database is called."""

import subprocess
import sys
from pathlib import Path

import pytest

from results.database.store import open_store
from search.lock import sole_driver
from sedn.errors import UserError

HOLD = """
import sys
from results.database.store import open_store
from search.lock import sole_driver
with sole_driver(open_store(sys.argv[1]).engine, "spring"):
    print("held", flush=True)
    sys.stdin.read()
"""


def names_of(folder: Path) -> dict[str, str]:
    """URLs of one database: its path, links to the file and to its folder, and relative ones."""
    (folder / "there").mkdir()
    (folder / "to-folder").symlink_to("there")
    (folder / "to-file.db").symlink_to(folder / "there" / "sedn.db")
    (folder / "to-link.db").symlink_to("to-file.db")
    return {
        "itself": f"sqlite:///{folder}/there/sedn.db",
        "by a folder": f"sqlite:///{folder}/to-folder/sedn.db",
        "by a file": f"sqlite:///{folder}/to-file.db",
        "by two links": f"sqlite:///{folder}/to-link.db",
        "relative": "sqlite:///there/../to-file.db",
    }


@pytest.mark.parametrize("held", ["itself", "by two links"])
def test_a_second_driver_is_refused_by_any_name(
    held: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = names_of(tmp_path)
    open_store(names["itself"], create=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, names[held]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for url in names.values():
            engine = open_store(url).engine
            refused = pytest.raises(UserError, match="is being searched by another process")
            with refused, sole_driver(engine, "spring"):
                pass
            with sole_driver(engine, "autumn"):
                pass
    finally:
        holder.communicate("")
    with sole_driver(open_store(names["by a file"]).engine, "spring"):
        pass
