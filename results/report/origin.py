"""Where the results come from: data, versions, settings and the space as it was searched."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from results.report.contents import Findings
from sedn import page

PACKAGES = ("sedn-search", "torch", "timm", "optuna", "plotly")


def origin_section(findings: Findings) -> str:
    """The last section of the page."""
    experiment = findings.experiment
    images = experiment.skipped_images
    skipped = f"{images} could not be read and were left out" if images else "all could be read"
    nodes = sorted({trial.node for trial in findings.listed if trial.node})
    facts = [
        ("data", experiment.data_path),
        ("fingerprint of the data", experiment.data_fingerprint),
        ("images", skipped),
        ("space", experiment.space_name),
        ("experiment begun", f"{experiment.created_at:%-d %B %Y, %H:%M} UTC"),
        ("nodes", ", ".join(nodes) or "–"),
        ("versions on the machine that wrote this page", _versions()),
    ]
    table = page.table(
        ["what", "value"],
        [[page.text(what), page.text(value)] for what, value in facts],
        wide=["value"],
    )
    settings = "\n".join(f"{name}: {value}" for name, value in experiment.settings.items())
    content = (
        table
        + page.folded("Settings of the search", settings)
        + page.folded("The space as it was searched", experiment.space_yaml)
    )
    return page.section("origin", "Origin", "What these results can be traced back to.", content)


def _versions() -> str:
    found = [f"Python {python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
