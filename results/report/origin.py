"""Where the results come from: data, versions, settings and the space as it was searched."""

from results.report.contents import Findings
from results.versions import versions_text, without_versions
from sedn import page


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
        ("versions of the search", _versions(findings, nodes)),
    ]
    table = page.table(
        ["what", "value"],
        [[page.text(what), page.text(value)] for what, value in facts],
        wide=["value"],
    )
    kept = without_versions(experiment.settings)
    settings = "\n".join(f"{name}: {value}" for name, value in kept.items())
    content = (
        table
        + page.folded("Settings of the search", settings)
        + page.folded("The space as it was searched", experiment.space_yaml)
    )
    return page.section("origin", "Origin", "What these results can be traced back to.", content)


def _versions(findings: Findings, nodes: list[str]) -> str:
    """Of the process that ran the search; on one machine its workers have the same."""
    of_workers = " (of the process that ran it; those of its workers are not recorded)"
    text = versions_text(findings.experiment.settings)
    return text + (of_workers if len(nodes) > 1 else "")
