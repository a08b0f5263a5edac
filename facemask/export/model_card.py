"""Write the model card from the metrics.

Its sections follow Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facemask.files import replacing
from facemask.inference.contract import Contract

Metrics = Mapping[str, Any]

MOST_GROUPS = 12
"""Largest number of groups of people in the card. `details/` has all groups."""


def write(path: Path, contract: Contract, metrics: Metrics) -> None:
    """Write the card to a file; see `text`."""
    with replacing(path) as temporary:
        temporary.write_text(text(contract, metrics), encoding="utf-8")


def text(contract: Contract, metrics: Metrics) -> str:
    """Return the card as Markdown.

    Args:
        contract: metadata of the chosen variant, which is copied to `models/facemask.tflite`.
        metrics: content of `details/` by stage. Of `train`, only `parameters` is needed.
    """
    sections = [
        _summary(contract, metrics),
        _use(contract),
        _data(contract, metrics),
        _results(metrics["evaluate"]),
        _variants(metrics["export_tflite"]),
        *_photos(metrics["export_tflite"]["photos"]),
        *_scenes(metrics["export_tflite"]["scenes"]),
        *_people(metrics),
        _limits(metrics),
    ]
    return "\n\n".join(sections) + "\n"


def _summary(contract: Contract, metrics: Metrics) -> str:
    size = contract.input["side"]
    shipped = metrics["export_tflite"]["shipped"]
    kilobytes = metrics["export_tflite"]["variants"][shipped]["kilobytes"]
    return f"""# Model card: {contract.name}

The model tells {" from ".join(contract.labels)} on a crop of one face. It is a convolutional
network with {metrics["train"]["parameters"]:,} parameters. Its input has {size} x {size} pixels.
`{contract.name}.tflite` is its variant `{shipped}`, {kilobytes:,.0f} kB.
Author: {contract.author or "not named"}."""


def _use(contract: Contract) -> str:
    side = contract.input["side"]
    resize = contract.input["resize"]
    first, second = contract.labels
    return f"""## How to use it

Crop one face, stretch the crop to {side} x {side} pixels with an antialiased {resize["filter"]}
filter, and pass its 8-bit RGB values (0-255) unchanged. The model returns two probabilities, of
{first} and of {second}. Predict {second} if its probability is at least {contract.threshold:g},
and {first} otherwise. `contract.json` in the file describes all this."""


def _data(contract: Contract, metrics: Metrics) -> str:
    ingest = metrics["ingest"]
    split = metrics["split"]
    lines = ["| class | images | groups | largest group |", "|---|---|---|---|"]
    for label, counts in split["classes"].items():
        lines.append(
            f"| {label} | {counts['images']:,} | {counts['groups']:,} | {counts['largest_group']} |"
        )
    table = "\n".join(lines)
    description = f" ({ingest['description']})" if ingest.get("description") else ""
    overlap = split["validation"]["train_overlap"]
    return f"""## Data

Source: `{ingest["source"]}`{description}. It has {ingest["images"]:,} images;
{ingest["quarantined"]:,} more were quarantined. Near-duplicates form a group. The number of groups
tells how many different pictures a class has.

{table}

The model was trained on {split["train"]["images"]:,} images of {split["train"]["groups"]:,} groups,
and validated on {split["validation"]["images"]:,} images of {split["validation"]["groups"]:,}
groups (`split.strategy`: {split["strategy"]}). {overlap} validation images have a near-duplicate
in training.
SHA-256 of the table of all images: `{contract.training_data}`."""


def _results(evaluate: Metrics) -> str:
    heads = "| measured on | images | accuracy (95 %) | recall of each class | log-loss | ECE |"
    lines = [heads, "|---|---|---|---|---|---|"]
    for name, figures in _subsets(evaluate).items():
        low, high = figures["interval_95"]["accuracy"]
        recall = ", ".join(
            f"{label} {value:.3f}" for label, value in figures["recall_of_class"].items()
        )
        lines.append(
            f"| {name} | {figures['images']:,} | {figures['accuracy']:.4f} ({low:.3f}-{high:.3f}) "
            f"| {recall} | {figures['log_loss']:.4f} | {figures['calibration_error']:.4f} |"
        )
    table = "\n".join(lines)
    return f"""## Results of the Keras model

{table}

Sets other than validation and test are external test sets, which are never trained on. ECE is the
expected calibration error. If `train.calibrate` is true, probabilities are calibrated on
validation. Intervals are from a bootstrap over groups.{_against_start(evaluate)}"""


def _against_start(evaluate: Metrics) -> str:
    compared = {
        name: figures["against_start"]
        for name, figures in _subsets(evaluate).items()
        if "against_start" in figures
    }
    if not compared:
        return ""
    heads = "| measured on | images | accuracy of the other | difference (95 %) |"
    lines = [heads, "|---|---|---|---|"]
    for name, figures in compared.items():
        low, high = figures["interval_95"]
        lines.append(
            f"| {name} | {figures['images']:,} | {figures['accuracy']:.4f} "
            f"| {figures['difference']:+.4f} ({low:+.3f} to {high:+.3f}) |"
        )
    table = "\n".join(lines)
    start = next(iter(compared.values()))["start"]
    return f"""

