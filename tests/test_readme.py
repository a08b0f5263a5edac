"""README and documents say what the published run and the benchmarks measured."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.helpers import CLASSES, REPOSITORY

README = (REPOSITORY / "README.md").read_text()
DOCUMENTS = [
    path for place in ("", "docs/", "deploy/*/") for path in REPOSITORY.glob(f"{place}*.md")
]
PUBLISHED = REPOSITORY / "results/published"
NOTEBOOK = REPOSITORY / "results/notebook-recipe"
WHO = ("model", "specialist")
SUBSETS = ("validation", "external")


def measured(name: str, run: Path = PUBLISHED) -> dict[str, Any]:
    return dict(json.loads((run / f"{name}.json").read_text()))


@pytest.mark.parametrize("part", ["validation", "external-faces", "people"])
def test_the_table_is_that_of_the_published_run(part: str) -> None:
    figures = measured("details/evaluate")[part]
    assert row_of_readme(f"{part}:").endswith(cells(figures, notebook(part)))
    assert figures["train_overlap"] == 0


@pytest.mark.parametrize("source", ["face-mask-12k", "kaggle-853", "ilc-scenes"])
def test_the_rows_of_sources_are_those_of_the_published_run(source: str) -> None:
    figures = measured("details/evaluate")["validation"]["sources"][source]
    assert row_of_readme(f"validation, `{source}`:").endswith(cells(figures, "–"))


def row_of_readme(start: str) -> str:
    [row] = [line for line in README.splitlines() if line.startswith(f"| {start}")]
    return row


def cells(figures: dict[str, Any], of_notebook: str) -> str:
    """Return what a row of the table says of a subset, after its name."""
    low, high = figures["interval_95"]["accuracy"]
    recalls = figures["recall_of_class"]
    recall = [f"{recalls[label]:.4f}" if label in recalls else "–" for label in CLASSES]
    accuracy = f"**{figures['accuracy']:.4f}** ({low:.3f}-{high:.3f})"
    images = f"{figures['images']:,}"
    return f"| {' | '.join([images, accuracy, *recall, of_notebook])} |"


def notebook(part: str) -> str:
    """Return the accuracy of the notebook's recipe on the same set, if it was measured there."""
    if part != "external-faces":
        return "–"
    return f"{measured('details/evaluate', NOTEBOOK)['external']['accuracy']:.4f}"


def test_whole_photos_are_those_of_the_published_run() -> None:
    [row] = [line for line in README.splitlines() if line.startswith("| whole photos")]
    found = measured("details/export_tflite")["photos"]
    recall = " | ".join(f"{value:.4f}" for _, value in sorted(found["recall_of_class"].items()))
    right, notebook = (
        f"{measured('details/export_tflite', run)['photos']['balanced_accuracy']:.4f}"
        for run in (PUBLISHED, NOTEBOOK)
    )
    assert f"| {found['photos']} | **{right}** balanced accuracy | {recall} | {notebook} |" in row


def test_the_file_is_that_of_the_published_run() -> None:
    export = measured("details/export_tflite")
    variant = export["variants"][export["shipped"]]
    assert f"`{export['shipped']}`, has {variant['kilobytes']:,.0f} kB" in README
    assert f"TFLite {variant['minimum_runtime']} and later" in README
    assert variant["kilobytes"] == (PUBLISHED / "facemask.tflite").stat().st_size / 1000


def test_the_counts_are_those_of_the_published_run() -> None:
    text = (REPOSITORY / "docs/published-run.md").read_text()
    assert f"{measured('details/ingest')['images']:,}" in README
    assert f"{measured('details/train')['parameters']:,}" in text
    for count in measured("details/split")["classes"].values():
        assert f"{count['groups']:,}" in text
    random = measured("random_split", NOTEBOOK)["validation"]
    assert f"{random['train_overlap']:,} of {random['images']:,}" in text


def test_the_ablation_is_the_means_of_its_table() -> None:
    text = (REPOSITORY / "docs/training.md").read_text()
    runs = pd.read_csv(REPOSITORY / "benchmarks/ablation.csv").drop(columns="seed")
    each = runs.groupby("without")
    assert (each.size() == 3).all()
    means, spreads = each.mean(), each.std()
    for part in means.index:
        row = re.search(rf"^\| {part} \|.*$", text, re.MULTILINE)
        assert row
        for side in ("validation", "external"):
            name = f"evaluate.{side}.accuracy"
            assert f"{means.loc[part, name]:.4f} ± {spreads.loc[part, name]:.4f}" in row[0]
        turned = means.loc[part, "evaluate.external.flip_rate.hue turned by 180 degrees"]
        assert f"| {turned:.1%} |" in row[0]


