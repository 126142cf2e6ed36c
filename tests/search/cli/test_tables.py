"""Tables as a terminal of eighty columns shows them."""

import io

import pandas as pd
from rich.console import Console

from search.cli.live import describe
from search.cli.tables import labels_table
from search.cli.tables import test_table as build_table
from sedn.config import build_config
from sedn.metrics import LabelScore
from sedn.run.summary import RunSummary
from tests.results.rows import columns_of


def summarise(labels: list[str], undecided: list[str]) -> RunSummary:
    return RunSummary(
        mean_auc=0.91234,
        mean_auc_stderr=0.005,
        mean_auc_interval=(0.9, 0.92),
        label_auc=dict.fromkeys(labels, 0.91234),
        label_auc_stderr=dict.fromkeys(labels, 0.01),
        label_auc_interval=dict.fromkeys(labels, (0.88, 0.93)),
        label_scores={
            label: LabelScore(0.5, 0.8, 2 / 3, None, correct=8, predicted=12, positives=8, known=40)
            for label in labels
        },
        undecided_labels=undecided,
        temperature=1.234,
        calibration_error=0.051,
        calibration_error_scaled=0.012,
        validation_mean_auc=0.9,
        map_source="given",
        data_fingerprint="0123",
        skipped_images=0,
        epochs=1,
        parameters=1,
    )


def draw(summary: RunSummary) -> list[str]:
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(build_table(summary, "run"))
    return [line.strip() for line in console.export_text().splitlines()]


def test_the_test_split_fits_eighty_columns() -> None:
    lines = draw(summarise(["pattern_striped", "red"], []))
    row = next(line for line in lines if line.startswith("pattern_striped"))
    assert " ".join(row.split()) == "pattern_striped 0.9123 [0.880, 0.930] 0.500 0.800 0.667 – 8"
    assert next(line for line in lines if line.startswith("mean")).split()[1] == "0.9123"
    said = " ".join(lines)
    assert "Calibration error 5.1%, 1.2% at temperature 1.234." in said
    assert "*" not in said


def test_a_threshold_that_validation_could_not_choose_is_marked() -> None:
    lines = draw(summarise(["red", "bright"], ["bright"]))
    assert "0.500*" in next(line for line in lines if line.startswith("bright"))
    assert "0.500*" not in next(line for line in lines if line.startswith("red"))
    assert "* Validation lacks images with or without this label" in " ".join(lines)


def test_a_fusion_is_told_only_where_a_stage_has_one() -> None:
    for placement, told in (("crop", False), ("head", False), ("input", False), ("stage1", True)):
        config = build_config({"embedding": {"placement": placement}}, "test")
        assert ("scale_shift" in describe(config)) == told


def test_no_number_of_a_label_is_cut_off_in_eighty_columns() -> None:
    frame = pd.DataFrame(
        {
            "label": ["a label of more than a few words, as people have them", "b"],
            "prevalence": [0.285, 1.0],
            "positives": [123_456, 7],
            "trial": [1234, None],
            "auc": [0.989, float("nan")],
            "low": [0.982, float("nan")],
            "high": [0.994, float("nan")],
            "baseline": [0.9126, float("nan")],
            "gain": [1.4812, float("nan")],
        }
    )
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(labels_table(columns_of(frame), "spring"))
    shown = console.export_text()
    assert "…" not in shown
    for text in ("0.9890 [0.982, 0.994]", "+148.1%", "123456", "1234", "0.9126", "28.5%"):
        assert text in shown
