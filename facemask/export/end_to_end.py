"""Run an exported file on whole photos as `predict.py` does, and measure its answers."""

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


def classify_stored(folder: Path, rows: pd.DataFrame, model: Path) -> pd.DataFrame:
    """Classify the faces in photos that `ingest` stored; see `classify`.

    Args:
        folder: of shards.
        rows: of the photos, with `sha256`; may be empty.
        model: a `.tflite` file from `export_tflite`.
    """
    wanted = set(rows["sha256"])
    if not wanted:
        return pd.DataFrame(columns=ANSWER)
    return classify(
        shards.contents(folder)(wanted),
        len(wanted),
        Classifier(model),
        FaceDetector(),
    )


def classify(
    photos: Iterable[tuple[str, bytes]], count: int, classifier: Classifier, detector: FaceDetector
) -> pd.DataFrame:
    """Find and classify the faces in each photo.

    Args:
        photos: n distinct keys, each with the bytes of an image.
        count: n, for the progress bar.
        classifier: classifies the faces.
        detector: finds the faces.

    Returns:
        A row for each face, the largest of a photo first. `sha256` is the photo's key. `predicted`
        is the label or `TOO_SMALL`, and `probability` (0-1) is that of the label. `score` (0-1) is
        that of the face finder. `EDGES` are the part of the photo that was classified.

    Raises:
        BadImageError: a photo cannot be decoded.
    """
    work = partial(_classify, classifier, detector)
    answers = parallel.run(work, photos, "photos", "photo", count, local=True)
    return pd.DataFrame([row for rows in answers for row in rows], columns=ANSWER)


def _classify(
    classifier: Classifier, detector: FaceDetector, photo: tuple[str, bytes]
) -> list[tuple[Any, ...]]:
    key, content = photo
    faces = photos.answer(images.open_rgb(content), classifier, detector)
    return [(key, face.label, face.answer.probability, face.score, *face.box) for face in faces]


def main_faces(rows: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return for each photo of one person the answer about its largest face.

    Args:
        rows: of the photos, with `sha256`.
        answers: from `classify`.

    Returns:
        The same rows without `sha256`, and with `predicted`, `probability` and `score` of the
        largest face. `predicted` is empty if no face is found. `faces` is the number of faces.
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
        rows: of photos, with `label`, and with `predicted` and `faces` from `main_faces`.

    Returns:
        `photos` is their number. `recall_of_class` is 0-1; a photo without an answer is wrong.
        `balanced_accuracy` is the mean of these recalls. `no_answer` and `extra` are the shares
        (0-1) of photos with no face and with several faces. The result is empty without photos.
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
    """Return the balanced accuracy, if there is a photo."""
    return {"photos": measure(rows)["balanced_accuracy"]} if len(rows) else {}
