"""No password of a database, of MLflow or of a store is shown or written, whatever its address."""

import logging
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect, text

from benchmarks.machines.postgresql import new_database
from results.database.store import find_store, open_store
from search.cli.ending import next_commands
from search.cli.main import main
from sedn.addresses import has_password, hide_password, without_password
from sedn.errors import UserError
from tests.sedn.data.fixtures import write_csv

SECRET = "hunter2"
SIGNS = "ab:/@?&=#%+[] ;\\'\"é"
around = st.text(SIGNS, max_size=4)


@st.composite
def passwords(draw: st.DrawFn) -> str:
    """Signs around the secret, quoted as an address asks for, or not."""
    password = draw(around) + SECRET + draw(around)
    return draw(st.sampled_from([password, quote(password, safe=""), quote(password)]))


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """Addresses of a database or a server that nobody listens at."""
    scheme = draw(
        st.sampled_from(["postgresql+psycopg", "postgresql", "mysql", "sqlite", "nonsense"])
    )
    host = draw(st.sampled_from(["127.0.0.1:1", "127.0.0.1:port", "[::1]:1", ""]))
    name = draw(st.sampled_from(["", "/", "/x", "/x/y"]))
    password = draw(passwords())
    options = draw(st.sampled_from(["", "?sslmode=disable", "?connect_timeout=2&x=y"]))
    more = "&" if options else "?"
    return draw(
        st.sampled_from(
            [
                f"{scheme}://u:{password}@{host}{name}{options}",
                f"{scheme}://:{password}@{host}{name}{options}",
                f"{scheme}://{host}{name}{options}{more}user=u&password={password}",
                f"{scheme}://u:{password}@{host}{name}{options}{more}password={password}",
                f"{scheme}://{host}{name}{options}{more}passfile=/none&sslpassword={password}",
            ]
        )
    )


@given(addresses())
@settings(max_examples=150, deadline=None)
def test_no_error_of_a_database_shows_its_password(url: str) -> None:
    for use in (open_store, find_store):
        with pytest.raises(UserError) as caught:
            use(url)
        assert SECRET not in str(caught.value)
        assert "\n" not in str(caught.value)


READING = (
    *("rank n", "labels n", "status n", "export n", "report n", "store rebuild-study n"),
    *("store upgrade", "list", "note n", "note n x", "tag n x"),
)
COMMANDS = (
    *READING,
    *(
        "rename n m",
        "delete n --yes",
        "store frames n -o f",
        "store merge x.db",
        "store import-optuna n --from x.db",
    ),
    *("dashboard", "search --name=n --data=digits-in-clutter", "search --name=m --warm-start=n"),
)


@given(command=st.sampled_from(COMMANDS), url=addresses(), by_environment=st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_command_shows_the_password_of_its_store(
    command: str,
    url: str,
    by_environment: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        if by_environment:
            patch.setenv("SEDN_STORE", url)
        words = command.split() + ([] if by_environment else [f"--store={url}"])
        patch.setattr(sys, "argv", ["sedn", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert SECRET not in said.out + said.err + caplog.text
    assert not list(tmp_path.iterdir()), "nothing was written"


SPACE = """\
name: tiny
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 12
axes:
  embedding.placement: {choice: [none, input, stage3]}
"""


@pytest.mark.parametrize("shape", ["sedn:{}@", "sedn@?password={}"])
def test_nothing_that_a_search_leaves_holds_the_password(
    shape: str,
    postgres_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The server of the tests takes any password."""
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    plain = new_database(postgres_server)
    user, _, options = shape.format(SECRET).partition("?")
    url = plain.replace("sedn@", user) + (f"?{options}" if options else "")
    (tmp_path / "data").mkdir()
    data = write_csv(tmp_path / "data")
    (tmp_path / "tiny.yaml").write_text(SPACE)
    search = f"search --name=n --data={data} --space=tiny.yaml --trials=2 --backend=local"
    for command in (search, search, *READING, "export n --splits -o splits.csv"):
        words = [*command.split(), "--store", url]
        monkeypatch.setattr(sys, "argv", ["sedn", *words])
        try:
            main()
        except SystemExit as ended:
            assert not ended.code, capsys.readouterr().err
    said = capsys.readouterr()
    assert "Wrote report.html" in said.err
    assert SECRET not in said.out + said.err + caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"report.html", "splits.csv"}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    engine = create_engine(plain)
    with engine.connect() as connection:
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f'select * from "{table}"')).all()
            assert SECRET not in str(rows), table
    engine.dispose()


@given(addresses())
def test_what_can_be_typed_next_shows_no_password(url: str) -> None:
    assert SECRET not in "".join(next_commands("n", url))
    assert SECRET not in without_password(url)


@given(addresses(), st.sampled_from(["{}", "at {} failed", "no host '{}'", "({!r})"]))
def test_no_text_on_an_address_shows_its_password(url: str, said: str) -> None:
    parts = [url, *url.split("/"), *url.split("@"), url.partition("?")[2]]
    for part in parts:
        assert SECRET not in hide_password(said.format(part), url)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:hunter2@bucket/runs",
        "s3://key:hun/ter2@bucket/runs",
        "s3://:hunter2@bucket?region=eu",
    ],
)
def test_a_store_of_checkpoints_takes_no_password(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert has_password(uri)
    monkeypatch.chdir(tmp_path)
    words = ["sedn", "search", "--name=n", "--backend=local", f"--storage-path={uri}"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert line.startswith("sedn: --storage-path: has a password in it")
    assert not list(tmp_path.iterdir())


def test_addresses_without_a_password() -> None:
    for uri in ("runs", "s3://bucket/a:b@c", "s3://bucket?endpoint_override=http://h:9000", "/a:b"):
        assert not has_password(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://u:hunter2@127.0.0.1:1",
        "http://u:a/hunter2@127.0.0.1:1",
        "http://u:a@hunter2@127.0.0.1:1/path",
        "http://u:a%2Fhunter2%40@127.0.0.1:1",
        "http://127.0.0.1:1/?user=u&password=hunter2",
        "http://u:a?hunter2@127.0.0.1:1",
        "http://u:hunter2@127.0.0.1:port",
        "http://u:hunter2@",
        "postgresql://u:hunter2@127.0.0.1:1/x",
        "postgresql://127.0.0.1:1/x?user=u&password=hunter2",
        "nonsense://u:hunter2@127.0.0.1:1",
    ],
)
@pytest.mark.parametrize("by_environment", [False, True])
def test_no_error_or_file_of_a_training_shows_the_password_of_mlflow(
    uri: str,
    by_environment: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_SQLALCHEMYSTORE_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", f"{SECRET}-too")
    (tmp_path / "data").mkdir()
    data = write_csv(tmp_path / "data")
    (tmp_path / "c.yaml").write_text(
        f"data: {{path: {data}, image_size: 32}}\nepochs: 1\n"
        "backbone: {name: test_resnet, pretrained: false}\n"
    )
    words = ["train", "c.yaml", "-o", "run", "--mlflow-experiment=e"]
    if by_environment:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    else:
        words.append(f"--mlflow={uri}")
    monkeypatch.setattr(sys, "argv", ["sedn", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capfd.readouterr()
    assert said.err.splitlines()[-1].startswith("sedn: --mlflow ")
    assert SECRET not in said.out + said.err + caplog.text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
