"""Convert the model to TFLite in several ways, measure each, and choose the one that ships.

Run by `dvc repro export_tflite`; about a minute for three thousand images.
"""

import hashlib
import json

from facemask import params, report
from facemask.data import tables
from facemask.data.pixels import Pixels
from facemask.errors import one_line_errors
from facemask.export import conversion, model_card, parity, variants
from facemask.files import replacing
from facemask.inference.contract import describe
from facemask.model import network
from stages import paths

REPORTED = ("ingest", "split", "evaluate")


def export_tflite(options: params.ExportTflite) -> None:
    """Write the variants, what was measured of them, and the one that ships, with its card."""
    table, pixels = tables.read(paths.SPLIT), Pixels(paths.RESIZED)
    figures = {name: json.loads((paths.METRICS / f"{name}.json").read_text()) for name in REPORTED}
    trained = network.load(paths.KERAS_MODEL)
    model = conversion.folded(trained)
    contract = describe(
        author=options.author,
        labels=tables.classes(table),
        side=model.input_shape[1],
        threshold=figures["evaluate"]["threshold"],
        crop=options.crop.model_dump(),
        training_data=hashlib.sha256(paths.SPLIT.read_bytes()).hexdigest(),
        data_description=figures["ingest"]["description"],
    )
    rows = parity.reference(tables.read(paths.PREDICTIONS))
    images = variants.reader(pixels, Pixels(paths.RESIZED_EXTERNAL))
    examples = variants.representative(table, pixels, options.calibration_images)
    with replacing(paths.VARIANTS) as folder:
        folder.mkdir()
        files = variants.make(model, options.variants, contract, examples, folder)
        rows = variants.ask(files, rows, images)
        measured = variants.measure(files, rows, contract, options.latency_runs)
        tables.write(rows, paths.EXPORTED)
        shipped = parity.choose(options, rows, measured, contract.threshold)
    with replacing(paths.TFLITE_MODEL) as ships, replacing(paths.LABELS) as labels:
        ships.write_bytes((paths.VARIANTS / f"{shipped}.tflite").read_bytes())
        labels.write_text("".join(f"{name}\n" for name in contract.labels), encoding="utf-8")
    figures["train"] = {"parameters": trained.count_params()}
    figures["export_tflite"] = {"shipped": shipped, "variants": measured}
    with replacing(paths.MODEL_CARD) as card:
        card.write_text(model_card.text(contract, figures), encoding="utf-8")
    tables.write(parity.frontier(measured), paths.PLOTS / "tflite_variants.csv")
    report.write_json(figures["export_tflite"], paths.METRICS / "export_tflite.json")


if __name__ == "__main__":
    with one_line_errors("export_tflite"):
        export_tflite(params.load(paths.PARAMS).export_tflite)