This table compares the model with another one, `{start}`, on images that neither was trained on:

{table}

The difference is positive if the model is better. Where the interval contains 0, these images do
not show which of the two is better."""


def _subsets(evaluate: Metrics) -> Metrics:
    return {name: figures for name, figures in evaluate.items() if name != "threshold"}


def _variants(export: Metrics) -> str:
    measured = export["variants"]
    names = [name for name, figures in next(iter(measured.values())).items() if _is_subset(figures)]
    heads = [f"accuracy, {name} | changed decisions, {name}" for name in names]
    lines = [f"| variant | kB | runtime | {' | '.join(heads)} |"]
    lines.append("|---" * (3 + 2 * len(names)) + "|")
    for variant, figures in measured.items():
        cells = [
            f"{figures[name]['accuracy']:.4f} | {figures[name]['changed_decisions']:.2%}"
            for name in names
        ]
        size = f"{figures['kilobytes']:,.0f}"
        runtime = figures["minimum_runtime"]
        lines.append(f"| {variant} | {size} | {runtime} | {' | '.join(cells)} |")
    table = "\n".join(lines)
    return f"""## Results of each exported variant

{table}

A changed decision differs from that of the Keras model. `runtime` is the oldest TFLite runtime
that loads the file. `timing/export_tflite.json` has the time that each variant takes for an image,
and its memory, on the machine that exported the file."""


def _is_subset(figures: Any) -> bool:
    return isinstance(figures, dict) and "changed_decisions" in figures


def _photos(measured: Metrics) -> list[str]:
    if not measured:
        return []
    recall = ", ".join(
        f"{label} {share:.4f}" for label, share in measured["recall_of_class"].items()
    )
    return [
        f"""## Results on whole photos

The shipped file was run on {measured["photos"]:,} photos of one person each. The faces were found
and cropped as in `predict.py`. The balanced accuracy is {measured["balanced_accuracy"]:.4f}
(recall: {recall}).
In {measured["no_answer"]:.1%} of the photos no face is found, which counts as wrong. In
{measured["extra"]:.1%} more than one face is found; the answer about the largest counts."""
    ]


def _scenes(measured: Metrics) -> list[str]:
    if not measured:
        return []
    lines = ["| shorter side | class | faces | found | found and right |", "|---|---|---|---|---|"]
    for size, of_size in measured["by_size"].items():
        for label, figures in of_size.items():
            lines.append(
                f"| from {size} pixels | {label} | {figures['faces']:,} "
                f"| {figures['found']:.1%} | {figures['right']:.1%} |"
            )
    table = "\n".join(lines)
    return [
        f"""## Results on scenes

The shipped file was run on {measured["scenes"]:,} photos of several people, as in `predict.py`.

{table}"""
    ]


def _people(metrics: Metrics) -> list[str]:
    groups = _groups_of_people(metrics)
    if not groups:
        return []
    lines = ["| set | group | class | images | wrong | 95 % |", "|---|---|---|---|---|---|"]
    for group in groups[:MOST_GROUPS]:
        low, high = group["interval_95"]
        lines.append(
            f"| {group['set']} | {group['attribute']} {group['value']} | {group['label']} "
            f"| {group['images']:,} | {group['error_rate']:.2%} | {low:.2%} to {high:.2%} |"
        )
    table = "\n".join(lines)
    return [
        f"""## Results by group of people

{table}

These are the {len(lines) - 2} worst of {len(groups)} groups. A group has the images of one class
whose people have the same value of an attribute. An image is wrong if the other class is predicted,
or if it is a photo in which no face is found. The intervals are those of Wilson. The attributes may
be guesses from the pictures."""
    ]


def _groups_of_people(metrics: Metrics) -> list[dict[str, Any]]:
    """Return the groups of all sets, each with the name of its set, the worst first."""
    of_sets = {name: figures["people"] for name, figures in _subsets(metrics["evaluate"]).items()}
    of_sets["photos"] = metrics["export_tflite"]["people"]
    groups = []
    for name, measured in of_sets.items():
        for group in measured.get("groups", ()):
            groups.append(group | {"set": name})
    return sorted(
        groups,
        key=lambda group: float(group["error_rate"]),
        reverse=True,
    )


def _limits(metrics: Metrics) -> str:
    beyond = "" if metrics["export_tflite"]["photos"] else "whole photos, on "
    beyond += "" if metrics["export_tflite"]["scenes"] else "several faces, on "
    people = "" if _groups_of_people(metrics) else ", nor by age, sex or skin"
    worst = "; ".join(
        f"{name}: {max(figures['flip_rate'].values()):.1%} "
        f"({max(figures['flip_rate'], key=figures['flip_rate'].get)})"
        for name, figures in _subsets(metrics["evaluate"]).items()
        if "flip_rate" in figures
    )
    return f"""## Limits

The model is for crops of one face, as in the training data. It was not measured
on {beyond}masks that are worn wrong{people}. It is not a medical device and not a means to
admit, refuse, punish or identify anyone. Some changes of an image flip the decision. For each set,
this is the largest share of flipped decisions, with the change that causes it: {worst}."""
