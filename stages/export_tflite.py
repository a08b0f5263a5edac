"""Convert the model to TFLite in several ways, measure each, and choose the one that ships.

Run by `dvc repro export_tflite`; about a minute for three thousand images.
"""

import hashlib
from typing import Any

from facemask import params, report, timing
from facemask.data import tables
from facemask.data.pixels import Pixels
from facemask.export import conversion, model_card, parity, variants
from facemask.files import replacing
from facemask.inference.contract import describe
from facemask.model import network
from stages import paths


def export_tflite(options: params.ExportTflite) -> dict[str, Any]:
    """Write the variants, and the one that ships with its card; return what each of them costs."""
    table = tables.read(paths.SPLIT)
    pixels, external = Pixels(paths.RESIZED), Pixels(paths.RESIZED_EXTERNAL)
    figures = report.read_json(paths.DETAILS, "ingest", "split", "evaluate")
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
    examples = variants.representative(table, pixels, options.calibration_images)
    with replacing(paths.VARIANTS) as folder:
        folder.mkdir()
        files = variants.make(model, options.variants, contract, examples, folder)
        rows = variants.ask(files, rows, variants.reader(pixels, external))
        measured = variants.measure(files, rows, contract)
        cost = variants.cost(files, options.latency_runs)
        tables.write(rows, paths.EXPORTED)
        shipped = parity.choose(options, rows, measured, contract.threshold)
    with replacing(paths.TFLITE_MODEL) as ships, replacing(paths.LABELS) as labels:
        ships.write_bytes((paths.VARIANTS / f"{shipped}.tflite").read_bytes())
        labels.write_text("".join(f"{name}\n" for name in contract.labels), encoding="utf-8")
    made = {"shipped": shipped, "variants": measured}
    figures |= {"train": {"parameters": trained.count_params()}, "export_tflite": made}
    with replacing(paths.MODEL_CARD) as card:
        card.write_text(model_card.text(contract, figures), encoding="utf-8")
    tables.write(parity.frontier(measured), paths.PLOTS / "tflite_variants.csv")
    report.write_json(made, paths.DETAILS / "export_tflite.json")
    report.write_json({"shipped": measured[shipped]["kilobytes"]}, paths.SIZE)
    return {"variants": cost}


if __name__ == "__main__":
    with timing.stage("export_tflite", paths.TIMING) as times:
        times |= export_tflite(params.load(paths.PARAMS).export_tflite)
