"""Report what the workspace changed against a revision, for a pull request and for a browser.

Run `python -m tools.report [REVISION]` (default: main) after `dvc repro`. Writes `report.md`, and
`report.html` with curves and pictures, which needs no other file and no network. What a revision
has in DVC's cache alone (predictions, the tables of images) is fetched from the remote where there
is one; the report says what was not to be had.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo

from facemask.errors import UserError, one_line_errors
from facemask.evaluation.metrics import LEAST, difference_interval
from facemask.store import tables
from stages import paths
from tools.report_page import Section, Version, chart, figure, write

SHOWN = 18
"""Most pictures of a kind."""

ORDER = ("accuracy,", "accuracy over start", "balanced accuracy", "recall", "log loss", "")

LESS_IS_BETTER = ("log_loss", "train_overlap", "kilobytes")

MISSING = "of both versions are not at hand; `dvc fetch` may bring them."

SEEDS = Path("benchmarks/seeds.csv")


def parameters(changed: dict[str, Any]) -> Section:
    """Return the parameters that differ; `changed` is from DVC."""
    rows = [
        {"parameter": name, "before": str(values.get("old")), "now": str(values.get("new"))}
        for file in changed.get("diff", {}).values()
        for name, values in file.items()
    ]
    return Section("Parameters", "" if rows else "None differs.", pd.DataFrame(rows))


def headlines(changed: dict[str, Any], pairs: pd.DataFrame | None) -> Section:
    """Return the metrics side by side, whether each is better, and beyond the noise.

    Args:
        changed: from DVC, unchanged ones too.
        pairs: from `paired`.
    """
    rows = []
    compared = set() if pairs is None else set(pairs["split"])
    for file, values in changed.get("diff", {}).items():
        for subset, value in values.items():
            old, new = value.get("old"), value.get("new")
            if not all(isinstance(number, int | float) for number in (old, new)):
                continue  # a subset that one version has not, or the epoch while training runs
            name = Path(file).stem
            better = "better" if (new > old) != (name in LESS_IS_BETTER) else "worse"
            wide = spread(name, subset, pairs)
            says = better if abs(new - old) > wide else "within the noise"
            says = says if np.isfinite(wide) else "noise unknown"
            predicted = wide and Path(file).parent == paths.HEADLINES  # a count has no noise
            if predicted and pairs is not None and subset not in compared:
                says = "of other images"
            arrow = "" if new == old else "▲ " if new > old else "▼ "
            row = {"metric": f"{name.replace('_', ' ')}, {subset}"}
            row |= {"is": says if arrow else "same", "before": f"{old:.5g}", "now": f"{new:.5g}"}
            row |= {"change": f"{arrow}{new - old:+.2g}" if arrow else "0"}
            rows.append(row | {"noise": f"± {wide:.2g}" if 0 < wide < np.inf else ""})
    rows.sort(key=lambda row: row["metric"], reverse=True)  # validation before external
    rows.sort(key=lambda row: ORDER.index(next(o for o in ORDER if row["metric"].startswith(o))))
    how = "Noise: 95 % of paired bootstraps over groups; else twice what seeds move a difference."
    return Section("Headlines", how, pd.DataFrame(rows))


def spread(name: str, subset: str, pairs: pd.DataFrame | None) -> float:
    """Return half the width of the interval in which a change of a metric is noise.

    Whole groups are drawn anew with both predictions of their images (paired cluster bootstrap). A
    size or a count has no noise; infinite where nothing is known.
    """
    if name in ("kilobytes", "train_overlap"):
        return 0.0
    if name == "accuracy_over_start":
        return float("inf")  # of what the start decided, no version keeps the rows
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
    """Return images that both versions predicted, a row each, with columns `_old` and `_new`."""
    found = [version.images(paths.PREDICTIONS) for version in (before, now)]
    both = [rows for rows in found if rows is not None]
    if len(both) < len(found):
        return None
    positive = tables.classes(both[1])[1]
    for rows in both:
        p = rows["probability"].where(rows["label"] == positive, 1 - rows["probability"])
        rows["right"], rows["loss"] = rows["predicted"] == rows["label"], -np.log(p.clip(LEAST))
    kept = both[1][["split", "path", "label", "group", "row"]]
    part = ["predicted", "probability", "right", "loss"]
    keys = ["split", "path"]
    old, new = (rows[keys + part] for rows in both)
    return kept.merge(new.merge(old, on=keys, suffixes=("_new", "_old")), on=keys)


def curves(before: Version, now: Version) -> Section:
    """Return training curves overlaid, and the TFLite variants by size."""
    drawn = []
    for path, x, ys in (
        ("history.csv", "epoch", ("val_accuracy", "val_loss")),
        ("tflite_variants.csv", "kilobytes", ("accuracy_loss",)),
    ):
        found = {"before": before.table(paths.PLOTS / path), "now": now.table(paths.PLOTS / path)}
        frames = [table.assign(version=name) for name, table in found.items() if table is not None]
        for y in ys if frames else ():
            drawn.append(chart(pd.concat(frames), x, y))
    times = json.loads(now.read(paths.TIMING / "export_tflite.json") or b"{}").get("variants", {})
    rows = [
        {
            "variant": name,
            "ms an image, one thread": f"{cost['milliseconds_on_1_thread']['median']:.3g}",
        }
        for name, cost in times.items()
    ]
    return Section(
        "Training, and size against accuracy lost", "", pd.DataFrame(rows), "".join(drawn)
    )


def mistakes(pairs: pd.DataFrame | None) -> Iterator[Section]:
    """Yield the images that are decided wrongly now and were not, and the other way round."""
    if pairs is None:
        yield Section("Mistakes", f"The predictions {MISSING}")
        return
    for title, right, wrong in (("appeared", "old", "new"), ("were cured", "new", "old")):
        rows = pairs[pairs[f"right_{right}"] & ~pairs[f"right_{wrong}"]]
        rows = rows.sort_values(f"loss_{wrong}", ascending=False)
        counts = ", ".join(
            f"{count} of {name}" for name, count in rows["split"].value_counts().items()
        )
        pictures = "".join(figure(row) for row in rows.head(SHOWN).to_dict("records"))
        yield Section(f"Mistakes that {title}: {len(rows)}", counts, None, pictures)


def images(before: Version, now: Version) -> Section:
    """Return how many images and groups came and went, by class."""
    found = [version.images(paths.SPLIT) for version in (before, now)]
    both = [table for table in found if table is not None]
    if len(both) < len(found):
        return Section("Images", f"The tables of images {MISSING}")
    rows = []
    for label in sorted(set(both[0]["label"]) | set(both[1]["label"])):
        for column, name in (("pixels", "images"), ("group", "groups")):
            old, new = (set(table.loc[table["label"] == label, column]) for table in both)
            row = {"class": label, "of": name, "before": len(old), "now": len(new)}
            rows.append(row | {"came": len(new - old), "went": len(old - new)})
    return Section("Images and groups", "Each picture counts once.", pd.DataFrame(rows))


def stages(before: Version, now: Version) -> Section:
    """Return for each stage whether its inputs and outputs changed, and how long it took here."""
    locks = [yaml.safe_load(version.read("dvc.lock") or b"stages: {}") for version in (before, now)]
    rows, machines = [], []
    for name, entry in locks[1]["stages"].items():
        old = locks[0]["stages"].get(name, {})
        told = json.loads(now.read(paths.TIMING / f"{name}.json") or b"{}")
        outputs = "same" if entry.get("outs") == old.get("outs") else "changed"
        took = f"{told['seconds']:.0f} s" if told else "from the cache"
        rows.append({"stage": name, "outputs": outputs, "last run here": took})
        machines += [f"{told['machine']}; {told['versions']}"] if told else []
    text = "; ".join(dict.fromkeys(machines)).replace("'", "").replace("{", "").replace("}", "")
    return Section("Stages", text, pd.DataFrame(rows))


def report(revision: str) -> None:
    """Compare the workspace with a revision, and write both files.

    Raises:
        UserError: there is no such revision.
    """
    try:
        before, now = Version(revision), Version(None)
        with Repo() as repository:
            changed = repository.params.diff(a_rev=revision)
            moved = repository.metrics.diff(a_rev=revision, all=True)
    except DvcException as error:
        raise UserError(f"{revision}: {error}") from error
    pairs = paired(before, now)
    first = headlines(moved, pairs)
    says = [] if first.table is None or first.table.empty else first.table["is"].tolist()
    counts = {word: sum(one.startswith(word) for one in says) for word in ("better", "worse")}
    stage = stages(before, now)
    differ = (stage.table["outputs"] == "changed").any() if stage.table is not None else False
    verdict = "{better} headlines better, {worse} worse, beyond the noise".format(**counts)
    if others := says.count("of other images"):
        verdict += f"; {others} are of other images, which nothing compares"
    title = f"Against {revision}: {verdict if differ or changed.get('diff') else 'no change'}"
    rest = [curves(before, now), *mistakes(pairs), images(before, now), stage]
    write(title, [parameters(changed), first, *rest])
    print(title)


if __name__ == "__main__":
    with one_line_errors("report"):
        report(*sys.argv[1:] or ["main"])
