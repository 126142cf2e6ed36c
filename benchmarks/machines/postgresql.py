"""A PostgreSQL server of our own, from Debian's binaries."""

import os
import pwd
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

ACCOUNT = "nobody"
"""Who runs the server when the tests run as root, as whom PostgreSQL does not start."""
LOCKED = "locked"
"""The group of the users whom a server asks for a password; it lets all others in."""


def find_binaries() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl`` of the newest version installed."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    return newest and newest.parent


ENDING = """
cat > /dev/null
if pid=$(head -n 1 "$1/data/postmaster.pid"); then
    kill -QUIT "$pid"
    while [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid"; do sleep 0.1; done
fi
rm -rf "$1"
"""
"""Waits until whoever started a server ends it, or is gone; then ends the server at once."""


@contextmanager
def running_server(binaries: Path) -> Iterator[str]:
    """Start a server on a free loopback port, give its URL, and stop it in the end."""
    with _own_folder() as folder:
        yield _start(binaries, folder)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder for a server.

    A process of its own stops the server, so that it is stopped also where this process is killed.
    """
    # Not pytest's folder, which another account cannot enter; and sockets need a short path.
    folder = Path(tempfile.mkdtemp(prefix="sedn-postgres-"))
    # A session of its own: a signal to the group of this process is not one to it.
    ending = subprocess.Popen(
        ["sh", "-c", ENDING, "sh", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield folder
    finally:
        ending.communicate()


def _start(binaries: Path, folder: Path, address: str = "127.0.0.1") -> str:
    """Make a server whose files lie in the folder, and start it; its URL."""
    run_program(binaries, folder, "initdb", *INITIAL)
    port = free_port()
    # Who is on the network of the address is let in as who is on this machine; but for those with a
    # password. The first rule that fits counts.
    rules = folder / "data" / "pg_hba.conf"
    own = f"host all +{LOCKED} all scram-sha-256\n", f"host all all {address}/24 trust\n"
    rules.write_text(own[0] + rules.read_text() + own[1])
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"listen_addresses = '{address}'\nport = {port}\nfsync = off\n")
        settings.write(f"unix_socket_directories = '{folder}'\n")
    run_program(binaries, folder, "pg_ctl", "start", "--wait", "--log", str(folder / "log"))
    return f"postgresql+psycopg://sedn@{address}:{port}"


INITIAL = ("--username=sedn", "--auth=trust", "--no-locale", "--encoding=UTF8")


def run_program(binaries: Path, folder: Path, program: str, *words: str) -> None:
    """Run a program of PostgreSQL on the server in the folder."""
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = pwd.getpwnam(ACCOUNT)
        os.chown(folder, account.pw_uid, account.pw_gid)
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    done = subprocess.run(
        [binaries / program, "--pgdata", folder / "data", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **identity,
    )
    if done.returncode:
        log = folder / "log"
        said = log.read_text() if log.exists() else ""
        raise RuntimeError(f"{program}: {done.stderr}\n{said}")


@dataclass(frozen=True)
class RestartedServer:
    """A server that is stopped and started again, with all that was in its databases."""

    binaries: Path
    folder: Path
    url: str

    @classmethod
    @contextmanager
    def running(cls, binaries: Path, address: str) -> Iterator["RestartedServer"]:
        """A server at an address of this machine, which its network reaches; stopped in the end."""
        with _own_folder() as folder:
            yield cls(binaries, folder, _start(binaries, folder, address))

    def new_database(self) -> str:
        """Make an empty database and give its URL."""
        return new_database(self.url)

    def stop(self) -> None:
        """End the server and the connections to the server, as a restart of its machine does."""
        run_program(self.binaries, self.folder, "pg_ctl", "stop", "--mode=immediate", "--wait")

    def start(self) -> None:
        """Start the server again."""
        log = str(self.folder / "log")
        run_program(self.binaries, self.folder, "pg_ctl", "start", "--wait", "--log", log)


def new_locked_database(server_url: str, password: str) -> URL:
    """Make an empty database that a user of its own owns, whom the server asks for the password;
    its URL, with the password.
    """
    import psycopg
    from psycopg import sql

    plain = make_url(new_database(server_url))
    user = f"{plain.database}_owner"
    address = server_url.replace("+psycopg", "")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        names = {"user": user, "group": LOCKED, "base": str(plain.database)}
        quoted = {name: sql.Identifier(value) for name, value in names.items()}
        if not connection.execute(f"select 1 from pg_roles where rolname = '{LOCKED}'").fetchall():
            connection.execute(sql.SQL("create role {group}").format(**quoted))
        for statement in (
            "create role {user} login in role {group} password {password}",
            "alter database {base} owner to {user}",
        ):
            made = sql.SQL(statement).format(**quoted, password=sql.Literal(password))
            connection.execute(made)
    return plain.set(username=user, password=password)


def new_database(server_url: str) -> str:
    """Make an empty database on the server and give its URL."""
    # Not above: tests that need no database run where there is no driver for PostgreSQL.
    import psycopg

    name = f"sedn_{secrets.token_hex(4)}"
    address = server_url.replace("+psycopg", "")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return f"{server_url}/{name}"


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
