"""The pages for people name files that are there, and link to pages and headings that are."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
NAMED = re.compile(r"`((?:benchmarks|docs|results|search|sedn|spaces|tests)/[\w./-]*)`")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(page: Path) -> set[str]:
    """Of the headings of a page, as hosts of Markdown make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    named = {name for name in NAMED.findall(page.read_text()) if "NAME" not in name}
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for name, anchor in LINK.findall(page.read_text()):
        target = page.parent / name if name else page
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), f"{name}#{anchor}"


def test_the_hosted_workflow_runs_what_the_script_runs() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    steps = yaml.safe_load(workflow)["jobs"]["check"]["steps"]
    run = [step["run"] for step in steps if step.get("run", "").startswith("make ")]
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    assert run == [line for line in script if line.startswith("make ")]
    assert "://" not in workflow


def test_the_hooks_check_what_lint_checks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = [hook["entry"].removeprefix(".venv/bin/").split(" --")[0] for hook in hooks]
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    commands = re.findall(r"^\t\$\(BIN\)/(.+)$", lint, re.MULTILINE)
    assert [c.removesuffix(" .").removesuffix(" --check") for c in commands] == entries
