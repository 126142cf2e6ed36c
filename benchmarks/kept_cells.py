"""The cells of a long simulation, kept in a file, so that one that was ended goes on.

A line of JSON for each: its name, and its numbers. A cell of other code has the same name: delete
the file once what is simulated has changed.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

Numbers = list[float]


class KeptCells:
    """Numbers by the name of a cell."""

    def __init__(self, path: Path | None) -> None:
        """Read what ``path`` has; keep nothing where there is no path."""
        self._path = path
        self._numbers: dict[str, Numbers] = {}
        if path is not None and path.exists():
            text = path.read_text()
            # What a process that was killed left of its last line.
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                path.write_text(whole)
            for line in whole.splitlines():
                kept = json.loads(line)
                self._numbers[kept["cell"]] = kept["numbers"]

    def get(self, name: str, simulate: Callable[[], Numbers]) -> Numbers:
        """The numbers of a cell, simulated unless the file has them."""
        if name not in self._numbers:
            self._numbers[name] = simulate()
            if self._path is not None:
                with self._path.open("a") as file:
                    file.write(json.dumps({"cell": name, "numbers": self._numbers[name]}) + "\n")
        return self._numbers[name]


def simulation_options(text: str | None, sets: int) -> argparse.ArgumentParser:
    """The options of a simulation in cells.

    Args:
        text: says what the program does.
        sets: of images for each cell, unless asked otherwise.
    """
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--sets", type=int, default=sets, help="sets of images for each cell")
    parser.add_argument("--keep", type=Path, help="file that keeps finished cells")
    parser.add_argument("--positives", type=int, nargs="+", default=[5, 10, 50])
    return parser
