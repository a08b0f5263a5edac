"""Report how the workspace differs from a revision.

Run `python -m tools.report [REVISION]` (default: main) after `dvc repro`. It writes `report.md` for
a pull request, and `report.html` with curves and pictures, which needs no other file and no
network. The predictions and the tables of images of the revision are not in Git, but in DVC's
cache or remote. The report says which of them are missing.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from ruamel.yaml import YAML

from facemask.errors import UserError, one_line_errors
from facemask.evaluation.metrics import MIN_PROBABILITY, difference_interval
from facemask.store import tables
from stages import paths
from tools.report_page import Section, Version, chart, figure, write

MOST_PICTURES = 18
"""Largest number of pictures in a section."""

MOST_GROUPS = 12
"""Largest number of groups in the table; `details/evaluate.json` has all groups."""

ORDER = ("accuracy,", "accuracy over start", "balanced accuracy", "recall", "log loss", "")

LESS_IS_BETTER = ("log_loss", "train_overlap", "kilobytes", "people_error_ratio")

MISSING = "of one or both versions are missing; `dvc fetch` may get them."

SEEDS = Path("benchmarks/seeds.csv")
"""Standard deviations of figures over three seeds."""


def parameters(changed: dict[str, Any]) -> Section:
    """Return the parameters that differ.

    Args:
        changed: from `Repo.params.diff`.
    """
    rows = [
        {"parameter": name, "before": str(values.get("old")), "now": str(values.get("new"))}
        for file in changed.get("diff", {}).values()
        for name, values in file.items()
    ]
    return Section("Parameters", "" if rows else "None differs.", pd.DataFrame(rows))


def headlines(changed: dict[str, Any], pairs: pd.DataFrame | None) -> Section:
    """Return the metrics of both versions, and whether each is better or worse beyond the noise.

    Args:
        changed: from `Repo.metrics.diff`, also with equal metrics.
        pairs: from `paired`.
    """
    compared = set() if pairs is None else set(pairs["split"])
    rows = []
    for file, values in changed.get("diff", {}).items():
        name = Path(file).stem
        for subset, value in values.items():
            old = value.get("old")
            new = value.get("new")
            if not all(isinstance(number, int | float) for number in (old, new)):
                continue  # one version lacks the subset, or this is the epoch during training
            noise = noise_of(name, subset, pairs)
            is_of_predictions = noise > 0 and Path(file).parent == paths.HEADLINES
            others = pairs is not None and subset not in compared
            verdict = _verdict(name, new - old, noise)
            if new != old and is_of_predictions and others:
                verdict = "of other images"
            rows.append(_headline(name, subset, old, new, noise, verdict))
    rows.sort(key=lambda row: row["metric"], reverse=True)  # validation before external
    rows.sort(key=_order)
    how = (
        "Noise is half the width of the 95 % interval of a paired bootstrap over groups. Without a "
        "bootstrap it is twice the standard deviation of a difference between seeds."
    )
    return Section("Headlines", how, pd.DataFrame(rows))


def _verdict(name: str, change: float, noise: float) -> str:
    if change == 0:
        return "same"
    if not np.isfinite(noise):
        return "noise unknown"
    if abs(change) <= noise:
        return "within the noise"
    return "better" if (change > 0) != (name in LESS_IS_BETTER) else "worse"


def _headline(
    name: str, subset: str, old: float, new: float, noise: float, verdict: str
) -> dict[str, str]:
    arrow = "▲" if new > old else "▼"
    return {
        "metric": f"{name.replace('_', ' ')}, {subset}",
        "is": verdict,
        "before": f"{old:.5g}",
        "now": f"{new:.5g}",
        "change": f"{arrow} {new - old:+.2g}" if new != old else "0",
        "noise": f"± {noise:.2g}" if 0 < noise < np.inf else "",
    }


def _order(row: dict[str, str]) -> int:
    """Return the index of the first entry of `ORDER` that begins the headline's name."""
    return next(index for index, start in enumerate(ORDER) if row["metric"].startswith(start))


