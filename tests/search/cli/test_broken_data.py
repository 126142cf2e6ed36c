"""Data that cannot be trained on: one line that names the file, exit code 2, nothing left."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from search.cli.main import main
from sedn.files import cache_folder
from tests.sedn.data.fixtures import write_coco_file, write_voc

Spoil = Callable[[Path], Path | None]
"""Breaks the data set of a table; the path to name instead of the table's, if another."""


def change(old: str, new: str, count: int = 1) -> Spoil:
    def spoil(table: Path) -> None:
        text = table.read_text()
        assert old in text
        table.write_text(text.replace(old, new, count))

    return spoil


def write(name: str, content: bytes | str) -> Spoil:
    def spoil(table: Path) -> None:
        path = table.parent / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def described(text: str, *others: Spoil) -> Spoil:
    """A ``data.yaml`` beside the table."""

    def spoil(table: Path) -> Path:
        for other in others:
            other(table)
        (table.parent / "data.yaml").write_text(text)
        return table.parent / "data.yaml"

    return spoil


def truncated(table: Path) -> None:
    path = table.parent / "5.png"
    Image.open(path).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:400])


def looping(table: Path) -> None:
    (table.parent / "5.png").unlink()
    (table.parent / "5.png").symlink_to(table.parent / "5.png")


def bomb(table: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(table.parent / "5.png")


def folder_for_an_image(table: Path) -> None:
    (table.parent / "5.png").unlink()
    (table.parent / "5.png").mkdir()


def coloured_mask(table: Path) -> None:
    Image.new("RGB", (40, 40), "red").save(table.parent / "5-map.png")


def unknown_label(table: Path) -> None:
    lines = table.read_text().splitlines()
    rows = [f"{lines[0]},striped", *(f"{line},0" for line in lines[1:])]
    table.write_text("\n".join(rows) + "\n")


def coco(change: Callable[[dict], object]) -> Spoil:
    def spoil(table: Path) -> Path:
        path = write_coco_file(table.parent / "coco")
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))
        return path

    return spoil


def long_run_lengths(document: dict) -> None:
    segmentation = next(
        a["segmentation"] for a in document["annotations"]
        if isinstance(a["segmentation"], dict) and isinstance(a["segmentation"]["counts"], list)
    )  # fmt: skip
    segmentation["counts"].append(7)


def broken_json(table: Path) -> Path:
    path = table.parent / "instances.json"
    path.write_text('{"images": [')
    return path


def broken_xml(table: Path) -> Path:
    folder = write_voc(table.parent / "voc")
    next((folder / "Annotations").glob("*.xml")).write_text("<annotation><object>")
    return folder


def empty_folder(table: Path) -> Path:
    (table.parent / "empty").mkdir()
    return table.parent / "empty"


