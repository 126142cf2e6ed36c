"""The check of a data set, before an hour is spent on it."""

from dataclasses import asdict, dataclass
from typing import Any

from sedn.config import DataConfig
from sedn.data.check.counting import Counts, LabelCounts, count_images
from sedn.data.check.duplicates import NearDuplicate, exact_duplicates, near_duplicates
from sedn.data.check.findings import Finding, find_faults
from sedn.data.check.inspection import Inspection, inspect_images
from sedn.data.check.meanings import find_meanings
from sedn.data.check.subject import Subject, open_subject
from sedn.data.identity import Progress


@dataclass(frozen=True)
class DataCheck:
    """The content of a data set, and its errors and warnings."""

    subject: Subject
    inspection: Inspection
    counts: Counts
    exact: list[tuple[int, ...]]
    """Rows of equal files."""
    near: list[NearDuplicate]
    findings: tuple[Finding, ...]
    """Errors first."""

    @property
    def trainable(self) -> bool:
        """Whether training would begin: there is no error."""
        return all(finding.level != "error" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The whole check, without the numbers of single images."""
        subject, counts, names = self.subject, self.counts, self.subject.names
        return {
            "data": subject.name,
            "trainable": self.trainable,
            "images": len(subject),
            "reading": list(subject.notes),
            "findings": [asdict(finding) for finding in self.findings],
            "unreadable": [
                {"image": names[row], "reason": reason}
                for row, reason in sorted(self.inspection.unreadable.items())
            ],
            "splits": {
                name: {"images": split.images, "without_map": split.without_map}
                for name, split in counts.splits.items()
            },
            "labels": {
                label: {name: _of_label(split, i) for name, split in counts.splits.items()}
                for i, label in enumerate(subject.labels)
            },
            "together": {"labels": subject.labels, "images": counts.together.tolist()},
            "sizes": {name: asdict(spread) for name, spread in counts.sizes.items()},
            "coverage": {
                part.region: {**asdict(part.spread), "mean": part.mean, "empty": part.empty}
                for part in counts.coverage
                if part.spread
            },
            "duplicates": [[names[row] for row in rows] for rows in self.exact],
            "near_duplicates": [
                {"image": names[pair.row], "other": names[pair.other], "bits": pair.distance}
                for pair in self.near
            ],
        }


def check_data(config: DataConfig, show: Progress = lambda *_: None) -> DataCheck:
    """Read every image once and find what is wrong.

    Raises:
        UserError: there is no such data set, its tables are wrong, or it cannot be cut into splits.
    """
    subject = open_subject(config, show)
    inspection = inspect_images(subject, show)
    counts = count_images(subject, inspection)
    exact = exact_duplicates(inspection.digests)
    near = near_duplicates(inspection, subject.splits)
    skip = config.skip_unreadable
    faults = (
        *find_meanings(subject, inspection, skip_unreadable=skip),
        *find_faults(subject, inspection, counts, exact, near, skip_unreadable=skip),
    )
    findings = tuple(sorted(faults, key=lambda finding: finding.level != "error"))
    return DataCheck(subject, inspection, counts, exact, near, findings)


def _of_label(split: LabelCounts, index: int) -> dict[str, Any]:
    positives, negatives = int(split.positives[index]), int(split.negatives[index])
    return {
        "positives": positives,
        "negatives": negatives,
        "unknown": split.images - positives - negatives,
        "prevalence": float(split.prevalence[index]) if positives + negatives else None,
    }
