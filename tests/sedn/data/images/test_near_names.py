"""A missing file is told by one that is there under nearly the same name, in every format."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from sedn.config import DataConfig
from sedn.data.formats import read_listing
from sedn.data.images.content import find_file
from sedn.data.images.names import ImageFolder
from sedn.data.loading import prepare_dataset
from sedn.errors import UserError
from tests.sedn.data import fixtures

NAME = "photos/café.jpg"
CASE, FORM = "in upper and lower case", "in its Unicode form (NFC, NFD)"


@pytest.mark.parametrize(
    ("there", "ways"),
    [
        ("photos/café.JPG", CASE),
        ("Photos/café.jpg", CASE),
        (unicodedata.normalize("NFD", NAME), FORM),
        (unicodedata.normalize("NFD", NAME.upper()), f"{CASE} and {FORM}"),
    ],
)
def test_a_name_that_differs_in_its_writing_is_named(tmp_path: Path, there: str, ways: str) -> None:
    (tmp_path / there).parent.mkdir()
    (tmp_path / there).touch()
    with pytest.raises(UserError) as caught:
        find_file(tmp_path, NAME, "row 3: image")
    assert str(caught.value) == (
        f"row 3: image '{NAME}': no such file; there is '{there}', which differs {ways}"
    )


def test_no_other_name_is_near(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cafe.jpg").touch()
    (tmp_path / "photos/CAFÉ.JPG").mkdir()
    with pytest.raises(UserError, match=r"café\.jpg': no such file$"):
        find_file(tmp_path, NAME, "row 3: image")


def test_a_folder_that_changes_is_looked_at_again(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file$"):
        find_file(tmp_path, "a.png", "image")
    (tmp_path / "A.png").touch()
    with pytest.raises(UserError, match=r"there is 'A\.png'"):
        find_file(tmp_path, "a.png", "image")


@pytest.mark.parametrize(
    ("name", "there"), [("photos\\1.jpg", "photos/1.jpg"), ("photos/1.jpg", "photos\\1.jpg")]
)
def test_the_other_slash_is_read_where_one_file_is_meant(
    tmp_path: Path, name: str, there: str
) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / there).touch()
    assert find_file(tmp_path, name, "image").path == str(tmp_path / there)
    (tmp_path / name).touch()
    if "\\" in name:
        with pytest.raises(UserError, match=r"may be the file .*photos\\1\.jpg or .*; keep one"):
            find_file(tmp_path, name, "image")
    else:
        assert find_file(tmp_path, name, "image").path == str(tmp_path / name)
    (tmp_path.parent / "passwd").touch()
    with pytest.raises(UserError, match=r"lies outside of|no such file"):
        find_file(tmp_path, "..\\passwd" if "\\" in name else "../passwd", "image")


def _renamed(path: Path) -> str:
    path.rename(path.with_name(path.name.upper()))
    return path.name.upper()


def test_a_folder_of_images_is_asked_without_suffix(tmp_path: Path) -> None:
    (tmp_path / "IMG_1.PNG").touch()
    with pytest.raises(
        UserError, match=r"'img_1\.PNG': no such file; there is 'IMG_1\.PNG', which"
    ):
        ImageFolder(tmp_path).find("img_1", "row 2: ImageID")


@pytest.mark.parametrize("format", ["csv", "parquet", "coco", "fashionpedia"])
def test_every_format_names_what_is_near(tmp_path: Path, format: str) -> None:
    path = fixtures.WRITERS[format](tmp_path)
    name = _renamed(Path(read_listing(path).images[4].name))
    with pytest.raises(
        UserError, match=f"no such file; there is '[^']*{name}', which differs in u"
    ):
        read_listing(path)


def _open_images(folder: Path) -> Path:
    path = fixtures.write_open_images(folder)
    for file in path.glob("*-segmentations.csv"):
        header, *rows = file.read_text().splitlines()
        (file.with_name("masks")).mkdir(exist_ok=True)
        rows = [f"masks\\{row}" for row in rows]
        file.write_text("\n".join([header, *rows]) + "\n")
    for folder in [f for f in path.glob("*-masks") if f.is_dir()]:
        masks = list(folder.iterdir())
        (folder / "masks").mkdir()
        for mask in masks:
            mask.rename(folder / "masks" / mask.name)
    return path


def _coco(folder: Path) -> Path:
    path = fixtures.write_coco_file(folder)
    document = json.loads(path.read_text())
    root = Path(read_listing(path).images[0].name).parent
    (root / "deep").mkdir()
    for image in document["images"]:
        (root / image["file_name"]).rename(root / "deep" / image["file_name"])
        image["file_name"] = f"deep\\{image['file_name']}"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("write", [_open_images, _coco])
def test_backslashes_part_folders_in_every_format(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    assert len(read_listing(write(tmp_path))) == fixtures.COUNT


def test_the_path_of_the_data_itself_is_named(tmp_path: Path) -> None:
    (tmp_path / "Data").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "Data" / "1.png")
    (tmp_path / "Data" / "Products.csv").write_text("image,red\n1.png,1\n")
    with pytest.raises(UserError, match=r"there is 'Data/Products\.csv', which differs in upper"):
        prepare_dataset(DataConfig(path=str(tmp_path / "data" / "products.csv")))
