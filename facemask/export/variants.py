"""The variants of a model as TFLite files: made, asked, measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from facemask.export import conversion, latency, metadata, parity
from facemask.files import replacing
from facemask.inference.classifier import Classifier, on_all_cores
from facemask.inference.contract import Contract, seal
from facemask.store import tables
from facemask.store.pixels import Pixels

THREADS = (1, 2)
"""Of an interpreter, when it is timed."""

Images = Callable[[pd.Series], NDArray[np.uint8]]
"""A row of a table of predictions -> its image, (side, side, 3), RGB 0-255."""


def reader(collection: Pixels, external: Pixels) -> Images:
    """Return what finds the image of a row, with `split` and `row`, where its subset lies."""

    def image(row: pd.Series) -> NDArray[np.uint8]:
        pixels = collection if row["split"] in tables.SUBSETS else external
        found: NDArray[np.uint8] = pixels[[row["row"]]][0]
        return found

    return image


def representative(table: pd.DataFrame, pixels: Pixels, count: int) -> NDArray[np.uint8]:
    """Return training images, one a group, as many of each class, (n, side, side, 3)."""
    rows = tables.subset(table, tables.TRAIN).drop_duplicates("group")
    some = rows.sort_values("sha256").groupby("label").head(count // 2)
    return pixels[some["row"].to_numpy()]


def make(
    model: keras.Model,
    names: Sequence[str],
    contract: Contract,
    examples: NDArray[np.uint8],
    folder: Path,
) -> dict[str, Path]:
    """Write each variant with its metadata and contract.

    Args:
        model: from `conversion.folded`.
        names: of the variants; see `conversion.convert`.
        contract: of all of them.
        examples: from `representative`.
        folder: is made, and gets `NAME.tflite`.

    Returns:
        The files by name.
    """
    folder.mkdir()
    files = {name: folder / f"{name}.tflite" for name in names}
    for name, file in files.items():
        converted = conversion.convert(model, name, examples)
        needs = replace(contract, minimum_runtime=metadata.minimum_runtime(converted))
        file.write_bytes(seal(metadata.embed(converted, needs), needs))
    return files


def ship(file: Path, labels: Sequence[str], model: Path, names: Path) -> None:
    """Copy a variant to `model`, and write the names of the classes, a line each, to `names`."""
    with replacing(model) as ships, replacing(names) as lines:
        ships.write_bytes(file.read_bytes())
        lines.write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def ask(files: Mapping[str, Path], rows: pd.DataFrame, image: Images) -> pd.DataFrame:
    """Return the rows with each variant's probability of the positive class, 0-1, in a column."""
    return rows.assign(**{name: _ask(file, rows, image) for name, file in files.items()})


def _ask(file: Path, rows: pd.DataFrame, image: Images) -> list[float]:
    classifier = Classifier(file)
    asked = on_all_cores(
        lambda row: classifier.probability(image(row)), (row for _, row in rows.iterrows())
    )
    return list(tqdm(asked, desc=file.stem, total=len(rows), unit="image", disable=None))


def measure(
    files: Mapping[str, Path], rows: pd.DataFrame, contract: Contract
) -> dict[str, dict[str, Any]]:
    """Measure how far each variant is from Keras, its runtime, and its size in `kilobytes`.

    Args:
        files: the variants by name.
        rows: as `parity.measure` takes them, with a column for each variant.
        contract: has the classes and the threshold.
    """
    measured = {name: parity.measure(rows, name, contract) for name in files}
    for name, file in files.items():
        measured[name]["minimum_runtime"] = metadata.minimum_runtime(file.read_bytes())
        measured[name]["kilobytes"] = file.stat().st_size / 1000
    return measured


def cost(files: Mapping[str, Path], runs: int) -> dict[str, dict[str, Any]]:
    """Measure by variant what depends on the machine: milliseconds an image, and megabytes.

    Args:
        files: the variants by name.
        runs: of each variant, for each number of threads.
    """
    contents = {name: file.read_bytes() for name, file in files.items()}
    measured: dict[str, dict[str, Any]] = {name: {} for name in files}
    for threads in THREADS:
        times = latency.measure(contents, runs, threads)
        for name in files:
            key = f"milliseconds_on_{threads}_thread{'s' if threads > 1 else ''}"
            measured[name][key] = times.loc[name].to_dict()
    for name, file in files.items():
        measured[name]["memory_megabytes"] = latency.memory(file)
    return measured