def test_the_tables_of_small_collections_are_the_means_of_their_draws() -> None:
    text = (REPOSITORY / "docs/training.md").read_text()
    draws = pd.read_csv(REPOSITORY / "benchmarks/small.csv")
    assert set(draws["recipe"]) == {"scratch", "start", "start alone"}
    for _, collection in draws[draws["photos"] > 0].groupby("collection"):
        means = collection.groupby("photos")[["external", "own"]].mean()
        for photos, row in means.iterrows():
            assert f"| {photos} | {row['external']:.3f} | {row['own']:.3f} |" in text


def spreads(table: str, digits: int, unit: float = 1) -> "pd.Series[str]":
    """Return mean and standard deviation of each figure in a table of three seeds, as text."""
    seeds = pd.read_csv(REPOSITORY / table, index_col="figure")
    runs = seeds.filter(like="seed_")
    assert len(runs.columns) == 3
    assert seeds["mean"].to_numpy() == pytest.approx(runs.mean(axis=1).to_numpy(), rel=1e-4)
    deviations = runs.std(axis=1).to_numpy()
    assert seeds["standard_deviation"].to_numpy() == pytest.approx(deviations, rel=1e-2, abs=1e-5)
    rounded = (unit * seeds).map(lambda number: f"{number:.{digits}f}")
    return rounded["mean"] + " ± " + rounded["standard_deviation"]


def test_the_spread_is_that_of_the_seeds() -> None:
    share = spreads("benchmarks/seeds.csv", digits=4)
    percent = spreads("benchmarks/seeds.csv", digits=1, unit=100)
    text = (REPOSITORY / "docs/benchmarks.md").read_text()
    recall = [f"recall_of_class.{label}" for label in CLASSES]
    for row, part, right in (
        ("validation, grouped", "evaluate.validation", "accuracy"),
        ("external", "evaluate.external", "accuracy"),
        ("whole photos, balanced", "export_tflite.photos", "balanced_accuracy"),
    ):
        found = [share[f"{part}.{name}"] for name in (right, *recall)]
        assert f"| {row} | {' | '.join(found)} |" in text
    flips = share.index[share.index.str.startswith("evaluate.external.flip_rate.")]
    named = [change for change in flips.str.split("rate.").str[1] if f"| {change} |" in text]
    assert len(named) > 10
    for change in named:
        of = [percent[f"evaluate.{part}.flip_rate.{change}"] for part in SUBSETS]
        assert f"| {change} | {' | '.join(of)} |" in text


def test_the_tables_of_the_other_seeds_are_what_was_measured() -> None:
    share = spreads("benchmarks/published_seeds.csv", digits=4)
    percent = spreads("benchmarks/published_seeds.csv", digits=1, unit=100)
    text = (REPOSITORY / "docs/published-run.md").read_text()
    section = text.partition("## Other seeds")[2].partition("\n## ")[0]
    for row, part in (
        ("validation", "validation"),
        ("validation, `face-mask-12k`", "validation.sources.face-mask-12k"),
        ("validation, `kaggle-853`", "validation.sources.kaggle-853"),
        ("validation, `ilc-scenes`", "validation.sources.ilc-scenes"),
        ("external-faces", "external-faces"),
    ):
        figures = ("accuracy", *(f"recall_of_class.{label}" for label in CLASSES))
        cells = [share[f"{part}.{figure}"] for figure in figures]
        assert f"| {row} | {' | '.join(cells)} |" in section
    people = share["people.accuracy"]
    assert f"| people | {people} | – | {people} |" in section
    assert f"{people} on `people`" in " ".join(README.split())
    assert f"{share['external-faces.accuracy']} on `external-faces`" in " ".join(README.split())
    changes = re.findall(
        r"^\| ([^|]+) \| ([\d.]+ ± [\d.]+) \| ([\d.]+ ± [\d.]+) \|$", section, re.M
    )
    assert len(changes) > 3
    for change, *cells in changes:
        names = [f"{part}.flip_rate.{change}" for part in ("validation", "external-faces")]
        assert cells == [percent[name] for name in names]


