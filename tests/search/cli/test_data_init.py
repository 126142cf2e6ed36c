"""`sedn data init`: it tells what it can, asks the rest, and writes what reads the same."""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from search.cli.main import main
from search.settings import build_settings, check_unchanged
from sedn.config import build_config
from sedn.data.formats import read_listing
from sedn.data.listing import Listing
from sedn.errors import UserError
from spaces.fields import nest
from tests.sedn.data import fixtures
from tests.sedn.data.formats import test_coco_attributes, test_voc_exports, test_yolo_exports

Init = Callable[..., tuple[int, str, str]]


@pytest.fixture
def init(tmp_path: Path, monkeypatch, capsys) -> Init:
    """The command, without a terminal: its exit code, and what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sedn", "data", "init", *words])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code, *capsys.readouterr()

    return run


def in_terminal(*words: str, folder: Path, answers: Sequence[str]) -> tuple[int, str]:
    """The command in a terminal of its own, and what a person types there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "search.cli.main", "data", "init", *words],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
    out, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    return process.returncode, out


def same(one: Listing, other: Listing) -> None:
    assert one.labels == other.labels
    assert np.array_equal(one.targets, other.targets, equal_nan=True)
    assert (one.splits, one.groups) == (other.splits, other.groups)
    assert [image.read() for image in one.images] == [image.read() for image in other.images]
    assert [m is None for m in one.maps] == [m is None for m in other.maps]


def ambiguous(folder: Path) -> Path:
    """Tags beside columns of 1 and 0."""
    for i in range(12):
        fixtures.draw_picture(i).save(folder / f"{i}.png")
    rows = [f"{i}.png,{i % 2},{int(i % 3 == 0)},{('new sale', 'sale')[i % 2]}" for i in range(12)]
    path = folder / "x.csv"
    path.write_text("\n".join(["image,red,striped,tags", *rows]) + "\n")
    return path


def roboflow_voc(folder: Path) -> Path:
    test_voc_exports.roboflow(folder)
    return folder


WRITERS = fixtures.WRITERS | {"Roboflow's VOC": roboflow_voc}


@pytest.mark.parametrize(
    "format", ["csv", "list table", "coco", "voc", "hugging face", "Roboflow's VOC"]
)
@pytest.mark.parametrize("place", ["beside", "elsewhere"])
def test_what_is_written_reads_the_same(
    init: Init, tmp_path: Path, format: str, place: str
) -> None:
    (tmp_path / "data").mkdir()
    path = WRITERS[format](tmp_path / "data")
    expected = read_listing(path)
    words = [str(path), "--yes", *(["-o", "described.yaml"] if place == "elsewhere" else [])]
    code, out, err = init(*words)
    assert code == 0, err
    folder = path if path.is_dir() else path.parent
    written = tmp_path / "described.yaml" if place == "elsewhere" else folder / "data.yaml"
    assert out.splitlines()[: len(expected.notes)] == list(expected.notes)
    same(read_listing(written), expected)
    code, _, err = init(*words)
    assert code == 2
    assert err.strip().endswith("is there already; remove it, or name another with -o")


@pytest.mark.parametrize("path", ["data", "data/data.yaml"])
def test_a_file_of_yolo_is_kept(init: Init, tmp_path: Path, path: str) -> None:
    (tmp_path / "data").mkdir()
    expected = read_listing(fixtures.write_yolo(tmp_path / "data"))
    before = (tmp_path / "data/data.yaml").read_bytes()
    code, _, err = init(path, "--yes")
    assert code == 2
    assert err.strip().endswith("is YOLO's own, and is kept; name another file with -o")
    assert (tmp_path / "data/data.yaml").read_bytes() == before
    code, out, err = init(path, "--yes", "-o", "described.yaml")
    assert code == 0, err
    assert "maps: polygons of" in out
    same(read_listing(tmp_path / "described.yaml"), expected)


