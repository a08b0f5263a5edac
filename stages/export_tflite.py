"""Convert the model to TFLite in several ways, measure each, and choose the one that ships.

Run by `dvc repro export_tflite`; about a minute for three thousand images.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from facemask import (
    conversion,
    images,
    latency,
    metadata,
    model_card,
    network,
    params,
    parity,
    report,
    tables,
)
from facemask.errors import one_line_errors
from facemask.files import replacing
from facemask.inference.classifier import Classifier, on_all_cores
from facemask.inference.contract import Contract, describe, seal
from stages import paths

THREADS = (1, 2)
METRICS = ("ingest", "split", "evaluate")
CROP = {"scale": 1.19, "up": 0.09}
"""Medians over 795 images of Face Mask 12K."""


def export_tflite(options: params.ExportTflite) -> None:
    """Write the variants, what was measured of them, and the one that ships, with its card."""
    table = tables.read(paths.SPLIT_TABLE)
    metrics = {name: json.loads((paths.METRICS / f"{name}.json").read_text()) for name in METRICS}
    trained = network.load(paths.KERAS_MODEL)
    model = conversion.folded(trained)
    threshold = metrics["evaluate"]["threshold"]
    contract = _contract(
        options.author,
        tables.classes(table),
        model.input_shape[1],
        threshold,
        metrics["ingest"]["description"],
    )
    representative = _representative(table, options.calibration_images)
    rows = _keras_predictions(contract.labels)
    with replacing(paths.VARIANTS) as folder:
        folder.mkdir()
        files: dict[str, Path] = {name: folder / f"{name}.tflite" for name in options.variants}
        for name, file in files.items():
            converted = conversion.convert(model, name, representative)
            file.write_bytes(seal(metadata.embed(converted, contract), contract))
            rows[name] = _probabilities(Classifier(file), rows, name)
        measured = {name: parity.measure(rows, name, contract) for name in files}
        contents = {name: file.read_bytes() for name, file in files.items()}
        for threads in THREADS:
            times = latency.measure(contents, options.latency_runs, threads)
            for name in files:
                key = f"milliseconds_on_{threads}_thread{'s' if threads > 1 else ''}"
                measured[name][key] = times.loc[name].to_dict()
        for name, file in files.items():
            measured[name]["kilobytes"] = len(contents[name]) / 1000
            measured[name]["memory_megabytes"] = latency.memory(file)
        tables.write(rows, paths.EXPORTED)
        shipped = parity.choose(options, rows, measured, contract.threshold)
    metrics["train"] = {"parameters": trained.count_params()}
    metrics["export_tflite"] = {"shipped": shipped, "variants": measured}
    with replacing(paths.TFLITE_MODEL) as ships, replacing(paths.LABELS) as labels:
        ships.write_bytes(contents[shipped])
        labels.write_text("".join(f"{name}\n" for name in contract.labels), encoding="utf-8")
    with replacing(paths.MODEL_CARD) as card:
        card.write_text(model_card.text(contract, metrics), encoding="utf-8")
    tables.write(parity.frontier(measured), paths.PLOTS / "tflite_variants.csv")
    report.write_json(metrics["export_tflite"], paths.METRICS / "export_tflite.json")


def _contract(
    author: str, classes: list[str], side: int, threshold: float, description: str
) -> Contract:
    return describe(
        author=author,
        labels=classes,
        side=side,
        threshold=threshold,
        crop=CROP,
        training_data=hashlib.sha256(paths.SPLIT_TABLE.read_bytes()).hexdigest(),
        data_description=description,
    )


def _representative(table: pd.DataFrame, count: int) -> list[NDArray[np.uint8]]:
    """Read training images, one a group, as many of each class."""
    rows = tables.side(table, tables.TRAIN).drop_duplicates("group")
    some = rows.sort_values("sha256").groupby("label").head(count // 2)
    return [np.asarray(images.open_rgb(paths.RESIZED / f"{name}.png")) for name in some["sha256"]]


def _keras_predictions(classes: list[str]) -> pd.DataFrame:
    """Give part, path, resized, label and, as `keras`, what `evaluate` predicted of class 2."""
    found = pd.read_csv(paths.PREDICTIONS, dtype={"label": str}, keep_default_na=False)
    second = found["predicted"] == classes[1]
    found["keras"] = found["probability"].where(second, 1 - found["probability"])
    return found[["part", "path", "resized", "label", "keras"]]


def _probabilities(classifier: Classifier, rows: pd.DataFrame, name: str) -> list[float]:
    """Ask a variant about each row."""
    asked = on_all_cores(
        lambda file: classifier.probability(np.asarray(images.open_rgb(Path(file)))),
        rows["resized"],
    )
    return list(tqdm(asked, desc=name, total=len(rows), unit="image", disable=None))


if __name__ == "__main__":
    with one_line_errors("export_tflite"):
        export_tflite(params.load(paths.PARAMS).export_tflite)
