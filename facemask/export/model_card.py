"""The model card: what the model is, how good it is and what it is not for, from the metrics.

Its sections follow Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facemask.files import replacing
from facemask.inference.contract import Contract

Metrics = Mapping[str, Any]


def write(path: Path, contract: Contract, metrics: Metrics) -> None:
    """Write the card to a file; see `text`."""
    with replacing(path) as temporary:
        temporary.write_text(text(contract, metrics), encoding="utf-8")


def text(contract: Contract, metrics: Metrics) -> str:
    """Return the card as Markdown.

    Args:
        contract: of the file that ships.
        metrics: by stage, what the stages write to `details/`; of `train`, only `parameters`.
    """
    sections = [
        _summary(contract, metrics),
        _use(contract),
        _data(contract, metrics),
        _results(metrics["evaluate"]),
        _variants(metrics["export_tflite"]),
        *_photos(metrics["export_tflite"]["photos"]),
        _limits(metrics),
    ]
    return "\n\n".join(sections) + "\n"


def _summary(contract: Contract, metrics: Metrics) -> str:
    size, shipped = contract.input["side"], metrics["export_tflite"]["shipped"]
    kilobytes = metrics["export_tflite"]["variants"][shipped]["kilobytes"]
    return f"""# Model card: {contract.name}

Tells {" from ".join(contract.labels)} on a crop of one face. A convolutional network of
{metrics["train"]["parameters"]:,} parameters for {size} x {size} pixels;
`{contract.name}.tflite` is its variant `{shipped}`, {kilobytes:,.0f} kB.
Author: {contract.author or "not named"}."""


def _use(contract: Contract) -> str:
    side, resize = contract.input["side"], contract.input["resize"]
    first, second = contract.labels
    return f"""## How to use it

Crop one face, stretch the crop to {side} x {side} pixels with an antialiased {resize["filter"]}
filter, and hand over its 8-bit RGB values, 0-255, as they are; scaling is inside. The answer is
the probability of {second}, which is predicted from {contract.threshold:g} on, else {first}. All
this stands in the file itself (`contract.json`)."""


def _data(contract: Contract, metrics: Metrics) -> str:
    ingest, split = metrics["ingest"], metrics["split"]
    lines = [
        f"| {label} | {found['images']:,} | {found['groups']:,} | {found['largest_group']} |"
        for label, found in split["classes"].items()
    ]
    table = "\n".join(["| class | images | groups | largest group |", "|---|---|---|---|", *lines])
    described = f" ({ingest['description']})" if ingest.get("description") else ""
    left = split["validation"]["train_overlap"]
    return f"""## Data

Source: `{ingest["source"]}`{described}. {ingest["images"]:,} images, {ingest["quarantined"]} more
quarantined. Images that descend from one picture are one group: the
number of groups is what a class really holds.

{table}

Trained on {split["train"]["images"]:,} images of {split["train"]["groups"]:,} groups; validated on
{split["validation"]["images"]:,} of {split["validation"]["groups"]:,} (split: {split["strategy"]};
{left} validation images have a near-duplicate in training).
SHA-256 of the table of all images: `{contract.training_data}`."""


def _results(evaluate: Metrics) -> str:
    heads = "| measured on | images | accuracy (95 %) | recall of each class | log-loss | ECE |"
    lines = [heads, "|---|---|---|---|---|---|"]
    for name, found in _subsets(evaluate).items():
        low, high = found["interval_95"]["accuracy"]
        recall = ", ".join(
            f"{label} {value:.3f}" for label, value in found["recall_of_class"].items()
        )
        lines.append(
            f"| {name} | {found['images']:,} | {found['accuracy']:.4f} ({low:.3f}-{high:.3f}) "
            f"| {recall} | {found['log_loss']:.4f} | {found['calibration_error']:.4f} |"
        )
    table = "\n".join(lines)
    return f"""## Results of the Keras model

{table}

What is neither validation nor test is an external test set, never trained on. ECE is the expected
calibration error: how far probabilities are from what happens; they were calibrated on validation.
Intervals: bootstrap over groups.{_against_start(evaluate)}"""


def _against_start(evaluate: Metrics) -> str:
    compared = {
        name: found["against_start"]
        for name, found in _subsets(evaluate).items()
        if "against_start" in found
    }
    if not compared:
        return ""
    lines = ["| measured on | images | accuracy before | difference (95 %) |", "|---|---|---|---|"]
    for name, found in compared.items():
        low, high = found["interval_95"]
        lines.append(
            f"| {name} | {found['images']:,} | {found['accuracy']:.4f} "
            f"| {found['difference']:+.4f} ({low:+.3f} to {high:+.3f}) |"
        )
    table, start = "\n".join(lines), next(iter(compared.values()))["start"]
    return f"""

Beside the model that there was before, `{start}`, on the images that it was not trained on:

{table}

Where the interval holds 0, these images do not show which of the two is better."""


def _subsets(evaluate: Metrics) -> Metrics:
    return {name: found for name, found in evaluate.items() if name != "threshold"}


def _variants(export: Metrics) -> str:
    measured = export["variants"]
    names = [name for name, found in next(iter(measured.values())).items() if _is_subset(found)]
    heads = [f"accuracy, {name} | changed decisions, {name}" for name in names]
    lines = [f"| variant | kB | runtime | {' | '.join(heads)} |"]
    lines.append("|---" * (3 + 2 * len(names)) + "|")
    for variant, found in measured.items():
        cells = [
            f"{found[name]['accuracy']:.4f} | {found[name]['changed_decisions']:.2%}"
            for name in names
        ]
        size, runtime = f"{found['kilobytes']:,.0f}", found["minimum_runtime"]
        lines.append(f"| {variant} | {size} | {runtime} | {' | '.join(cells)} |")
    table = "\n".join(lines)
    return f"""## Results of each exported variant

{table}

Changed decisions are against Keras; `runtime` is the oldest TFLite runtime that loads the file.
Time and memory depend on the machine: `timing/export_tflite.json` has them where this model was
made."""


def _is_subset(found: Any) -> bool:
    return isinstance(found, dict) and "changed_decisions" in found


def _photos(measured: Metrics) -> list[str]:
    if not measured:
        return []
    recall = ", ".join(
        f"{label} {share:.4f}" for label, share in measured["recall_of_class"].items()
    )
    return [
        f"""## Results on whole photos

On {measured["photos"]:,} photos of one person each the shipped file, with faces found and cropped
as `predict.py` does, has a balanced accuracy of {measured["balanced_accuracy"]:.4f} (recall:
{recall}). In {measured["no_answer"]:.1%} of them no face is found, which counts as wrong;
{measured["extra"]:.1%} have more answers than one, of which that of the largest face counts."""
    ]


def _limits(metrics: Metrics) -> str:
    beyond = "" if metrics["export_tflite"]["photos"] else "whole photos, on "
    worst = "; ".join(
        f"{name}: {max(found['flip_rate'].values()):.1%} "
        f"({max(found['flip_rate'], key=found['flip_rate'].get)})"
        for name, found in _subsets(metrics["evaluate"]).items()
        if "flip_rate" in found
    )
    return f"""## Limits

For crops of one face, as in the training data; it was not measured on {beyond}several
faces, on how a mask is worn, nor by age, sex or skin. It is not a medical device and not a means to
admit, refuse, punish or identify anyone. What flips most decisions without changing the mask:
{worst}."""
