"""The model card of a run: what the model is, what it reached, how to use it, where it ends.

Mitchell et al., Model Cards for Model Reporting, arXiv 1810.03993; the front matter is what the
Hugging Face hub reads.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from sedn.config import BackboneConfig, TrainingConfig
from sedn.data import Dataset
from sedn.files import write_text
from sedn.metrics import temperature_warning
from sedn.network.sources import find_backbone
from sedn.registry import describe_source
from sedn.run.model_file import MEMBERS, ModelHeader
from sedn.run.summary import RunSummary
from sedn.style import count_of, one_line, ratio_text, share_text

CARD = "README.md"


def write_card(
    header: ModelHeader,
    summary: RunSummary,
    dataset: Dataset,
    folder: Path,
    made: str | None = None,
) -> None:
    """Write the card into the folder of a run, or of a model that was ``made`` from several."""
    name = folder.resolve().name
    front = yaml.safe_dump(_front_matter(name, header.config, summary, dataset), sort_keys=False)
    parts = [
        f"---\n{front}---\n# {_data(name)}\n",
        _what(header, summary, dataset, made),
        _results(summary),
        _use(header),
        _limits(summary),
    ]
    write_text(folder / CARD, "\n".join(parts))


def _front_matter(
    name: str, config: TrainingConfig, summary: RunSummary, dataset: Dataset
) -> dict[str, Any]:
    metrics = [{"type": "roc_auc", "name": "mean ROC AUC over labels", "value": summary.mean_auc}]
    metrics += [
        {"type": "roc_auc", "name": f"ROC AUC of {label}", "value": auc}
        for label, auc in summary.label_auc.items()
        if auc is not None
    ]
    result = {
        "task": {"type": "image-classification", "name": "multi-label image classification"},
        "dataset": {"type": dataset.name, "name": dataset.name, "split": "test"},
        "metrics": metrics,
    }
    front: dict[str, Any] = {
        "library_name": "sedn-search",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "multi-label", "semantic-map", "timm"],
        "metrics": ["roc_auc", "f1", "precision", "recall"],
    }
    fetched = config.backbone.pretrained and not config.backbone.weights
    if fetched and (base := _base_model(config.backbone.name)):
        front["base_model"] = base
    return front | {"model-index": [{"name": name, "results": [result]}]}


def _of_timm(backbone: str) -> str:
    return "" if ":" in backbone else " of timm"


def _beginning(backbone: BackboneConfig) -> str:
    """Describe the weights before training."""
    if backbone.weights:
        return f"pretrained: `{Path(backbone.weights).name}`, digest `{backbone.weights_digest}`"
    return "pretrained" if backbone.pretrained else "from scratch"


def _base_model(backbone: str) -> str | None:
    """The name on the hub of the model that the weights began as, if it is there."""
    source = find_backbone(backbone)
    if not source.described.hf_hub_id:
        return None
    if not source.is_timm:
        return source.described.hf_hub_id
    tag = f".{source.described.tag}" if source.described.tag else ""
    return f"timm/{source.architecture}{tag}"


def _what(header: ModelHeader, summary: RunSummary, dataset: Dataset, made: str | None) -> str:
    config = header.config
    decided = "`config.yaml` holds all that decided its training." if made is None else _data(made)
    rows = {
        "task": "multi-label image classification",
        "labels": ", ".join(map(_data, header.labels)),
        "backbone": f"{_data(config.backbone.name)}{_of_timm(config.backbone.name)}, "
        + _beginning(config.backbone),
        "map enters at": config.embedding.placement,
        "regions of the map": ", ".join(map(_data, header.regions)) or "none",
        "map source": f"{summary.map_source}. {describe_source(summary.map_source).card}",
        "image": f"RGB, {config.data.image_size} x {config.data.image_size} pixels, resized "
        "bilinearly without regard to its aspect"
        + (f"; {header.levels.describe()}" if header.levels else ""),
        "parameters": f"{summary.parameters:,}",
        "epochs": f"{summary.epochs}",
        "data": f"{_data(dataset.name)}, fingerprint `{summary.data_fingerprint}`; "
        + ", ".join(f"{len(split):,} {name}" for name, split in dataset.splits.items())
        + ("; trained on train and validation together" if summary.folds else "")
        + f"; {count_of(summary.skipped_images, 'image')} could not be read",
    }
    table = "\n".join(f"| {name} | {text} |" for name, text in rows.items())
    return f"""\