def test_classes_without_names_are_named_by_a_field(init: Init, tmp_path: Path) -> None:
    test_yolo_exports.without_names(tmp_path)
    code, _, err = init(".")
    assert code == 2
    assert "say their names in order with names:" in err
    code, _, err = init(".", "--field", "names=[bird, car, dog]")
    assert code == 0, err
    assert read_listing(tmp_path).labels == ("bird", "car", "dog")


def test_a_folder_of_two_formats_is_read_as_the_one_that_is_said(
    init: Init, tmp_path: Path
) -> None:
    test_yolo_exports.beside_each_other(tmp_path)
    rows = [f"{i:03d}.jpg,{('a', 'b')[i % 2]}" for i in range(fixtures.COUNT)]
    (tmp_path / "labels.csv").write_text("\n".join(["filename,class", *rows]) + "\n")
    for format, labels in (("table", ("a", "b")), ("yolo", fixtures.CLASSES)):
        code, _, err = init(".", "--field", f"format={format}", "-o", f"{format}.yaml")
        assert code == 0, err
        assert read_listing(tmp_path / f"{format}.yaml").labels == labels
        (tmp_path / f"{format}.yaml").unlink()


def test_what_is_open_is_one_line_without_a_terminal(init: Init, tmp_path: Path) -> None:
    path = ambiguous(tmp_path)
    for words in ([], ["--yes"]):
        code, _, err = init(str(path), *words)
        assert code == 2
        assert len(err.strip().splitlines()) == 1
        assert "say which with label_list: tags, or with leave_out: [tags]" in err
        assert not (tmp_path / "data.yaml").exists()


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (["--leave-out=tags"], ("red", "striped")),
        (["--labels=striped"], ("striped",)),
        (["--label-list=tags", "--separator=none"], ("new sale", "sale")),
        (["--label-list=tags", "--separator=space", "--labels=sale,new"], ("sale", "new")),
        (["--field=leave_out=[tags]", "--field=min_positives=5"], ("red",)),
    ],
)
def test_options_answer(
    init: Init, tmp_path: Path, words: list[str], labels: tuple[str, ...]
) -> None:
    code, out, err = init(str(ambiguous(tmp_path)), *words)
    assert code == 0, err
    assert f"12 images, {len(labels)} label" in out
    assert read_listing(tmp_path).labels == labels


def test_a_person_is_asked_until_nothing_is_open(tmp_path: Path) -> None:
    path = ambiguous(tmp_path)
    code, out = in_terminal(str(path), folder=tmp_path, answers=["7", "1", "2", "y"])
    assert code == 0, out
    assert "1  label_list: tags\n  2  leave_out: [tags]\n" in out
    assert "1  separator: space\n  2  separator: none\n" in out
    written = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert (written["label_list"], written["separator"]) == ("tags", "none")
    assert "#   labels: column 'tags'" in (tmp_path / "data.yaml").read_text()
    assert read_listing(tmp_path).labels == ("new sale", "sale")


def test_a_person_may_say_no_and_names_what_has_none(tmp_path: Path) -> None:
    for i in range(12):
        fixtures.draw_picture(i).save(tmp_path / f"{i}.png")
    rows = [f"{i}.png,{i % 2} {int(i % 3 == 0)}" for i in range(12)]
    (tmp_path / "x.csv").write_text("\n".join(["image,labels", *rows]) + "\n")
    code, out = in_terminal("x.csv", folder=tmp_path, answers=["red, striped", "n"])
    assert code == 1
    assert "12 images, 2 labels: red, striped" in out
    assert not (tmp_path / "data.yaml").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["x.csv", "--field=tabel=3"], "unknown field 'tabel'"),
        (["x.csv", "--field=oops"], "--field oops: expected FIELD=VALUE"),
        (["x.csv", "--leave-out=rde"], "no column 'rde'.*did you mean 'red'"),
        (["x.csv", "--labels=red", "-o", "no/where.yaml"], "no/where.yaml"),
        (["data.yaml"], "data.yaml: describes data already; give the path of the data itself"),
    ],
)
def test_wrong_words_are_one_line(init: Init, tmp_path: Path, words: list[str], said: str) -> None:
    ambiguous(tmp_path)
    code, _, err = init(*words)
    assert code == 2
    assert len(err.strip().splitlines()) == 1, err
    assert re.search(said, err), err


