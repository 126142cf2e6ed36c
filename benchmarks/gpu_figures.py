"""All ratios of the parts of ``gpu.sh``, as a table beside their goals and as one JSON line.

python benchmarks/gpu_figures.py FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any


def ratios_in(folder: Path) -> dict[str, dict[str, Any]]:
    """By part and name, from the last JSON line of each log that has one."""
    found: dict[str, dict[str, Any]] = {}
    for log in sorted(folder.glob("*.log")):
        lines = [line for line in log.read_text().splitlines() if line.startswith('{"ratios"')]
        for name, ratio in json.loads(lines[-1])["ratios"].items() if lines else ():
            found[f"{log.stem}/{name}"] = ratio
    return found


def main() -> None:
    """Print the table and the line."""
    found = ratios_in(Path(sys.argv[1]))
    print(f"{'ratio':48} {'value':>7} {'goal':>10}")
    for name, ratio in found.items():
        goal = f"{'<=' if ratio['at_most'] else '>='} {ratio['goal']:g}"
        print(f"{name:48} {ratio['value']:7.3f} {goal:>10}")
    print(json.dumps({"ratios": found}))


if __name__ == "__main__":
    main()
