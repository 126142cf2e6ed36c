"""The address of the database from a file, and which of the ways to name the database counts."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.store_filling import fill
from results.database.store import open_store
from search.cli.main import main
from search.cli.store_file import read_address
from sedn.errors import UserError
from tests.results.permissions import ordinary_user

URL = "postgresql+psycopg://u:hunter2@127.0.0.1:1/x"

FAULTS = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n", "is empty"),
    "the password alone": (b"hunter2\n", "must hold one line"),
    "two lines": (b"sqlite:///hunter2.db\nhunter2\n", "must hold one line"),
    "an assignment": (b"SEDN_STORE = sqlite:///hunter2.db\n", "must hold one line"),
    "no text": (b"sqlite:///\xff\xfehunter2", "is not a text"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_without_an_address_is_refused_and_not_shown(fault: str, tmp_path: Path) -> None:
    content, said = FAULTS[fault]
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(UserError) as caught:
        read_address(str(file), "SEDN_STORE_FILE")
    line = str(caught.value)
    assert line.startswith(f"SEDN_STORE_FILE: {file}: {said}")
    assert "hunter2" not in line
    assert "\n" not in line


@pytest.mark.parametrize("path", ["missing", "."])
def test_what_is_no_file_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"(No such file|Is a directory).*; it must hold the URL"):
        read_address(str(tmp_path / path), "x")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(URL)
    file.chmod(0)
    with ordinary_user(), pytest.raises(UserError, match="Permission denied"):
        read_address(str(file), "x")


@pytest.mark.parametrize("content", [URL, f"{URL}\n", f"\ufeff {URL} \r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_an_address_is_read(content: str, mode: int, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    assert read_address(str(file), "x") == URL


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_password_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(URL)
    file.chmod(mode)
    with pytest.raises(UserError, match="others may read the password in it; `chmod 600`"):
        read_address(str(file), "x")
    file.write_text("postgresql+psycopg://u@127.0.0.1:1/x")
    assert read_address(str(file), "x"), "there is no password in it"


def test_secrets_of_a_container_are_read_though_all_may_read_them(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "url"
    file.parent.mkdir()
    mount = ["mount", "-t", "tmpfs", "none", str(file.parent)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting takes rights that this process lacks")
    try:
        file.write_text(URL)
        file.chmod(0o444)
        subprocess.run(["mount", "-o", "remount,ro", str(file.parent)], check=True)
        assert read_address(str(file), "x") == URL
    finally:
        subprocess.run(["umount", "--lazy", str(file.parent)], check=True)


def run(*words: str, patch: pytest.MonkeyPatch) -> int:
    patch.setattr(sys, "argv", ["sedn", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


WAYS = ("typed", "typed-file", "variable", "variable-file")
WINNERS = {
    ("typed",): "typed",
    ("typed-file",): "typed-file",
    ("variable",): "variable",
    ("variable-file",): "variable-file",
    ("typed", "variable", "variable-file"): "typed",
    ("typed-file", "variable", "variable-file"): "typed-file",
    ("typed", "typed-file"): None,
    ("variable", "variable-file"): None,
}
"""What counts of the ways to name the database; ``None``: they are refused."""


@pytest.mark.parametrize("given", WINNERS)
def test_what_is_typed_counts_most(
    given: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    urls, winner = {way: f"sqlite:///{tmp_path}/the {way}.db" for way in WAYS}, WINNERS[given]
    files = {way: tmp_path / f"{way}.url" for way in WAYS}
    for way in WAYS:
        files[way].write_text(urls[way])
    if winner is not None:
        open_store(urls[winner], create=True).engine.dispose()
    values = {"variable": ("SEDN_STORE", urls), "variable-file": ("SEDN_STORE_FILE", files)}
    for way, (name, known) in values.items():
        monkeypatch.delenv(name, raising=False)
        if way in given:
            monkeypatch.setenv(name, str(known[way]))
    words = [f"--store={urls['typed']}"] if "typed" in given else []
    words += [f"--store-file={files['typed-file']}"] if "typed-file" in given else []
    code = run("list", "--json", *words, patch=monkeypatch)
    said = capsys.readouterr()
    if winner is None:
        assert (code, len(said.err.splitlines())) == (2, 1)
        assert "both name the database" in said.err or "give one of the two" in said.err
    else:
        assert (code, said.out.strip()) == (0, "[]"), said.err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--store-file=a b.url",), " --store-file 'a b.url'"),
        (("SEDN_STORE_FILE=a b.url",), ""),
        (("--store=sqlite:///sedn.db", "SEDN_STORE_FILE=a b.url"), " --store sqlite:///sedn.db"),
        (("--store=sqlite:///sedn.db", "SEDN_STORE=sqlite:///b"), " --store sqlite:///sedn.db"),
        (("--store=sqlite:///sedn.db",), ""),
        (("SEDN_STORE=sqlite:///sedn.db",), ""),
        ((), ""),
    ],
)
def test_what_is_to_be_typed_next_finds_the_database(
    given: tuple[str, ...],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///sedn.db"
    store = open_store(url, create=True)
    fill(store, "n", 2, 1, 1)
    Path("a b.url").write_text(url)
    for name in ("SEDN_STORE", "SEDN_STORE_FILE"):
        monkeypatch.delenv(name, raising=False)
    for one in given:
        if not one.startswith("-"):
            monkeypatch.setenv(*one.split("=", 1))
    typed = [one for one in given if one.startswith("-")]
    assert run("show", "n", "1", *typed, patch=monkeypatch) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if "sedn export" in line]
    assert line.partition(".yaml")[2].rstrip("'. ") == words.rstrip("'"), line