def noise_of(name: str, subset: str, pairs: pd.DataFrame | None) -> float:
    """Return the largest change of a metric that may be noise.

    It is half the width of a 95 % interval from a paired bootstrap over groups. Without a bootstrap
    it is twice the standard deviation of a difference between seeds. The noise of a size or a count
    is 0. Unknown noise is infinite.
    """
    if name in ("kilobytes", "train_overlap"):
        return 0.0
    if name == "accuracy_over_start":
        return float("inf")  # no version keeps the predictions of the start
    if pairs is not None and name.startswith(("accuracy", "recall_", "log_loss")):
        rows = pairs[pairs["split"] == subset]
        if name.startswith("recall_"):
            rows = rows[rows["label"] == name.removeprefix("recall_")]
        change = rows["loss_new"] - rows["loss_old"]
        if name != "log_loss":
            change = rows["right_new"].astype(float) - rows["right_old"]
        if rows.empty:
            return float("inf")
        low, high = difference_interval(change, rows["group"])
        return (high - low) / 2
    if SEEDS.exists():
        seeds = pd.read_csv(SEEDS, index_col="figure")["standard_deviation"]
        name = name.replace("recall_", "recall_of_class.")
        return float(2 * 2**0.5 * seeds.get(f"evaluate.{subset}.{name}", np.inf))
    return float("inf")


def paired(before: Version, now: Version) -> pd.DataFrame | None:
    """Return a row for each image that both versions predicted, with columns `_old` and `_new`.

    The result is None if the predictions of a version are missing.
    """
    old = before.images(paths.PREDICTIONS)
    new = now.images(paths.PREDICTIONS)
    if old is None or new is None:
        return None
    positive = tables.classes(new)[1]
    for rows in (old, new):
        is_positive = rows["label"] == positive
        of_label = rows["probability"].where(is_positive, 1 - rows["probability"])
        rows["right"] = rows["predicted"] == rows["label"]
        rows["loss"] = -np.log(of_label.clip(MIN_PROBABILITY))
    keys = ["split", "path"]
    figures = ["predicted", "probability", "right", "loss"]
    return new[[*keys, *figures, "label", "group", "row"]].merge(
        old[[*keys, *figures]], on=keys, suffixes=("_new", "_old")
    )


def people(before: Version, now: Version) -> Iterator[Section]:
    """Yield the error rates of groups of people, the worst first, if there are any."""
    old = _groups_of_people(before)
    new = _groups_of_people(now)
    worst_first = sorted(new.items(), key=lambda item: item[1]["error_rate"], reverse=True)
    rows = [
        {
            "set": key[0],
            "group": f"{key[1]} {key[2]}",
            "class": key[3],
            "images": group["images"],
            "before": f"{old[key]['error_rate']:.2%}" if key in old else "",
            "now": f"{group['error_rate']:.2%}",
            "95 %": "{:.2%} to {:.2%}".format(*group["interval_95"]),
        }
        for key, group in worst_first[:MOST_GROUPS]
    ]
    if rows:
        text = "Share of wrong predictions for images of people with the same attribute."
        yield Section("People: the worst groups", text, pd.DataFrame(rows))


