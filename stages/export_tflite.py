"""Convert the model to TFLite and hold it against Keras on every validation row.

Run by `dvc repro export_tflite`; about a minute for two thousand images.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from facemask import dataset, images, network, params, report, tables
from facemask.classifier import Classifier
from facemask.errors import UserError, one_line_errors
from facemask.files import replacing
from stages import paths


def export_tflite(options: params.ExportTflite) -> None:
    """Write `facemask.tflite`, `labels.txt` and how far the file is from Keras."""
    table = tables.read(paths.SPLIT_TABLE)
    classes = tables.classes(table)
    rows = tables.side(table, tables.VALIDATION)
    model = network.load(paths.KERAS_MODEL)
    trained = network.predict(model, dataset.inference_batches(rows, classes[1], paths.RESIZED))
    with replacing(paths.LABELS) as labels, replacing(paths.TFLITE_MODEL) as tflite:
        labels.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")
        network.export(model, tflite)
        exported = _probabilities(Classifier(tflite, labels), rows["sha256"])
        difference = float(np.abs(exported - trained).max())
        changed = int(np.sum((exported >= 0.5) != (trained >= 0.5)))
        _refuse("max_probability_difference", difference, options.max_probability_difference)
        _refuse("max_changed_decisions", changed, options.max_changed_decisions)
        size = tflite.stat().st_size

    report.write_json(
        {
            "compared_images": len(rows),
            "probability_difference": difference,
            "changed_decisions": changed,
            "bytes": size,
        },
        paths.METRICS / "export_tflite.json",
    )


def _probabilities(classifier: Classifier, names: Iterable[str]) -> NDArray[np.float64]:
    progress = tqdm(names, desc="export_tflite", unit="image", disable=None)
    files = (paths.RESIZED / f"{sha256}.png" for sha256 in progress)
    return np.array([classifier.probability(np.asarray(images.open_rgb(file))) for file in files])


def _refuse(key: str, found: float, most: float) -> None:
    if found > most:
        raise UserError(
            f"export_tflite.{key} = {most}: the exported file differs from Keras by {found}; "
            "no file is kept"
        )


if __name__ == "__main__":
    with one_line_errors("export_tflite"):
        export_tflite(params.load(paths.PARAMS).export_tflite)
