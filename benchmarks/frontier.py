"""Compare size, time and accuracy of each exported variant with the notebook's network.

Run `python -m benchmarks.frontier` after `dvc repro`; it takes half a minute. The notebook's
network has random weights here, which do not change its time. It takes turns with the variants.
Accuracies are means over seeds, from `seeds.csv` and `notebook.csv`. It writes
`benchmarks/frontier.csv`.
"""

from pathlib import Path

import keras
import pandas as pd
from keras import layers

from benchmarks import notebook
from facemask.export import conversion, latency
from facemask.store import tables
from stages import paths

FOLDER = Path(__file__).parent
RUNS = 500
NOTEBOOK = "notebook float32"


def untrained() -> bytes:
    """Return the notebook's network with random weights as TFLite."""
    image = keras.Input(batch_shape=(1, notebook.SIDE, notebook.SIDE, 3))
    scaled = [image, layers.Rescaling(1 / 255), *notebook.compiled().layers]
    return bytes(conversion.convert(keras.Sequential(scaled), "float32", []))


def accuracies(name: str) -> dict[str, float]:
    """Return the accuracy on validation and on the external test set, means over seeds."""
    if name == NOTEBOOK:
        rows = pd.read_csv(FOLDER / "notebook.csv")
        finished = rows[(rows["recipe"] == "notebook") & rows["external_accuracy"].notna()]
        last = finished.groupby("seed").last()
        return {
            "validation_accuracy": last["val_accuracy"].mean(),
            "external_accuracy": last["external_accuracy"].mean(),
        }
    means = pd.read_csv(FOLDER / "seeds.csv", index_col="figure")["mean"]
    return {
        f"{part}_accuracy": means[f"export_tflite.variants.{name}.{part}.accuracy"]
        for part in ("validation", "external")
    }


def main() -> None:
    """Measure, and write the table."""
    models = {NOTEBOOK: untrained()}
    models |= {file.stem: file.read_bytes() for file in sorted(paths.VARIANTS.iterdir())}
    rows = pd.DataFrame({"kilobytes": {name: len(model) / 1e3 for name, model in models.items()}})
    for threads in (1, 2):
        times = latency.measure(models, RUNS, threads)
        rows[f"milliseconds_{threads}"] = times["median"]
        rows[f"percentile_95_{threads}"] = times["percentile_95"]
        rows[f"times_as_fast_{threads}"] = times["median"][NOTEBOOK] / times["median"]
    rows = rows.join(pd.DataFrame({name: accuracies(name) for name in models}).T)
    rows = rows.rename_axis("variant").reset_index()
    tables.write(rows, FOLDER / "frontier.csv")
    print(rows.to_string(index=False, float_format=lambda number: f"{number:.4g}"))


if __name__ == "__main__":
    main()
