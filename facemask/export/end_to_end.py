"""Answers of an exported file about whole photos, as `predict.py` would print them."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from facemask import parallel
from facemask.inference import photos
from facemask.inference.classifier import Classifier
from facemask.inference.detection import FaceDetector
from facemask.store import images, shards

EDGES = ["left", "top", "right", "bottom"]
"""Columns of a box, in pixels."""

ANSWER = ["sha256", "predicted", "probability", "score", *EDGES]
"""Columns of an answer about a face in a photo."""


def ask_stored(folder: Path, rows: pd.DataFrame, model: Path) -> pd.DataFrame:
    """Ask a file about photos that `ingest` stored, by `ask`.

    Args:
        folder: of shards.
        rows: of the photos, with `sha256`; there may be none.
        model: a `.tflite` file from `export_tflite`.

    Raises:
        UserError: as `Classifier`.
    """
    wanted = set(rows["sha256"])
    if not wanted:
        return pd.DataFrame(columns=ANSWER)
    return ask(
        shards.contents(folder)(wanted),
        len(wanted),
        Classifier(model),
        FaceDetector(),
    )


def ask(
    photos: Iterable[tuple[str, bytes]], count: int, classifier: Classifier, detector: FaceDetector
) -> pd.DataFrame:
    """Ask about each photo as `predict.py` does.

    Args:
        photos: n distinct keys, each with the bytes of an image.
        count: n, for the progress bar.
        classifier: answers.
        detector: finds the faces.

    Returns:
        A row for each face, the largest of a photo first: sha256 (the photo's key), predicted (the
        label, or `TOO_SMALL`), probability (0-1, of that label), score (0-1, of the face) and the
        part of the photo that was classified.

    Raises:
        BadImageError: a photo cannot be decoded.
    """
    work = partial(_ask, classifier, detector)
    answers = parallel.run(work, photos, "photos", "photo", count, local=True)
    return pd.DataFrame([row for rows in answers for row in rows], columns=ANSWER)


def _ask(
    classifier: Classifier, detector: FaceDetector, photo: tuple[str, bytes]
) -> list[tuple[Any, ...]]:
    key, content = photo
    faces = photos.answer(images.open_rgb(content), classifier, detector)
    return [(key, face.label, face.answer.probability, face.score, *face.box) for face in faces]


def main_faces(rows: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return the answers about photos of one person each: those about the largest face.

    Args:
        rows: of the photos, with `sha256`.
        answers: from `ask`.

    Returns:
        The same rows with predicted (empty without a face), probability and score of the largest
        face, and faces, the number of faces in the answers.
    """
    by_photo = answers.groupby("sha256", sort=False)
    main = by_photo[["predicted", "probability", "score"]].first()
    main["faces"] = by_photo.size()
    answered = rows.join(main, on="sha256").drop(columns="sha256")
    answered["predicted"] = answered["predicted"].fillna("")
    answered["faces"] = answered["faces"].fillna(0).astype(int)
    return answered


def measure(rows: pd.DataFrame) -> dict[str, Any]:
    """Measure answers about photos of one person each.

    Args:
        rows: a photo each, with label, predicted and faces as `ask` gives them.

    Returns:
        `photos`, a number; `recall_of_class`, 0-1 (a photo without an answer is wrong, and the
        largest of several faces counts); `balanced_accuracy`, the mean of these recalls;
        `no_answer` and `extra`, the shares (0-1) of photos with no face in the answers and with
        more than one. Empty without photos.
    """
    if rows.empty:
        return {}
    recall = (rows["predicted"] == rows["label"]).groupby(rows["label"]).mean()
    return {
        "photos": len(rows),
        "balanced_accuracy": float(recall.mean()),
        "recall_of_class": {str(label): float(share) for label, share in recall.items()},
        "no_answer": float((rows["faces"] == 0).mean()),
        "extra": float((rows["faces"] > 1).mean()),
    }


def headline(rows: pd.DataFrame) -> dict[str, float]:
    """Return the number that people compare between runs, if there is a photo."""
    return {"photos": measure(rows)["balanced_accuracy"]} if len(rows) else {}
