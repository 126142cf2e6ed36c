"""No password of the database gets out of the process of a search, whichever way it came there."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest
from sqlalchemy import URL

from benchmarks.machines.postgresql import free_port, new_locked_database
from search.cli.main import main
from tests.sedn.data.fixtures import write_csv

SECRET = "hunter2-planted"
SPACE = """\
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 2
  batch_size: 12
axes:
  embedding.placement: {choice: [none, input, stage3]}
"""
READING = (
    *("list", "status n", "status n --json", "show n 1", "log n 1", "rank n", "labels n"),
    *("report n -o report.html", "export n -o n.yaml", "export n --splits -o splits.csv"),
    *("store frames n -o frames", "store rebuild-study n", "store backup copy.db"),
)


def without_password(url: URL) -> str:
    return f"{url.drivername}://{url.username}@{url.host}:{url.port}/{url.database}"


def by_option(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    return [f"--store={url.render_as_string(False)}"], {}


def by_variable(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    return [], {"SEDN_STORE": url.render_as_string(False)}


def by_password_variable(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    return [f"--store={without_password(url)}"], {"PGPASSWORD": SECRET}


def by_password_file(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    file = folder / "pgpass"
    file.write_text(f"{url.host}:*:{url.database}:{url.username}:{SECRET}\n")
    file.chmod(0o600)
    return [f"--store={without_password(url)}"], {"PGPASSFILE": str(file)}


def by_home(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    by_password_file(url, folder)[1]["PGPASSFILE"]
    (folder / "pgpass").rename(folder / ".pgpass")
    return [f"--store={without_password(url)}"], {"HOME": str(folder)}


def by_file(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    file = folder / "url"
    file.write_text(url.render_as_string(False))
    file.chmod(0o600)
    return [f"--store-file={file}"], {}


def by_file_variable(url: URL, folder: Path) -> tuple[list[str], dict[str, str]]:
    return [], {"SEDN_STORE_FILE": by_file(url, folder)[0][0].partition("=")[2]}


WAYS = (
    by_option,
    by_variable,
    by_password_variable,
    by_password_file,
    by_home,
    by_file,
    by_file_variable,
)


@pytest.fixture
def ray_folder() -> Iterator[Path]:
    """Where Ray keeps its sessions; paths of sockets must be short."""
    folder = Path("/tmp") / f"ray-{secrets.token_hex(4)}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def started(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "search.cli.start", *words],
            cwd=folder,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def descendants(process: int) -> Iterator[Path]:
    """The folders of all processes below one, as the kernel shows them."""
    for thread in Path(f"/proc/{process}/task").glob("*"):
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield Path(f"/proc/{child}")
            yield from descendants(child)


def look(process: int, seen: dict[str, set[str]]) -> None:
    """Note what the processes below one are, and what of them holds the secret.

    A child that runs no program of its own yet is still a copy of the process.
    """
    of_process = Path(f"/proc/{process}/cmdline").read_bytes()
    for folder in descendants(process):
        for file in ("environ", "cmdline"):
            try:
                content, words = (folder / file).read_bytes(), (folder / "cmdline").read_bytes()
                name = (folder / "comm").read_text().strip()
            except OSError:
                continue
            if words == of_process:
                continue
            seen.setdefault(file, set()).add(name)
            if SECRET.encode() in content:
                seen.setdefault("leaks", set()).add(f"{name}: {file}")


def files_with_the_secret(*folders: Path) -> list[Path]:
    files = (path for folder in folders for path in folder.rglob("*"))
    return [file for file in files if file.is_file() and SECRET.encode() in file.read_bytes()]


def rows_of(url: URL) -> str:
    """All rows of all tables."""
    plain = f"host={url.host} port={url.port} dbname={url.database} user=sedn"
    with psycopg.connect(plain) as connection:
        names = "select tablename from pg_tables where schemaname = 'public'"
        tables = [row[0] for row in connection.execute(names)]
        return str([connection.execute(f'select * from "{name}"').fetchall() for name in tables])


def pages(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    """What the dashboard serves: its page, the studies, and the study."""
    port = free_port()
    dashboard = started(["dashboard", f"--port={port}", *words], folder, environment)
    try:
        for _ in range(240):
            try:
                served = [_page(port, "")]
                break
            except OSError:
                time.sleep(0.25)
        served.append(_page(port, "api/studies"))
        studies = json.loads(served[-1])["study_summaries"]
        served += [_page(port, f"api/studies/{study['study_id']}") for study in studies]
        return "".join([*served, _page(port, "api/meta")])
    finally:
        dashboard.send_signal(signal.SIGTERM)
        dashboard.wait(30)


def _page(port: int, path: str) -> str:
    with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as answer:
        return str(answer.read().decode())


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_password_stays_in_the_process_of_the_search(
    way: object,
    postgres_server: str,
    tmp_path: Path,
    ray_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert callable(way)
    own, given = tmp_path / "own", tmp_path / "work"
    own.mkdir()
    given.mkdir()
    url = new_locked_database(postgres_server, SECRET)
    words, variables = way(url, own)
    unset = {"SEDN_STORE", "SEDN_STORE_FILE", "PGPASSWORD", "PGPASSFILE"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"HOME": str(own), "RAY_TMPDIR": str(ray_folder), **variables}
    (given / "data").mkdir()
    data = write_csv(given / "data")
    (given / "tiny.yaml").write_text(SPACE)
    search = f"search --name=n --data={data} --space=tiny.yaml --trials=3 --concurrent=1"
    seen: dict[str, set[str]] = {}
    process = started([*search.split(), *words], given, environment)
    try:
        while process.poll() is None:
            look(process.pid, seen)
            time.sleep(0.05)
    finally:
        process.kill()
    said = (given / "said").read_text()
    assert process.returncode == 0, said
    assert any("raylet" in name for name in seen["environ"])
    assert any("ray::" in name for name in seen["environ"]), "workers were seen"
    for name in (*unset, *environment):
        value = environment.get(name)
        monkeypatch.delenv(name, False) if value is None else monkeypatch.setenv(name, value)
    monkeypatch.chdir(given)
    for command in READING:
        monkeypatch.setattr(sys, "argv", ["sedn", *command.split(), *words])
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, capfd.readouterr().err
    shown = capfd.readouterr()
    assert "Wrote report.html" in shown.err
    assert SECRET not in shown.out + shown.err
    assert SECRET not in pages(words, given, environment)
    assert "leaks" not in seen
    assert SECRET not in rows_of(url)
    written = {path.name for path in given.rglob("*")}
    assert written >= {"said", "report.html", "n.yaml", "splits.csv", "copy.db", "frames"}
    assert list(ray_folder.rglob("raylet.out")), "Ray's own logs are there"
    assert files_with_the_secret(given, ray_folder) == []