A classifier that sees a semantic map beside the image (SE-DNN, Shen, Zhao and Luo 2023,
[arXiv 2305.05228](https://arxiv.org/abs/2305.05228)), or one of the arms it is compared with.
{decided}

| | |
|---|---|
{table}
"""


def _results(summary: RunSummary) -> str:
    rows = [
        f"| {_data(label)} | {summary.label_text(label)} "
        f"| {score.threshold:.3f}{'*' if label in summary.undecided_labels else ''} "
        f"| {ratio_text(score.f1)} | {ratio_text(score.precision)} | {ratio_text(score.recall)} "
        f"| {score.positives} of {score.known} |"
        for label, score in summary.label_scores.items()
    ]
    judged, fitted = "on validation", "on validation"
    if summary.folds is not None:
        judged = f"over {summary.folds} folds of train and validation, each image scored by a\n"
        judged += "network that did not see the image"
        fitted = "on the scores of the folds"
    undecided = (
        "\n\\* Validation lacks images with or without this label, so its threshold is 0.5.\n"
        if summary.undecided_labels
        else ""
    )
    return f"""\
## Results on the test split

Mean ROC AUC over labels {summary.mean_text}, with its 95 % interval
over images; {summary.validation_mean_auc:.4f} {judged}. An interval says how far other images
like these may lie, not what another training with another seed would reach.

| label | AUC [95 %] | threshold | F1 | precision | recall | positive |
|---|---:|---:|---:|---:|---:|---:|
{chr(10).join(rows)}
{undecided}
Expected calibration error {share_text(summary.calibration_error, 2)}, and
{share_text(summary.calibration_error_scaled, 2)} with temperature {summary.temperature:.4f}.
Temperature and thresholds were fitted {fitted}; the test split was read once, after training.
{temperature_warning(summary.temperature) or ""}
`reliability.html` shows the calibration.
"""


def _use(header: ModelHeader) -> str:
    predict = "sedn predict FOLDER photos/"
    if describe_source(header.config.map_source).why_no_masks is None:
        predict = "sedn predict FOLDER photos/ --maps masks/"
    part = f"{MEMBERS}/{header.members[0]}/" if header.members else ""
    backbone, where = f"FOLDER/{part}backbone", "" if header.members else "`config.json` and in "
    return f"""\
## Use

```
{predict} > scores.csv     # FOLDER: where this file lies
sedn export --onnx FOLDER -o model.onnx
```

The backbone alone, without the map, in plain timm:

```python
import timm

model = timm.create_model("local-dir:{backbone}", pretrained=True)
```

A probability is `sigmoid(logit / temperature)`; a label is present where it reaches the threshold.
Both are in {where}the header of `model.safetensors`.
"""


def _limits(summary: RunSummary) -> str:
    return f"""\
## Limits

- {describe_source(summary.map_source).card}
- Scores, temperature and thresholds hold for images like those of the data named above. Where
  labels are more or less frequent, choose the thresholds anew.
- A threshold maximises F1, which favours neither precision nor recall; where one
  error costs more than the other, choose another.
- The choice of this configuration among others may rest on the same validation images.
- Who is seen in the images, and whether the labels are fair to them, was not examined.
"""


def _data(text: str) -> str:
    """Text from the data as Markdown that shows it, whatever is in it.

    Signs that mean something to Markdown, HTML or a table are written as references to characters;
    an underscore within a word means nothing.
    """
    return re.sub(
        r"[^\w\s,.;/()=+%'-]|(?<![^\W_])_|_(?![^\W_])",
        lambda match: f"&#{ord(match[0])};",
        one_line(text),
    )
