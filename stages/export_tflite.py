"""Convert the model to TFLite, measure each variant, choose one and run it on whole photos.

Run by `dvc repro export_tflite`; about a minute for three thousand images.
"""

import hashlib
from typing import Any

import keras
import pandas as pd

from facemask import files, params, pictures, timing
from facemask.evaluation import people
from facemask.export import conversion, end_to_end, model_card, parity, scene_faces, variants
from facemask.files import replacing
from facemask.inference.contract import Contract, describe
from facemask.model import network
from facemask.store import shards, tables
from facemask.store.pixels import Pixels
from stages import paths


def export_tflite(values: params.Params) -> dict[str, Any]:
    """Write the variants, the one that ships, and its card; return what each variant costs."""
    options = values.export_tflite
    figures = files.read_json(paths.DETAILS, "ingest", "split", "evaluate")
    table = tables.read(paths.SPLIT)
    collection = Pixels(paths.RESIZED)
    external = Pixels(paths.RESIZED_EXTERNAL)
    trained = network.load(paths.KERAS_MODEL)
    contract = contract_of(trained, values, table, figures)

    rows = parity.reference(tables.read(paths.PREDICTIONS))
    with replacing(paths.VARIANTS) as folder:
        variant_files = variants.write(
            model=conversion.folded(trained),
            names=options.variants,
            contract=contract,
            examples=variants.representative(table, collection),
            folder=folder,
        )
        rows = variants.run(
            variant_files,
            rows,
            image=variants.reader(collection, external),
        )
        measured = variants.measure(variant_files, rows, contract)
        cost = variants.cost(variant_files)
        tables.write(rows, paths.EXPORTED)
        shipped = parity.choose(options, rows, measured, contract.threshold)
        variants.ship(
            variant_files[shipped],
            labels=contract.labels,
            model=paths.TFLITE_MODEL,
            names=paths.LABELS,
        )

    photos, scenes = ask_about_photos()

    attributes = tables.read(paths.PEOPLE)
    of_photos = attributes[attributes["set"] == "photos"]

    figures["train"] = {"parameters": trained.count_params()}
    figures["export_tflite"] = {
        "shipped": shipped,
        "variants": measured,
        "photos": end_to_end.measure(photos),
        "scenes": scene_faces.measure(scenes),
        "people": people.error_rates(photos, of_photos),
    }
    model_card.write(paths.MODEL_CARD, contract, figures)
    files.write_json(figures["export_tflite"], paths.DETAILS / "export_tflite.json")
    files.write_json({"shipped": measured[shipped]["kilobytes"]}, paths.SIZE)
    balanced = end_to_end.headline(photos) | scene_faces.headline(scenes)
    files.write_json(balanced, paths.BALANCED_ACCURACY)
    tables.write(parity.frontier(measured), paths.PLOTS / "tflite_variants.csv")
    return {"variants": cost}


def ask_about_photos() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ask the shipped file about whole photos; write what it answers about people and scenes.

    Returns:
        Rows of the photos of one person each, and of the faces in the others.
    """
    rows = shards.read_table(paths.RAW_PHOTOS)[["path", "label", "sha256"]]
    faces = tables.read(paths.FACES)
    answers = end_to_end.ask_stored(paths.RAW_PHOTOS, rows, paths.TFLITE_MODEL)
    photos = end_to_end.main_faces(rows[~rows["path"].isin(faces["path"])], answers)
    scenes = scene_faces.compare(faces, answers)
    tables.write(photos, paths.PHOTOS)
    tables.write(scenes, paths.SCENES)
    sheet = scene_faces.beside(scenes, shards.contents(paths.RAW_PHOTOS))
    pictures.write(sheet, paths.PLOTS / "rows_beside_faces.png")
    return photos, scenes


def contract_of(
    model: keras.Model,
    values: params.Params,
    table: pd.DataFrame,
    figures: dict[str, Any],
) -> Contract:
    """Return what the exported file says of itself.

    Args:
        model: from `train`.
        values: all parameters.
        table: of all images with their subsets.
        figures: what the earlier stages wrote to `details/`, by stage.
    """
    ingest = figures["ingest"]
    source = ingest["source"].rsplit("/", 1)[-1]
    return describe(
        author=values.export_tflite.author,
        labels=tables.classes(table),
        side=model.input_shape[1],
        threshold=figures["evaluate"]["threshold"],
        crop=values.crop.model_dump(),
        training_data=hashlib.sha256(paths.SPLIT.read_bytes()).hexdigest(),
        data_description=ingest["description"] or source,
    )


if __name__ == "__main__":
    with timing.stage("export_tflite", paths.TIMING) as times:
        times |= export_tflite(params.load(paths.PARAMS))
