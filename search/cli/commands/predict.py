"""`sedn predict`: scores of images by a finished run, written as they are computed."""

import csv
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from search.cli.console import open_terminal
from sedn.errors import UserError
from sedn.style import count_of, one_line

if TYPE_CHECKING:
    from sedn.prediction.predict import Prediction

STDIN = "-"
TOP_IN_TERMINAL = 5
MARK = "✓ "
"""Before a label that is present."""
err = open_terminal(stderr=True)


def predict(
    run: Annotated[Path, typer.Argument(help="Folder that `sedn train` or `sedn combine` wrote.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Files or folders, searched with all folders in them; - reads paths from stdin.",
        ),
    ] = None,
    maps: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks with the names of the images, for a run with given maps."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Number of images that are scored at once.")
    ] = 32,
    top: Annotated[
        int | None, typer.Option(min=1, help="Write only the N most probable labels of each image.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object for each image, a line each.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", help="Write to this file; by default to stdout.")
    ] = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read.")
    ] = False,
) -> None:
    """Score images, per label, and list the labels that are present.

    The maps come from the semantic source of the run.
    """
    words = _words(images)
    from sedn.prediction.images import find_images
    from sedn.prediction.predict import predict_images

    counts: Counter[str] = Counter()
    files = find_images(_paths(words), leave_out=maps)
    skip = partial(_skip, counts) if skip_unreadable else None
    roots = [Path(word) for word in words if Path(word).is_dir()]
    predictions = predict_images(run, files, batch_size, maps, skip, roots)
    _write(predictions, counts, top, output, as_json)
    _say(counts, output)


def _write(
    predictions: Iterator["Prediction"],
    counts: "Counter[str]",
    top: int | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write each prediction as the image is scored, and count the images."""
    terminal = output is None and sys.stdout.isatty()
    lines = _json_lines if as_json else short_lines if terminal else _csv_lines
    with _written(output, terminal) as write:
        for line in lines(_counted(predictions, counts), top):
            write(line)
        if not counts["scored"]:
            raise UserError(f"none of the {counts['skipped']} images can be read")


def _skip(counts: "Counter[str]", reason: str) -> None:
    counts["skipped"] += 1
    err.print(f"left out: {reason}", soft_wrap=True)


def _words(images: list[str] | None) -> list[str]:
    """The names of the images, checked before anything is loaded."""
    if not images and sys.stdin.isatty():
        raise UserError("no image: name files or folders, or give a list of paths on stdin")
    for word in images or ():
        if word != STDIN and not Path(word).exists():
            raise UserError(f"{word}: no such file or folder")
    return images or [STDIN]


def _paths(words: Sequence[str]) -> Iterator[Path]:
    for word in words:
        if word != STDIN:
            yield Path(word)
            continue
        # As bytes: a file's name need not be text.
        for line in sys.stdin.buffer:
            if name := line.rstrip(b"\r\n"):
                yield Path(os.fsdecode(name))


def _counted(predictions: Iterator["Prediction"], counts: Counter[str]) -> Iterator["Prediction"]:
    for prediction in predictions:
        counts["scored"] += 1
        counts["without a mask"] += prediction.lacks_mask
        yield prediction


@contextmanager
def _written(output: Path | None, terminal: bool) -> Iterator[Callable[[str], object]]:
    """A function that writes a line: to stdout at once, to a terminal in its own encoding, or to a
    file that appears when the file is whole.
    """
    from sedn.files import writing

    if output is None:
        yield _show_now if terminal else _write_now
        return
    with writing(output) as file:
        yield lambda line: file.write(_encode(line))


def _write_now(line: str) -> None:
    sys.stdout.buffer.write(_encode(line))
    sys.stdout.buffer.flush()


def _show_now(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()


def _encode(line: str) -> bytes:
    return line.encode("utf-8", "surrogateescape")


def _csv_lines(predictions: Iterator["Prediction"], top: int | None) -> Iterator[str]:
    """A column for each label; or, of the most probable alone, a row for each."""
    first = True
    for prediction in predictions:
        best = _best(prediction, top)
        if first:
            labels = list(prediction.probabilities)
            yield _csv_row(["image", *(labels if top is None else ("label", "probability"))])
            first = False
        if top is None:
            yield _csv_row([prediction.name, *(f"{probability:.4f}" for _, probability in best)])
        else:
            yield from (
                _csv_row([prediction.name, label, f"{probability:.4f}"])
                for label, probability in best
            )


def _csv_row(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _json_lines(predictions: Iterator["Prediction"], top: int | None) -> Iterator[str]:
    for prediction in predictions:
        probabilities = {
            label: round(probability, 6) for label, probability in _best(prediction, top)
        }
        row = {"image": prediction.name, "present": prediction.present}
        yield json.dumps(row | {"probabilities": probabilities}) + "\n"


def short_lines(predictions: Iterator["Prediction"], top: int | None) -> Iterator[str]:
    """For a person: the labels that are present, marked, then the most probable
    others.
    """
    for prediction in predictions:
        best = _best(prediction, len(prediction.probabilities))
        present = [pair for pair in best if pair[0] in prediction.present]
        absent = [pair for pair in best if pair[0] not in prediction.present]
        room = max((top or TOP_IN_TERMINAL) - len(present), 0)
        lines = [
            f"{MARK}{one_line(label)} {probability:.4f}" for label, probability in present[:top]
        ]
        lines += [f"{one_line(label)} {probability:.4f}" for label, probability in absent[:room]]
        yield f"{one_line(prediction.name)}  {' · '.join(lines)}\n"


def _best(prediction: "Prediction", top: int | None) -> list[tuple[str, float]]:
    """The most probable labels first, or all labels in their own order."""
    pairs = list(prediction.probabilities.items())
    return pairs if top is None else sorted(pairs, key=lambda pair: -pair[1])[:top]


def _say(counts: Counter[str], output: Path | None) -> None:
    """On stderr what the scores themselves do not tell."""
    if counts["without a mask"]:
        err.print(
            f"{counts['without a mask']} of {counts['scored']} images have no mask; the network "
            f"scored them without a map.",
        )
    if counts["skipped"]:
        err.print(f"{count_of(counts['skipped'], 'image')} could not be read, and left out.")
    if output is not None:
        err.print(f"Wrote {output}: {count_of(counts['scored'], 'image')}")
