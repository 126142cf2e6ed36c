"""Cut-out objects and photographs that ``objects-in-scenes`` is composed of, and their splits.

The objects are the photographs among the stamps of Debian's ``tuxpaint-stamps-default``; the scenes
are photographs of other packages, of scikit-image and of scikit-learn. Which file is a photograph,
and taken where, was told by eye.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
import sklearn.datasets

SPLITS = {"train": 0.6, "validation": 0.2, "test": 0.2}
"""The share of all objects and scenes that each split has for its own."""

PACKAGES = (
    "tuxpaint-stamps-default", "tuxpaint-data", "gnome-backgrounds", "lomiri-wallpapers-16.04",
    "lomiri-wallpapers-20.04", "lxqt-themes", "mate-backgrounds", "opencv-doc",
    "plasma-workspace-wallpapers",
)  # fmt: skip

STAMPS = "tuxpaint/stamps"
ROOMS = {
    "animal": r"animals/",
    "food": r"food/",
    "plant": r"plants/",
    "household": r"(household|hobbies|medical|sports)/",
    "street": r"(town|vehicles|military/vehicles)/",
}
KINDS = {
    "bird": r"animals/birds/",
    "mammal": r"animals/(mammals|marsupials)/",
    "hoofed": r"animals/mammals/(bovines|camel|deer|equines)/"
    r"|animals/mammals/(giraffe|hippo|pig|rhino|wildboar)",
    "fruit_or_nut": r"food/(fruit|nuts)/",
}
NO_OBJECTS = (
    r"cartoon|alphabets|symbols/(shapes|math|music|faces|money/00|$)|flags|clothes/|seasonal/"
    r"|symbols/[^/]*$|hedgehog|tooth|body_parts|pizza|inukshuk-outline|lightning|rugby_goal"
    r"|naturalforces|glass|_crossing_gate"
)
"""Stamps that are drawn, or of which hardly a pixel is opaque."""

MATE, LOMIRI, PLASMA = "backgrounds/mate/nature", "backgrounds", "wallpapers"
OPENCV, LXQT, TEMPLATES = "doc/opencv-doc/examples", "lxqt/wallpapers", "tuxpaint/templates"
OUTDOORS = {
    LOMIRI: "Bridge* Dragonfly* Kleiber* aitzgorri* life_* picosdeeuropa* seeding* sunset*",
    MATE: "Blinds Dune FreshFlower Garden GreenMeadow LadyBird RainDrops Storm TwoWings Yellow*",
    PLASMA: "BytheWater ColdRipple DarkestHour EveningGlow FallenLeaf Kite OneStandsOut Path "
    "summer_1am",
    OPENCV: "data/aero1 data/building data/butterfly data/home data/leuvenA data/licenseplate* "
    "data/messi5 data/squirrel_cls hfs/data/000 hfs/data/002",
    LXQT: "Butterfly-* Valendas after-the-rain appleflower beam cloud drop flowers fog this-is-*",
    TEMPLATES: "cliff corn_maze lighthouse mossy_log ocean_splash ocean_waves redwoods_above sheep "
    "sun_behind_clouds sun_behind_leaves trees_above trees_at_dusk",
    "skimage": "camera rocket",
    "sklearn": "china flower",
}
INDOORS = {
    LOMIRI: "Picture_0B* Picture_1A* Wine* free_* greentock*",
    PLASMA: "ColorfulCups",
    OPENCV: "alphamat/input_images/plant data/aloeL data/basketball1 data/board data/box_in_scene "
    "data/ela_original data/fruits data/left data/left01 data/rubberwhale1 data/stuff",
    TEMPLATES: "wool_mill_machine",
    "skimage": "astronaut chelsea coffee motorcycle_left",
}
GROUND = {
    MATE: "Wood",
    TEMPLATES: "burnt_bark mossy_bark mudstone rocks",
    "skimage": "brick grass gravel",
}
"""Surfaces: what a block is made of."""


@dataclass(frozen=True)
class Stamp:
    """A photograph of one object, cut out."""

    path: Path
    labels: frozenset[str]
    """Its room and kinds; none of an object that is in no room."""


@dataclass(frozen=True)
class Sources:
    """What the images of one split are composed of."""

    stamps: tuple[Stamp, ...]
    outdoors: tuple[Path, ...]
    indoors: tuple[Path, ...]
    ground: tuple[Path, ...]

    def of_room(self, room: str) -> list[Stamp]:
        """The objects of a room."""
        return [stamp for stamp in self.stamps if room in stamp.labels]


def split_sources(debian: Path, seed: int) -> dict[str, Sources]:
    """All objects and scenes, each in one split.

    Args:
        debian: where the packages are unpacked; ``/`` where they are installed.
        seed: decides the splits.

    Raises:
        FileNotFoundError: a package is missing.
    """
    share = debian / "usr" / "share"
    rng = np.random.default_rng(seed)
    strata: dict[object, dict[str, list[Stamp]]] = defaultdict(lambda: defaultdict(list))
    for stamp in _stamps(share / STAMPS):
        strata[stamp.labels][_thing(stamp.path)].append(stamp)
    stamps: dict[str, list[Stamp]] = {split: [] for split in SPLITS}
    for stratum in strata.values():
        for split, things in _divide(list(stratum), rng).items():
            stamps[split] += [stamp for thing in things for stamp in stratum[thing]]
    scenes = [_divide(_photographs(share, names), rng) for names in (OUTDOORS, INDOORS, GROUND)]
    return {
        split: Sources(tuple(stamps[split]), *(tuple(part[split]) for part in scenes))
        for split in SPLITS
    }


def _stamps(folder: Path) -> list[Stamp]:
    paths = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.png"))}
    if not paths:
        raise FileNotFoundError(f"{folder}: no stamps; install tuxpaint-stamps-default")
    return [
        Stamp(path, frozenset(name for name, where in (ROOMS | KINDS).items() if _is(where, key)))
        for key, path in paths.items()
        if not re.search(NO_OBJECTS, key)
    ]


def _is(where: str, key: str) -> bool:
    return re.match(where, key) is not None


def _thing(path: Path) -> str:
    """What near copies of a stamp share: apples are of one split."""
    return re.split(r"[-_]", path.stem)[0]


def _photographs(share: Path, names: dict[str, str]) -> list[Path]:
    found = []
    for folder, stems in names.items():
        for stem in stems.split():
            inner = "/contents/images/2560x1600" if folder == PLASMA else ""
            below = {
                "skimage": Path(skimage.data.__file__).parent,
                "sklearn": Path(sklearn.datasets.__file__).parent / "images",
            }.get(folder, share / folder)
            paths = sorted(below.glob(f"{stem}{inner}.*[gG]"))
            if not paths:
                raise FileNotFoundError(
                    f"{below}/{stem}: no such photograph; install {' '.join(PACKAGES)}"
                )
            found.append(paths[0])
    return found


def _divide(things: list, rng: np.random.Generator) -> dict[str, list]:
    """The things in random order, by split, each split with at least one."""
    order = [things[place] for place in rng.permutation(len(things))]
    held = {split: max(1, round(share * len(order))) for split, share in SPLITS.items()}
    test, validation = held["test"], held["test"] + held["validation"]
    return {"test": order[:test], "validation": order[test:validation], "train": order[validation:]}
