import ast
import subprocess
import sys
from pathlib import Path

import pytest

from sedn.processes import in_processes

PLAIN_SCRIPT = """
import math
from sedn.processes import in_processes

print("the script runs")
print(list(in_processes(math.sqrt, [9.0, 4.0, 1.0], 2)))
"""
PACKAGES = ("search", "sedn", "spaces", "results")


def test_a_plain_script_runs_once_and_gets_the_outcomes_in_order(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(PLAIN_SCRIPT)
    run = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=True
    )
    assert run.stdout == "the script runs\n[3.0, 2.0, 1.0]\n"


def test_what_a_job_raises_reaches_who_asked() -> None:
    import math

    with pytest.raises(ValueError):
        list(in_processes(math.sqrt, [4.0, -1.0], 2))


def test_no_other_module_starts_processes_that_would_run_the_script_again() -> None:
    root = Path(__file__).parents[2]
    modules = [path for name in PACKAGES for path in (root / name).rglob("*.py")]
    assert len(modules) > 100
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {str(node.module), *(alias.name for alias in node.names)}
            else:
                continue
            assert not names & {"multiprocessing", "ProcessPoolExecutor"}, path
