"""`from search import …` and `from results import …`: a small public face, light to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import results
import search

ROOT = Path(__file__).parents[2]
FACES = {"search": search, "results": results}
HEAVY = {"torch", "ray", "pandas", "timm", "plotly"}
SPACE = """\
name: mine
base:
  data: {image_size: 32}
  backbone: {name: test_resnet, pretrained: false}
  epochs: 1
  batch_size: 12
axes:
  optimizer.learning_rate: {float: [3.0e-3, 1.0e-2], log: true}
"""


@pytest.mark.parametrize(
    "program",
    [
        "import search, results, spaces, sedn",
        "from search import Resources, SearchSettings; SearchSettings(); Resources()",
        "from results import Goals, Store, TrialState, open_store",
        "import search.cli.main as m\ntry: m.app(['--help'])\nexcept SystemExit: pass",
        "import search.cli.main as m\ntry: m.app(['search', '--help'])\nexcept SystemExit: pass",
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(program: str) -> None:
    told = f"{program}\nimport sys\nprint('loaded', *({HEAVY} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded"


@pytest.mark.parametrize("package", FACES)
def test_every_public_name_is_there_and_documented(package: str) -> None:
    face = FACES[package]
    assert sorted(face.__all__) == list(face.__all__)
    for name in face.__all__:
        assert getattr(face, name).__doc__, name
        assert f"`{name}`" in (ROOT / "docs" / "python.md").read_text(), name
    with pytest.raises(AttributeError, match="has no attribute 'run_serch'"):
        face.run_serch  # noqa: B018


def test_the_command_line_takes_public_names_from_the_public_face() -> None:
    homes = {
        (getattr(face, name).__module__, name) for face in FACES.values() for name in face.__all__
    }
    used = set()
    for file in (ROOT / "search" / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = {(node.module, alias.name) for alias in node.names}
                assert not names & homes, f"{file.name} imports {names & homes}"
                used |= {name for module, name in names if module in FACES}
    assert {"run_search", "open_store", "write_report"} <= used


def test_what_the_documentation_shows_runs(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(SPACE)
    page = (ROOT / "docs" / "python.md").read_text()
    names: dict[str, object] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    assert names["outcome"].finished
    assert len(names["ranking"]) == 3
    assert set(names["by_label"]["label"]) == {"red", "bright"}
    assert list(names["trials"]["state"]) == ["COMPLETE"] * 3
    assert names["curves"].shape == (1, 3)
    assert (names["worst"] == names["trials"].set_index("trial")["worst_auc"]).all()
    assert list(names["there"]["name"]) == ["spring"]
    assert Path("best.yaml").read_text().startswith("# Experiment 'spring', trial")
    assert "spring" in Path("report.html").read_text()
