"""The model card: what the model is, how good it is and what it is not for, from the metrics.

Its sections follow Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from collections.abc import Mapping
from typing import Any

from facemask.inference.contract import Contract

Metrics = Mapping[str, Any]


def text(contract: Contract, metrics: Metrics) -> str:
    """Write the card as Markdown.

    Args:
        contract: of the file that ships.
        metrics: by stage, what the stages write to `metrics/`; of `train`, the parameters alone.
    """
    sections = [
        _summary(contract, metrics),
        _use(contract),
        _data(contract, metrics),
        _results(metrics["evaluate"]),
        _variants(metrics["export_tflite"]),
        _limits(metrics["evaluate"]),
    ]
    return "\n\n".join(sections) + "\n"


def _summary(contract: Contract, metrics: Metrics) -> str:
    size, shipped = contract.input["side"], metrics["export_tflite"]["shipped"]
    kilobytes = metrics["export_tflite"]["variants"][shipped]["kilobytes"]
    return f"""# Model card: {contract.name}

Tells {" from ".join(contract.labels)} on a crop of one face. A convolutional network of
{metrics["train"]["parameters"]:,} parameters for {size} x {size} pixels, trained from scratch;
`{contract.name}.tflite` is its variant `{shipped}`, {kilobytes:,.0f} kB.
Author: {contract.author or "not named"}."""


def _use(contract: Contract) -> str:
    side, resize = contract.input["side"], contract.input["resize"]
    first, second = contract.labels
    return f"""## How to use it

Crop one face, stretch the crop to {side} x {side} pixels with an antialiased {resize["filter"]}
filter, and hand over its 8-bit RGB values, 0-255, as they are; scaling is inside. The answer is
the probability of {second}: from {contract.threshold:g} on it is decided on, else {first}. All this
stands in the file itself (`contract.json`)."""


def _data(contract: Contract, metrics: Metrics) -> str:
    ingest, split = metrics["ingest"], metrics["split"]
    lines = [
        f"| {label} | {found['images']:,} | {found['groups']:,} | {found['largest_group']} |"
        for label, found in split["classes"].items()
    ]
    table = "\n".join(["| class | images | groups | largest group |", "|---|---|---|---|", *lines])
    described = f" ({ingest['description']})" if ingest.get("description") else ""
    left = split["validation"]["relatives_in_training"]
    return f"""## Data

Source: `{ingest["source"]}`{described}. {ingest["images"]:,} images, {ingest["quarantined"]} more
quarantined. Images that descend from one picture are one group: the
number of groups is what a class really holds.

{table}

Trained on {split["train"]["images"]:,} images of {split["train"]["groups"]:,} groups; validated on
{split["validation"]["images"]:,} of {split["validation"]["groups"]:,} (split: {split["strategy"]};
{left} validation images have a relative in training).
SHA-256 of the table of all images: `{contract.training_data}`."""


def _results(evaluate: Metrics) -> str:
    heads = "| measured on | images | accuracy (95 %) | found of each class | log-loss | ECE |"
    lines = [heads, "|---|---|---|---|---|---|"]
    for part, found in evaluate.items():
        if part == "threshold" or not found["images"]:
            continue
        low, high = found["interval_95"]["accuracy"]
        recall = ", ".join(
            f"{name} {value:.3f}" for name, value in found["recall_of_class"].items()
        )
        lines.append(
            f"| {part} | {found['images']:,} | {found['accuracy']:.4f} ({low:.3f}-{high:.3f}) "
            f"| {recall} | {found['loss']:.4f} | {found['calibration_error']:.4f} |"
        )
    table = "\n".join(lines)
    return f"""## Results of the Keras model

{table}

`external` are faces from elsewhere, never trained on. ECE is the expected calibration error: how
far probabilities are from what happens; they were calibrated on validation. Intervals: bootstrap
over groups."""


def _variants(export: Metrics) -> str:
    lines = [
        "| variant | kB | accuracy, validation | external | decisions changed, validation "
        "| external |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in export["variants"].items():
        parts = [found.get(part) for part in ("validation", "external")]
        accuracy = " | ".join(f"{part['accuracy']:.4f}" if part else "-" for part in parts)
        changed = " | ".join(f"{part['changed_decisions']:.2%}" if part else "-" for part in parts)
        lines.append(f"| {name} | {found['kilobytes']:,.0f} | {accuracy} | {changed} |")
    table = "\n".join(lines)
    return f"""## Results of each exported variant

{table}

Changed decisions are against Keras. Time and memory are in `metrics/export_tflite.json`."""


def _limits(evaluate: Metrics) -> str:
    worst = "; ".join(
        f"{part}: {max(found['decisions_changed_by'].values()):.1%} "
        f"({max(found['decisions_changed_by'], key=found['decisions_changed_by'].get)})"
        for part, found in evaluate.items()
        if part != "threshold" and "decisions_changed_by" in found
    )
    return f"""## Limits

For crops of one face, as in the training data; it was not measured on whole photos, on several
faces, on how a mask is worn, nor by age, sex or skin. It is no medical device and no means to
admit, refuse, punish or identify anyone. What changes most decisions without changing the mask:
{worst}."""
