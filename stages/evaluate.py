"""Measure the trained model on the validation rows, and picture its worst mistakes.

Run by `dvc repro evaluate`; about half a minute for two thousand images.
"""

import pandas as pd

from facemask import dataset, images, network, params, pictures, report, tables
from facemask.errors import one_line_errors
from facemask.files import replacing
from stages import paths


def evaluate(options: params.Evaluate) -> None:
    """Write metrics, curves, each image's prediction and the picture of the worst mistakes."""
    table = tables.read(paths.SPLIT_TABLE)
    classes = tables.classes(table)
    rows = tables.side(table, tables.VALIDATION)
    batches = dataset.inference_batches(rows, classes[1], paths.RESIZED)
    probability = network.predict(network.load(paths.KERAS_MODEL), batches)
    predicted = report.predictions(rows, probability, options.threshold, classes)

    label = rows["label"]
    tables.write(report.roc(label, probability, classes[1]), paths.PLOTS / "roc.csv")
    curve = report.precision_recall(label, probability, classes[1])
    tables.write(curve, paths.PLOTS / "precision_recall.csv")
    actual = predicted[["label", "predicted"]].rename(columns={"label": "actual"})
    tables.write(actual, paths.PLOTS / "confusion.csv")
    tables.write(predicted, paths.PREDICTIONS)
    _picture_mistakes(predicted.assign(sha256=rows["sha256"]), options.worst_mistakes)
    judgement = report.judge(predicted, probability, classes)
    report.write_json(
        {"threshold": options.threshold, **judgement}, paths.METRICS / "evaluate.json"
    )


def _picture_mistakes(predicted: pd.DataFrame, most: int) -> None:
    wrong = predicted[predicted["label"] != predicted["predicted"]]
    worst = wrong.nlargest(most, "probability")
    title = f"{len(wrong)} mistakes in {len(predicted)} validation images"
    if len(worst) < len(wrong):
        title += f"; the {len(worst)} most confident"
    tiles = [
        pictures.captioned(
            images.open_rgb(paths.RESIZED / f"{row.sha256}.png"),
            [f"says {row.predicted} {row.probability:.3f}", f"is {row.label}", str(row.path)],
        )
        for row in worst.itertuples()
    ]
    with replacing(paths.PLOTS / "worst_mistakes.png") as temporary:
        pictures.sheet(title, tiles).save(temporary)


if __name__ == "__main__":
    with one_line_errors("evaluate"):
        evaluate(params.load(paths.PARAMS).evaluate)
