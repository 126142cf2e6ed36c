"""Print the lowest releases that pyproject.toml claims to work with, as constraints for pip."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,.-]+\])?>=(?P<lowest>[\w.]+)")


def lowest(project: dict[str, Any]) -> Iterator[str]:
    """``name==release`` for each requirement with a lower bound, those of the extras too."""
    extras = project["optional-dependencies"].values()
    for requirement in [*project["dependencies"], *(one for extra in extras for one in extra)]:
        if found := REQUIREMENT.match(requirement):
            yield f"{found['name']}=={found['lowest']}"


if __name__ == "__main__":
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    print("\n".join(lowest(tomllib.loads(text)["project"])))
