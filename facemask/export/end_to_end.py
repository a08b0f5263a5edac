"""What an exported file answers about whole photos, asked as `predict.py` asks it."""

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

ANSWERED = ["predicted", "probability", "score", "faces"]
"""Columns of what is answered about a photo."""


def ask_stored(folder: Path, model: Path) -> pd.DataFrame:
    """Ask a file about each photo that `ingest` stored.

    Args:
        folder: of shards; there may be no photo in it.
        model: a `.tflite` file from `export_tflite`.

    Returns:
        A row a photo: path, label and what `ask` gives.

    Raises:
        UserError: as `Classifier`.
    """
    rows = shards.read_table(folder)[["path", "label", "sha256"]]
    if rows.empty:
        return pd.DataFrame(columns=["path", "label", *ANSWERED])
    wanted = set(rows["sha256"])
    answered = ask(shards.contents(folder)(wanted), len(wanted), Classifier(model), FaceDetector())
    return rows.join(answered, on="sha256").drop(columns="sha256")


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
        By key: predicted (the label of the largest face, empty where no face is found),
        probability (0-1, of that label), score (0-1, of that face) and faces (how many rows
        `predict.py` would print).

    Raises:
        BadImageError: a photo cannot be decoded.
    """
    work = partial(_ask, classifier, detector)
    answers = dict(parallel.run(work, photos, "photos", "photo", count, local=True))
    return pd.DataFrame.from_dict(answers, "index", columns=ANSWERED)


def _ask(
    classifier: Classifier, detector: FaceDetector, photo: tuple[str, bytes]
) -> tuple[str, tuple[Any, ...]]:
    key, content = photo
    faces = photos.answer(images.open_rgb(content), classifier, detector)
    if not faces:
        return key, ("", None, None, 0)
    main = faces[0]
    probability = None if main.too_small else main.answer.probability
    return key, (main.label, probability, main.score, len(faces))


def measure(rows: pd.DataFrame) -> dict[str, Any]:
    """Measure answers about photos of one person each.

    Args:
        rows: a photo each, with label, predicted and faces as `ask` gives them.

    Returns:
        photos (how many); balanced_accuracy (0-1, the mean of the next); recall_of_class, of those
        that are there (a photo without an answer is wrong; of several faces the largest counts);
        no_answer and extra, the shares (0-1) of the photos without a face found, and with more
        than one. Empty where there is no photo.
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
    """Return the one number of `measure` that people compare between runs, if there is a photo."""
    return {"photos": measure(rows)["balanced_accuracy"]} if len(rows) else {}
