"""Say in ten lines what a run has made: how good it is, where to look, what to do next.

Run `python -m tools.summary` after `dvc repro`; `make run` does.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from facemask import files, params
from facemask.errors import UserError, one_line_errors
from predict import GENERATED
from stages import paths

PUBLISHED = paths.PUBLISHED.with_name("facemask.tflite")
SAID = ("ingest", "split", "evaluate", "export_tflite")


def lines() -> Iterator[str]:
    """Yield the lines, from what the stages wrote.

    Raises:
        UserError: they have not run to their end.
    """
    try:
        ingest, split, evaluate, export = files.read_json(paths.DETAILS, *SAID).values()
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: not found; `dvc repro` makes it") from error
    source = params.load(paths.PARAMS).ingest.source
    groups = sum(of_class["groups"] for of_class in split["classes"].values())
    shipped = export["variants"][export["shipped"]]
    yield f"Images      {ingest['images']} of {source}, in {groups} groups of near-duplicates"
    yield f"            {ingest['quarantined']} quarantined: {paths.QUARANTINE} says why"
    for name, found in evaluate.items():
        if isinstance(found, Mapping):
            yield f"{name.capitalize():11} {_accuracy(found)}"
    if photos := export["photos"]:
        yield (
            f"Photos      {photos['balanced_accuracy']:.3f} balanced accuracy on "
            f"{photos['photos']} photos; no face found in {photos['no_answer']:.1%}"
        )
    yield (
        f"Model       {paths.TFLITE_MODEL}, {shipped['kilobytes']:.0f} kB, {export['shipped']}, "
        f"for TFLite {shipped['minimum_runtime']} and later"
    )
    yield f"Look at     {paths.MODEL_CARD}; plots/*.png; `dvc plots show`; `dvc metrics show`"
    yield "Try it      python predict.py photo.jpg"
    if ingest["description"].lower().startswith(GENERATED):
        yield f"            It knows drawings alone; for real faces add --model {PUBLISHED}"
        none = "-S ingest.external=data/none -S ingest.photos=data/none"
        yield f"Your photos dvc exp run -S ingest.source=path/to/photos {none}"


def _accuracy(found: Mapping[str, Any]) -> str:
    """Describe what `metrics.summary` measured, in words."""
    said = f"{found['accuracy']:.3f} of {found['images']} images are right"
    if interval := found["interval_95"]["accuracy"]:
        said += " (95 %: {:.3f}-{:.3f})".format(*interval)
    if gain := found.get("against_start"):
        said += f"; before this training {gain['accuracy']:.3f}"
    return said


if __name__ == "__main__":
    with one_line_errors("summary"):
        print("\n".join(lines()))