def run(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sedn", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), *capsys.readouterr()


def test_every_command_that_reads_data_takes_the_same_answers(
    tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    path = str(ambiguous(tmp_path))
    answers = ("--label-list=tags", "--separator=none", "--image-column=image")
    code, out, _ = run(monkeypatch, capsys, "data", "check", path, *answers)
    assert "labels: column 'tags', a list or one name each" in out
    for command in (
        ("data", "check", path),
        ("segment", f"--data={path}", "-o", "maps", "--no-pretrained"),
        ("search", "--name=x", f"--data={path}", "--trials=1"),
    ):
        code, _, err = run(monkeypatch, capsys, *command)
        assert code == 2
        assert "say which with label_list: tags" in err
        code, _, err = run(monkeypatch, capsys, *command, "--leave-out=tags", "--labels=rde")
        assert code == 2
        assert "no column for label 'rde'; did you mean 'red'" in err
        code, _, err = run(monkeypatch, capsys, *command, *answers, "--labels=new sale,sael")
        assert code == 2
        assert "no label 'sael' in the data; did you mean 'sale'" in err
    settings = build_settings(data=path, labels=("red",), leave_out=("tags",))
    config = build_config(nest(settings.overrides().items()), "settings")
    assert config.data.labels == ("red",)
    assert hash(config.data)
    assert build_config(config.model_dump(mode="json"), "again") == config
    assert read_listing(Path(path), config.data.given()).labels == ("red",)
    with pytest.raises(UserError, match=r"'x' was started with leave_out = \('tags',\), not \(\)"):
        check_unchanged(settings, build_settings(data=path, labels=("red",)), "x")


def test_attributes_are_given_on_every_command_line(tmp_path: Path, monkeypatch, capsys) -> None:
    test_coco_attributes.cvat(tmp_path, ("garment", "bag"))
    open_question = "say which with attributes: none, or attributes: all"
    for command in (
        ("data", "check", str(tmp_path)),
        ("segment", f"--data={tmp_path}", "-o", "maps", "--no-pretrained"),
        ("search", "--name=x", f"--data={tmp_path}", "--trials=1"),
    ):
        code, _, err = run(monkeypatch, capsys, *command)
        assert code == 2
        assert open_question in err
        code, _, err = run(monkeypatch, capsys, *command, "--attributes=colour,stripped")
        assert code == 2
        assert "no annotation has 'stripped'; did you mean 'striped'" in err
    settings = build_settings(data=str(tmp_path), attributes=("striped",))
    config = build_config(nest(settings.overrides().items()), "settings")
    assert read_listing(tmp_path, config.data.given()).labels == ("striped",)


def test_data_with_faults_are_described_and_it_is_said_what_training_needs(
    tmp_path: Path, init: Init
) -> None:
    path = fixtures.write_coco_file(tmp_path)
    images = [Path(content.name) for content in read_listing(path).images]
    for image in images[:3]:
        image.unlink()
    code, out, _ = init(str(path), "--yes")
    assert code == 0
    assert "left out by `skip_unreadable`: 3 missing files, 3 images in all" in out
    assert "Training refuses this without --skip-unreadable; `sedn data check " in out
    with pytest.raises(UserError, match="3 missing files"):
        read_listing(path.with_name("data.yaml"))
    assert len(read_listing(path.with_name("data.yaml"), skip=True)) == len(images) - 3


def test_soft_labels_are_written_as_labels(tmp_path: Path, init: Init) -> None:
    rows = ["image,red,striped", *(f"{i}.png,{i % 4 / 3:.3f},{i % 3 / 3:.2f}" for i in range(12))]
    for i in range(12):
        (tmp_path / f"{i}.png").touch()
    (tmp_path / "x.csv").write_text("\n".join(rows) + "\n")
    code, out, _ = init("x.csv", "--yes")
    assert code == 0
    assert "numbers between in 'red', 'striped'" in out
    same(read_listing(tmp_path / "data.yaml"), read_listing(tmp_path / "x.csv"))
