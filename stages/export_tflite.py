"""Convert the model to TFLite in several ways, measure each, choose one, and ask it about photos.

Run by `dvc repro export_tflite`; about a minute for three thousand images.
"""

import hashlib
from typing import Any

from facemask import files, params, timing
from facemask.export import conversion, end_to_end, model_card, parity, variants
from facemask.files import replacing
from facemask.inference.contract import describe
from facemask.model import network
from facemask.store import tables
from facemask.store.pixels import Pixels
from stages import paths


def export_tflite(values: params.Params) -> dict[str, Any]:
    """Write the variants, and the one that ships with its card; return what each of them costs."""
    options, table = values.export_tflite, tables.read(paths.SPLIT)
    pixels, external = Pixels(paths.RESIZED), Pixels(paths.RESIZED_EXTERNAL)
    figures = files.read_json(paths.DETAILS, "ingest", "split", "evaluate")
    ingest = figures["ingest"]
    model = conversion.folded(trained := network.load(paths.KERAS_MODEL))
    contract = describe(
        author=options.author,
        labels=tables.classes(table),
        side=model.input_shape[1],
        threshold=figures["evaluate"]["threshold"],
        crop=options.crop.model_dump(),
        training_data=hashlib.sha256(paths.SPLIT.read_bytes()).hexdigest(),
        data_description=ingest["description"] or ingest["source"].rsplit("/", 1)[-1],
    )
    rows = parity.reference(tables.read(paths.PREDICTIONS))
    examples = variants.representative(table, pixels, options.calibration_images)
    with replacing(paths.VARIANTS) as folder:
        variant_files = variants.make(model, options.variants, contract, examples, folder)
        rows = variants.ask(variant_files, rows, variants.reader(pixels, external))
        measured = variants.measure(variant_files, rows, contract)
        cost = variants.cost(variant_files, options.latency_runs)
        tables.write(rows, paths.EXPORTED)
        shipped = parity.choose(options, rows, measured, contract.threshold)
        variants.ship(variant_files[shipped], contract.labels, paths.TFLITE_MODEL, paths.LABELS)
    photos = end_to_end.ask_stored(paths.RAW_PHOTOS, paths.TFLITE_MODEL)
    tables.write(photos, paths.PHOTOS)
    made = {"shipped": shipped, "variants": measured, "photos": end_to_end.measure(photos)}
    learned = {"parameters": trained.count_params()}
    figures |= {"train": learned, "export_tflite": made}
    model_card.write(paths.MODEL_CARD, contract, figures)
    tables.write(parity.frontier(measured), paths.PLOTS / "tflite_variants.csv")
    files.write_json(made, paths.DETAILS / "export_tflite.json")
    files.write_json({"shipped": measured[shipped]["kilobytes"]}, paths.SIZE)
    files.write_json(end_to_end.headline(photos), paths.BALANCED_ACCURACY)
    return {"variants": cost}


if __name__ == "__main__":
    with timing.stage("export_tflite", paths.TIMING) as times:
        times |= export_tflite(params.load(paths.PARAMS))