BROKEN: dict[str, tuple[Spoil, str]] = {
    "truncated JPEG": (truncated, r"5\.png: cannot be decoded"),
    "zero-byte file": (write("5.png", b""), r"5\.png: .*the file is empty"),
    "no image at all": (write("5.png", "hello"), r"5\.png: .*expected JPEG, PNG, WebP"),
    "decompression bomb": (bomb, r"5\.png: .*more pixels than are safe"),
    "folder for an image": (folder_for_an_image, r"row 7: image '5\.png': not a file"),
    "symlink loop": (looping, r"row 7: image '5\.png': Too many levels of symbolic links"),
    "missing image": (change("5.png,5-", "no.png,5-"), r"row 7: image 'no\.png': no such file"),
    "path outside the root": (change("5.png,", "../5.png,"), r"row 7: image '\.\./5\.png' lies"),
    "absolute path outside": (change("5.png,", "/etc/hosts,"), r"'/etc/hosts' lies outside"),
    "file name twice": (change("5.png,5-", "4.png,5-"), r"row 7: image '4\.png' is there twice"),
    "missing mask": (change("5-map.png", "no.png"), r"row 7: map 'no\.png': no such file"),
    "truncated mask": (write("5-map.png", b"\x89PNG\r\n"), r"5-map\.png: cannot be decoded"),
    "mask of another size": (
        lambda t: Image.new("L", (10, 10)).save(t.parent / "5-map.png"),
        r"5-map\.png: map of 10 x 10 pixels for an image of 40 x 40",
    ),
    "mask without indices": (
        described("table: products.csv\nregions: {card: 1}\n", coloured_mask),
        r"5-map\.png: the regions are given by index, but the mask has colours",
    ),
    "region of no colour": (
        described("table: products.csv\nregions: {card: reddish}\n"),
        r"region 'card': 'reddish' is neither an index",
    ),
    "label of no value": (change("map.png,1,0", "map.png,yess,0"), r"row 3: label 'red' is 'yess'"),
    "misspelled label": (
        described("table: products.csv\nlabels: [red, brigth]\n"),
        r"no column for label 'brigth'; did you mean 'bright'",
    ),
    "label without positives": (unknown_label, r"striped'?(: no positives| has no positive)"),
    "no label": (write("products.csv", "image\n0.png\n"), r"products\.csv: no label column"),
    "no column of images": (
        write("products.csv", "imge,red\nnowhere,1\n"), r"no column 'image'.*did you mean 'imge'",
    ),
    "no rows": (write("products.csv", "image,red\n"), r"products\.csv: holds no rows"),
    "empty split": (change("train", "test", 90), r"products\.csv: no image in split 'train'"),
    "unknown split": (change("1,0,train", "1,0,trian"), r"row 3: split: unknown split 'trian'; "),
    "split of some alone": (change("1,0,train", "1,0,"), r"image '.*1\.png' has no split"),
    "table that is not UTF-8": (write("products.csv", b"image,red\n\xff,1\n"), r"not UTF-8"),
    "table with an open quote": (
        write("products.csv", 'image,red\n"0.png,1\n'), r"products\.csv: cannot be read as CSV",
    ),
    "damaged Parquet": (
        lambda t: (write("p.parquet", "PAR1")(t), t.parent / "p.parquet")[1],
        r"p\.parquet: cannot be read as Parquet",
    ),
    "unknown format": (described("format: coko\n"), r"data\.yaml: unknown format 'coko'; did"),
    "unknown field": (
        described("table: products.csv\nimagse: .\n"),
        r"data\.yaml: unknown field 'imagse'; did you mean 'images'",
    ),
    "field of a table": (
        described("table: products.csv\nsplit: part\n"),
        r"data\.yaml: unknown field 'split'; did you mean 'splits'",
    ),
    "no table": (described("format: table\n"), r"data\.yaml: field 'table' is missing"),
    "no YAML": (described("format: [coco\n"), r"data\.yaml: not YAML"),
    "no format": (described("format: [coco]\n"), r"unknown format '\['coco"),
    "no such table": (described("table: prodcts.csv\n"), r"prodcts\.csv: no such table"),
    "unknown category": (
        coco(lambda d: d["annotations"][0].update(category_id=77)), r"there is no category 77",
    ),
    "RLE of wrong length": (coco(long_run_lengths), r"annotation \d+: .*RLE"),
    "broken JSON": (broken_json, r"instances\.json: "),
    "broken XML": (broken_xml, r"\.xml: cannot be read as XML"),
    "format that is not recognised": (empty_folder, r"empty: its format is not recognised"),
    "nothing there": (lambda t: t.parent / "nothing", r"nothing': no such file or folder"),
}  # fmt: skip


def run(monkeypatch, capsys, *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["sedn", *words])
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_data_is_named_in_one_line(
    kind: str, table: Path, tmp_path: Path, monkeypatch, capsys
) -> None:
    spoil, expected = BROKEN[kind]
    data = spoil(table) or table
    code, _, err = run(
        monkeypatch, capsys, "segment", f"--data={data}", "--image-size=32", "--no-pretrained",
        "--encoder=test_resnet", "-o", str(tmp_path / "maps"),
    )  # fmt: skip
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1, err
    assert re.search(expected, err), err
    assert not (tmp_path / "maps").exists()
    assert not list(cache_folder().rglob("*.part"))

    code, out, err = run(monkeypatch, capsys, "data", "check", str(data), "--image-size=32")
    assert code == 2
    assert re.search(expected, out + err), out + err


def test_the_check_of_good_data(table: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    page = tmp_path / "check.html"
    rows = table.read_text().splitlines()
    # An identifier would be a label if it were 1 and 0.
    lines = [f"id,{rows[0]}", *(f"{index},{row}" for index, row in enumerate(rows[1:]))]
    table.write_text("\n".join(lines) + "\n")
    said = (
        "images: column 'image'",
        "maps: column 'map', masks of 0 and 255",
        "labels: 2 columns of 1 and 0",
        "splits: column 'split'",
        "left out: 'id' (numbers)",
    )
    code, out, _ = run(monkeypatch, capsys, "data", "check", str(table))
    assert code == 0
    assert tuple(out.splitlines()[:5]) == said
    monkeypatch.setattr(
        sys, "argv", ["sedn", "data", "check", str(table), "--json", "-o", str(page)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    checked = json.loads(capsys.readouterr().out)
    assert checked["trainable"]
    assert checked["images"] == 90
    assert tuple(checked["reading"]) == said
    assert checked["labels"]["red"]["train"]["positives"] == 27
    text = page.read_text()
    body = re.sub(r"<script.*?</script>", "", text[text.index("</head>") :], flags=re.DOTALL)
    assert body.count("<img ") == 32
    assert "bright" in body
    assert "left out: &#x27;id&#x27; (numbers)" in body
    assert not re.search(r'(src|href)="https?:', body)


@pytest.mark.slow
def test_the_embedded_data_can_be_checked(monkeypatch, capsys) -> None:
    code, out, _ = run(monkeypatch, capsys, "data", "check", "digits-in-clutter", "--image-size=32")
    assert code == 0
    assert "6,000 images" in out
    assert "Training can begin" in out