def test_the_tables_of_scale_are_what_was_measured() -> None:
    data, cluster = ((REPOSITORY / f"docs/{name}.md").read_text() for name in ("data", "cluster"))
    scale = pd.read_csv(REPOSITORY / "benchmarks/scale.csv")
    alone = scale[scale["workers"] == 0]
    for images in alone["images"].unique():
        measured = alone[alone["images"] == images].to_dict("records")
        cells = [f"{row['seconds']:.0f} s, {row['stage_own_gb']:.1f} GB" for row in measured]
        assert f"| {images:,} | {' | '.join(cells)} |" in data
    for row in scale[scale["workers"] == 2].to_dict("records"):
        memory = [row[f"{role}_own_gb"] for role in ("stage", "scheduler", "worker")]
        cells = [f"{row['seconds']:.0f}", *(f"{gigabytes:.1f}" for gigabytes in memory)]
        assert f"| {row['images']:,} | {row['stage']} | {' | '.join(cells)} |" in cluster
    for row in pd.read_csv(REPOSITORY / "benchmarks/cluster.csv").to_dict("records"):
        seconds = f"{row['workers_1']:.1f} | {row['workers_2']:.1f}"
        assert f"| {row['step']} | {seconds} | {row['times_as_fast']:.2f} |" in cluster


def test_what_a_change_costs_at_least_is_what_was_measured() -> None:
    text = (REPOSITORY / "docs/evaluation.md").read_text()
    table = pd.read_csv(REPOSITORY / "benchmarks/specialists.csv", index_col=["change", "subset"])
    for change in table.index.unique("change"):
        found = [table.loc[(change, part)] for part in SUBSETS]
        cells = [f"{100 * row[f'{who}_flips']:.1f}" for row in found for who in WHO]
        cells.append(f"{100 * found[-1]['clipped']:.0f}")
        assert f"| {change} | {' | '.join(cells)} |" in text


def test_the_table_of_the_face_finder_is_what_was_measured() -> None:
    text = " ".join((REPOSITORY / "docs/evaluation.md").read_text().split())
    table = pd.read_csv(REPOSITORY / "benchmarks/faces.csv", index_col=["set", "what"])
    columns = (
        "with_mask, from 20 pixels",
        "without_mask, from 20 pixels",
        "boxes at a face, from 20 pixels",
        "boxes at a head, from 20 pixels",
    )
    for scenes in table.index.unique("set"):
        rows = [table.loc[(scenes, what)] for what in columns]
        cells = [f"{row['share']:.4f} of {row['number']:,.0f}" for row in rows]
        assert f"| `{scenes}` | {' | '.join(cells)} |" in text
        of_any_size = table.loc[(scenes, "boxes at a head, of any size"), "share"]
        assert f"{of_any_size:.4f}" in text.partition("Of the boxes of any size, ")[2][:40]
    rows_beside = pd.read_csv(REPOSITORY / "benchmarks/face_rows.csv")
    counts = rows_beside["face"].value_counts()
    assert f"{len(rows_beside)} boxes without an annotation" in text
    assert f"{counts['yes']} show a face, and {counts['head']} show a head" in text


def test_the_shares_of_masks_worn_wrong_are_what_was_measured() -> None:
    text = " ".join((REPOSITORY / "docs/evaluation.md").read_text().split())
    table = pd.read_csv(REPOSITORY / "benchmarks/worn.csv")
    for row in table[table["crop"] == "face finder"].to_dict("records"):
        assert re.search(f"{row['share']:.0%}".replace("%", " %") + rf" of {row['faces']}\b", text)


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= 120


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text())
    here = [link for link in links if "://" not in link]
    assert [link for link in here if not (document.parent / link).exists()] == []


def test_every_file_that_is_named_exists() -> None:
    folders = r"data|facemask|stages|results|tests|benchmarks|tools|docs|\.github"
    tracked = {
        name
        for document in DOCUMENTS
        for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", document.read_text())
        if "NAME" not in name
    }
    made = {"quarantine.csv", "split.csv", "predictions.csv", "face-mask-12k.zip", "raw", "resized"}
    made |= {
        "external-faces.zip",
        "none",
        "excluded.csv",
        "external.csv",
        "exported.csv",
        "photos.csv",
        "people.csv",
        "faces.csv",
        "scenes.csv",
        "raw/photos",
        "folds.csv",
        "collection",
        "start.keras",
    }
    made = {f"data/{name}" for name in made}
    assert len(tracked) > 2
    assert [name for name in tracked if name not in made and not (REPOSITORY / name).exists()] == []
