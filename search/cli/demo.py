"""The whole path on the embedded data, by the commands a user would type: ``make demo``."""

import shlex
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path("runs/demo")
STORE = f"sqlite:///{FOLDER}/sedn.db"

COMMANDS = (
    f"search --data digits-in-clutter --space demo --name demo --trials 16 --storage-path {FOLDER}",
    "rank demo",
    "labels demo",
    f"export demo --baseline -o {FOLDER}/baseline.yaml",
    f"export demo --rank 1 -o {FOLDER}/best.yaml",
    f"train {FOLDER}/baseline.yaml -o {FOLDER}/baseline",
    f"train {FOLDER}/best.yaml -o {FOLDER}/best --beside {FOLDER}/baseline",
    "report demo -o report.html",
)
STORELESS = ("train",)


def main() -> int:
    """Run the commands one after the other; stop at the first that fails."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] not in STORELESS:
            words += ["--store", STORE]
        print(f"\n$ sedn {shlex.join(words)}", flush=True)
        code = subprocess.run([sys.executable, "-m", "search.cli.main", *words]).returncode
        if code:
            return code
    print(f"\nThe whole path took {time.monotonic() - started:.0f} s; open report.html.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
