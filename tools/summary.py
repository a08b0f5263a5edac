"""Print a short summary of a run: its figures, where to look, what to do next.

Run `python -m tools.summary` after `dvc repro`; `make run` does. The figures of a stage are left
out if its inputs, or those of an earlier stage, have changed since its last run.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from facemask import files, params
from facemask.errors import UserError, one_line_errors
from predict import GENERATED
from stages import paths

PUBLISHED = paths.PUBLISHED.with_name("facemask.tflite")
STAGES = ("ingest", "resize", "split", "train", "evaluate", "export_tflite")
Figures = Mapping[str, Any]


def lines() -> Iterator[str]:
    """Yield the lines of the summary.

    Raises:
        UserError: `ingest` is not up to date, or `dvc status` fails.
    """
    try:
        with Repo() as repository:
            changed = set(repository.status()) - {"check_params"}
            outdated = [name for name in STAGES if changed & _up_to(name, repository)]
    except DvcException as error:
        raise UserError(f"dvc status: {error}") from error
    current = [stage for stage in STAGES if stage not in outdated]
    if "ingest" in outdated:
        raise UserError("ingest has not run, or its inputs have changed since; run `dvc repro`")
    ingest = files.read_json(paths.DETAILS, "ingest")["ingest"]
    yield from _images(ingest)
    if "split" in current:
        classes = files.read_json(paths.DETAILS, "split")["split"]["classes"]
        groups = sum(of_class["groups"] for of_class in classes.values())
        yield f"            in {groups} groups of near-duplicates"
    if "evaluate" in current:
        yield from _quality(files.read_json(paths.DETAILS, "evaluate")["evaluate"])
    if "export_tflite" in current:
        yield from _model(files.read_json(paths.DETAILS, "export_tflite")["export_tflite"])
        yield from _next_steps(ingest)
    if outdated:
        yield f"Not shown   {', '.join(outdated)}: not up to date; run `dvc repro`"


def _up_to(name: str, repository: Repo) -> set[str]:
    """Return the names of a stage and of all stages before it."""
    return {stage.addressing for stage in repository.stage.collect(name, with_deps=True)}


def _images(ingest: Figures) -> Iterator[str]:
    source = params.load(paths.PARAMS).ingest.source
    counts = ", ".join(f"{count} {label}" for label, count in ingest["images_of_class"].items())
    yield f"Images      {ingest['images']} of {source}: {counts}"
    yield f"            {ingest['quarantined']} quarantined: {paths.QUARANTINE} gives the reasons"


def _quality(evaluate: Figures) -> Iterator[str]:
    for name, figures in evaluate.items():
        if name == "threshold":
            continue
        yield f"{name.capitalize():11} {_accuracy(figures)}"
        recalls = [f"{label} {recall:.3f}" for label, recall in figures["recall_of_class"].items()]
        yield f"            recall: {', '.join(recalls)}"
        yield from _never_predicted(name, figures)


def _accuracy(figures: Figures) -> str:
    """Return the figures of `metrics.summary` as text."""
    low, high = figures["interval_95"]["accuracy"]
    accuracy = f"{figures['accuracy']:.3f} of {figures['images']} images are right"
    before = figures.get("against_start")
    compared = f"; {before['start']}: {before['accuracy']:.3f}" if before else ""
    return f"{accuracy} (95 %: {low:.3f}-{high:.3f}){compared}"


def _never_predicted(name: str, figures: Figures) -> Iterator[str]:
    """Yield a warning for each class that has images but is never predicted."""
    matrix = figures["confusion_matrix"]
    for label, of_label in matrix.items():
        images = sum(of_label.values())
        if images and not any(row[label] for row in matrix.values()):
            yield (
                f"WARNING     {label} is never predicted, though {images} {name} images show it; "
                "add photos of this class"
            )


def _model(export: Figures) -> Iterator[str]:
    if photos := export["photos"]:
        yield (
            f"Photos      {photos['balanced_accuracy']:.3f} balanced accuracy on "
            f"{photos['photos']} photos; no face found in {photos['no_answer']:.1%}"
        )
    if scenes := export["scenes"]:
        shares = ", ".join(
            f"{share:.1%} of {label}" for label, share in scenes["right_of_class"].items()
        )
        yield f"Scenes      found and right: {shares} in {scenes['scenes']} photos"
    shipped = export["variants"][export["shipped"]]
    yield (
        f"Model       {paths.TFLITE_MODEL}, {shipped['kilobytes']:.0f} kB, {export['shipped']}, "
        f"for TFLite {shipped['minimum_runtime']} and later"
    )


def _next_steps(ingest: Figures) -> Iterator[str]:
    yield f"Look at     {paths.MODEL_CARD}; plots/*.png; `dvc plots show`; `dvc metrics show`"
    yield "Try it      python predict.py photo.jpg"
    if ingest["description"].lower().startswith(GENERATED):
        yield f"            It was trained on drawings; for real faces add --model {PUBLISHED}"
        no_sets = "-S ingest.external=null -S ingest.photos=null"
        yield f"Your photos dvc exp run -S ingest.source=path/to/photos {no_sets}"


if __name__ == "__main__":
    with one_line_errors("summary"):
        for line in lines():
            print(line)
