"""Write, run and measure the variants of a model, each a TFLite file."""

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

EXAMPLES = 600
"""Number of images that set the ranges of activations in `int8`."""

THREADS = {
    "milliseconds_on_1_thread": 1,
    "milliseconds_on_2_threads": 2,
}
"""Numbers of threads of the timed interpreters, by the name of the figure."""

Images = Callable[[pd.Series], NDArray[np.uint8]]
"""Returns the image of a row of a table of predictions, (side, side, 3), RGB 0-255."""


def reader(collection: Pixels, external: Pixels) -> Images:
    """Return a function that reads the image of a row from the store of its subset."""

    def image(row: pd.Series) -> NDArray[np.uint8]:
        pixels = collection if row["split"] in tables.SUBSETS else external
        [pixels_of_row] = pixels[[row["row"]]]
        return np.asarray(pixels_of_row)

    return image


def representative(table: pd.DataFrame, pixels: Pixels) -> NDArray[np.uint8]:
    """Return training images, (n, side, side, 3).

    They are at most `EXAMPLES / 2` images of each class, and at most one image of each group.
    """
    groups = tables.subset(table, tables.TRAIN).drop_duplicates("group")
    by_class = groups.sort_values("sha256").groupby("label")
    rows = by_class.head(EXAMPLES // 2)
    return pixels[rows["row"].to_numpy()]


def write(
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
        contract: of all variants.
        examples: from `representative`.
        folder: is created, and gets `NAME.tflite` for each name.

    Returns:
        The files by name.
    """
    folder.mkdir()
    files = {name: folder / f"{name}.tflite" for name in names}
    for name, file in files.items():
        converted = conversion.convert(model, name, examples)
        runtime = metadata.minimum_runtime(converted)
        completed = replace(contract, minimum_runtime=runtime)
        file.write_bytes(seal(metadata.embed(converted, completed), completed))
    return files


def ship(
    variant: Path,
    labels: Sequence[str],
    model: Path,
    names: Path,
) -> None:
    """Copy a variant to the file `model`, and write each label as a line of the file `names`."""
    with replacing(model) as copy:
        copy.write_bytes(variant.read_bytes())
    with replacing(names) as lines:
        text = "".join(f"{label}\n" for label in labels)
        lines.write_text(text, encoding="utf-8")


def run(
    files: Mapping[str, Path],
    rows: pd.DataFrame,
    image: Images,
) -> pd.DataFrame:
    """Return the rows with a column for each variant: the probability of the positive class."""
    columns = {name: _run(file, rows, image) for name, file in files.items()}
    return rows.assign(**columns)


def _run(file: Path, rows: pd.DataFrame, image: Images) -> list[float]:
    classifier = Classifier(file)

    def probability(row: pd.Series) -> float:
        return float(classifier.probabilities(image(row))[1])

    each_row = (row for _, row in rows.iterrows())
    results = tqdm(
        on_all_cores(probability, each_row),
        desc=file.stem,
        total=len(rows),
        unit="image",
        disable=None,
    )
    return list(results)


def measure(
    files: Mapping[str, Path], rows: pd.DataFrame, contract: Contract
) -> dict[str, dict[str, Any]]:
    """Measure each variant: its distance from Keras, its `minimum_runtime` and its `kilobytes`.

    Args:
        files: the variants by name.
        rows: as in `parity.measure`, with a column for each variant.
        contract: has the classes and the threshold.
    """
    measured = {}
    for name, file in files.items():
        content = file.read_bytes()
        measured[name] = {
            **parity.measure(rows, name, contract),
            "minimum_runtime": metadata.minimum_runtime(content),
            "kilobytes": len(content) / 1000,
        }
    return measured


def cost(files: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Measure the time of each variant for an image, and its memory.

    Args:
        files: the variants by name.
    """
    contents = {name: file.read_bytes() for name, file in files.items()}
    times = {
        key: latency.measure(contents, latency.RUNS, threads) for key, threads in THREADS.items()
    }
    measured = {}
    for name, file in files.items():
        measured[name] = {
            **{key: table.loc[name].to_dict() for key, table in times.items()},
            "memory_megabytes": latency.memory(file),
        }
    return measured
