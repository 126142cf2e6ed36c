"""A COCO set as large as train2017 and val2017, generated, and what a process takes to open it."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 640, 480
CATEGORIES, OBJECTS, POINTS = 80, 7.3, 24
"""Categories; objects of an image and points of an object in the mean, as COCO's."""
PARTS = {"train2017": 113 / 118, "val2017": 5 / 118}
OPEN = """
import json, sys, time
from pathlib import Path

def greatest():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

from sedn.data.kept import open_listing
found = {"imported": greatest()}
started = time.perf_counter()
listing = open_listing(Path(sys.argv[1]), {})
drawn = listing.maps[len(listing) // 2].draw((640, 480))
assert drawn.any() and len(listing) == int(sys.argv[2])
print(json.dumps({**found, "seconds": time.perf_counter() - started, "MB": greatest()}))
"""
"""What a process does: it opens the data, and draws one map."""


def write_coco(folder: Path, images: int) -> int:
    """Images and JSON of both parts; gives the bytes of the JSON."""
    pictures = [_picture(number) for number in range(100)]
    (folder / "annotations").mkdir()
    first = size = 0
    for part, share in PARTS.items():
        rows = range(first, first + round(images * share))
        (folder / part).mkdir()
        for row in rows:
            # Of different bytes, so that each is a file of its own to the cache.
            data = pictures[row % len(pictures)] + row.to_bytes(4, "big")
            (folder / part / f"{row:012d}.jpg").write_bytes(data)
        path = folder / "annotations" / f"instances_{part}.json"
        with path.open("w", encoding="ascii") as file:
            file.writelines(_document(rows))
        size += path.stat().st_size
        first = rows.stop
    return size


def open_in_process(folder: Path, images: int) -> dict[str, float]:
    """Seconds to open the data and draw one map in a fresh process, and its greatest resident
    memory in megabytes: after the imports, and at the end.
    """
    words = [sys.executable, "-c", OPEN, str(folder), str(images)]
    found = subprocess.run(words, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return measured


def _picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def _document(rows: range) -> Iterator[str]:
    random = np.random.default_rng(rows.start)
    outlines = [_outline(random) for _ in range(3000)]
    crowd = json.dumps({"counts": [100, 50] * 300 + [WIDTH * HEIGHT - 45000], "size": [480, 640]})
    yield '{"info": {"description": "generated"}, "licenses": [], "images": ['
    for row in rows:
        yield (
            f'{", " if row > rows.start else ""}{{"license": 3, "file_name": "{row:012d}.jpg", '
            f'"coco_url": "http://images.cocodataset.org/train2017/{row:012d}.jpg", '
            f'"height": {HEIGHT}, "width": {WIDTH}, "date_captured": "2013-11-14 17:02:52", '
            f'"id": {row}}}'
        )
    yield '], "annotations": ['
    number = rows.start * 100
    for row in rows:
        for _ in range(1 + random.poisson(OBJECTS - 1)):
            shape = outlines[int(random.integers(len(outlines)))] if number % 100 else crowd
            yield (
                f'{", " if number > rows.start * 100 else ""}{{"segmentation": {shape}, '
                f'"area": 702.1057499999998, "iscrowd": {int(number % 100 == 0)}, '
                f'"image_id": {row}, "bbox": [473.07, 395.93, 38.65, 28.67], '
                f'"category_id": {int(random.integers(1, CATEGORIES + 1))}, "id": {number}}}'
            )
            number += 1
    named = [
        {"supercategory": "x", "id": n, "name": f"class {n}"} for n in range(1, CATEGORIES + 1)
    ]
    yield f'], "categories": {json.dumps(named)}}}'


def _outline(random: np.random.Generator) -> str:
    points = 3 + int(random.gamma(2, POINTS / 2))
    angles = np.sort(random.random(points)) * 2 * np.pi
    radius = random.uniform(8, 120) * random.uniform(0.7, 1, points)
    centre = random.uniform((0, 0), (WIDTH, HEIGHT))
    outline = centre + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    return json.dumps([outline.clip(0, (WIDTH, HEIGHT)).round(2).ravel().tolist()])