def _groups_of_people(version: Version) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the figures of each group of people, by set, attribute, value and class."""
    evaluate = json.loads(version.read(paths.DETAILS / "evaluate.json") or b"{}")
    export = json.loads(version.read(paths.DETAILS / "export_tflite.json") or b"{}")
    evaluate.pop("threshold", None)
    groups: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, measured in {**evaluate, "photos": export}.items():
        for group in measured.get("people", {}).get("groups", ()):
            key = (name, group["attribute"], group["value"], group["label"])
            groups[key] = group
    return groups


def curves(before: Version, now: Version) -> Section:
    """Return the training curves of both versions, and the TFLite variants by size."""
    charts = []
    for path, x, columns in (
        ("history.csv", "epoch", ("val_accuracy", "val_loss")),
        ("tflite_variants.csv", "kilobytes", ("accuracy_loss",)),
    ):
        tables_of = {"before": before, "now": now}
        frames = []
        for name, version in tables_of.items():
            table = version.table(paths.PLOTS / path)
            if table is not None:
                frames.append(table.assign(version=name))
        for y in columns if frames else ():
            charts.append(chart(pd.concat(frames), x, y))
    times = json.loads(now.read(paths.TIMING / "export_tflite.json") or b"{}").get("variants", {})
    rows = []
    for name, cost in times.items():
        milliseconds = cost["milliseconds_on_1_thread"]["median"]
        rows.append({"variant": name, "ms an image, one thread": f"{milliseconds:.3g}"})
    title = "Training, and size against accuracy lost"
    return Section(title, "", pd.DataFrame(rows), "".join(charts))


def mistakes(pairs: pd.DataFrame | None) -> Iterator[Section]:
    """Yield the mistakes of only the new version, and those of only the old one."""
    if pairs is None:
        yield Section("Mistakes", f"The predictions {MISSING}")
        return
    for title, right, wrong in (("appeared", "old", "new"), ("were cured", "new", "old")):
        rows = pairs[pairs[f"right_{right}"] & ~pairs[f"right_{wrong}"]]
        rows = rows.sort_values(f"loss_{wrong}", ascending=False)
        counts = rows["split"].value_counts()
        text = ", ".join(f"{count} of {name}" for name, count in counts.items())
        pictures = "".join(figure(row) for row in rows.head(MOST_PICTURES).to_dict("records"))
        yield Section(f"Mistakes that {title}: {len(rows)}", text, None, pictures)


def images(before: Version, now: Version) -> Section:
    """Return by class how many images and groups were added and how many were removed."""
    old = before.images(paths.SPLIT)
    new = now.images(paths.SPLIT)
    if old is None or new is None:
        return Section("Images", f"The tables of images {MISSING}")
    rows = []
    for label in sorted(set(old["label"]) | set(new["label"])):
        for column, name in (("pixels", "images"), ("group", "groups")):
            values_before = set(old.loc[old["label"] == label, column])
            values_now = set(new.loc[new["label"] == label, column])
            row = {
                "class": label,
                "of": name,
                "before": len(values_before),
                "now": len(values_now),
                "added": len(values_now - values_before),
                "removed": len(values_before - values_now),
            }
            rows.append(row)
    text = "Images with the same pixels count once."
    return Section("Images and groups", text, pd.DataFrame(rows))


def stages(before: Version, now: Version) -> Section:
    """Return for each stage whether its outputs changed, and how long it took on this machine."""
    old = YAML(typ="safe").load(before.read("dvc.lock") or b"stages: {}")["stages"]
    new = YAML(typ="safe").load(now.read("dvc.lock") or b"stages: {}")["stages"]
    rows = []
    machines = []
    for name, entry in new.items():
        timing = json.loads(now.read(paths.TIMING / f"{name}.json") or b"{}")
        is_same = entry.get("outs") == old.get(name, {}).get("outs")
        row = {
            "stage": name,
            "outputs": "same" if is_same else "changed",
            "last run here": f"{timing['seconds']:.0f} s" if timing else "from the cache",
        }
        rows.append(row)
        if timing:
            versions = ", ".join(f"{key} {value}" for key, value in timing["versions"].items())
            machines.append(f"{timing['machine']}; {versions}")
    return Section("Stages", "; ".join(dict.fromkeys(machines)), pd.DataFrame(rows))


def report(revision: str) -> None:
    """Compare the workspace with a revision, and write both files.

    Raises:
        UserError: there is no such revision.
    """
    try:
        before = Version(revision)
        now = Version(None)
        with Repo() as repository:
            changed_parameters = repository.params.diff(a_rev=revision)
            metrics = repository.metrics.diff(a_rev=revision, all=True)
    except DvcException as error:
        raise UserError(f"{revision}: {error}") from error
    pairs = paired(before, now)
    headline_section = headlines(metrics, pairs)
    stage_section = stages(before, now)
    outputs = [] if stage_section.table is None else stage_section.table["outputs"].tolist()
    is_changed = "changed" in outputs or bool(changed_parameters.get("diff"))
    title = f"Against {revision}: {_conclusion(headline_section) if is_changed else 'no change'}"
    sections = [
        parameters(changed_parameters),
        headline_section,
        *people(before, now),
        curves(before, now),
        *mistakes(pairs),
        images(before, now),
        stage_section,
    ]
    write(title, sections)
    print(title)


def _conclusion(section: Section) -> str:
    """Return how many headlines are better and worse, as text."""
    table = section.table
    verdicts = [] if table is None or table.empty else table["is"].tolist()
    better = verdicts.count("better")
    worse = verdicts.count("worse")
    conclusion = f"{better} headlines better, {worse} worse, beyond the noise"
    if others := verdicts.count("of other images"):
        conclusion += f"; {others} were measured on other images and are not compared"
    return conclusion


if __name__ == "__main__":
    with one_line_errors("report"):
        report(*sys.argv[1:] or ["main"])
