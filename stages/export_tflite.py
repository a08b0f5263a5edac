"""Convert the model to TFLite, measure each variant, choose one, and test it on whole photos.

Run by `dvc repro export_tflite`; takes about a minute for three thousand images.
"""

import hashlib
from typing import Any

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
    """Write the variants, the chosen variant and its model card.

    Args:
        values: all parameters.

    Returns:
        `variants`: the latency and memory of each variant, by name.
    """
    options = values.export_tflite
    figures = files.read_json(paths.DETAILS, "ingest", "split", "evaluate")
    table = tables.read(paths.SPLIT)
    collection = Pixels(paths.RESIZED)
    external = Pixels(paths.RESIZED_EXTERNAL)
    trained = network.load(paths.KERAS_MODEL)
    contract = make_contract(trained.input_shape[1], values, table, figures)

    # Write the variants, measure them, and copy the chosen one to `models/facemask.tflite`.
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
            rows=parity.reference(tables.read(paths.PREDICTIONS)),
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

    # Run the chosen variant on whole photos.
    photos, scenes = classify_photos()

    # Measure error rates by attributes of people, such as age or sex.
    attributes = tables.read(paths.PEOPLE)
    of_photos = attributes[attributes["set"] == "photos"]
    error_rates = people.error_rates(photos, of_photos)

    # Write all figures, and the model card.
    figures["train"] = {"parameters": trained.count_params()}
    details = {
        "shipped": shipped,
        "variants": measured,
        "photos": end_to_end.measure(photos),
        "scenes": scene_faces.measure(scenes),
        "people": error_rates,
    }
    files.write_json(details, paths.DETAILS / "export_tflite.json")
    figures["export_tflite"] = details
    model_card.write(paths.MODEL_CARD, contract, figures)

    # Write the most important figures to `metrics/`.
    size = {"shipped": measured[shipped]["kilobytes"]}
    files.write_json(size, paths.SIZE)
    balanced_accuracy = end_to_end.headline(photos) | scene_faces.headline(scenes)
    files.write_json(balanced_accuracy, paths.BALANCED_ACCURACY)
    frontier = parity.frontier(measured)
    tables.write(frontier, paths.PLOTS / "tflite_variants.csv")
    return {"variants": cost}


def classify_photos() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find and classify the faces in whole photos, and write the results.

    Returns:
        Two tables. The first has a row for each photo of a single person. The second has a row for
        each face that is annotated or detected in the other photos.
    """
    rows = shards.read_table(paths.RAW_PHOTOS)
    rows = rows[["path", "label", "sha256"]]
    answers = end_to_end.classify_stored(paths.RAW_PHOTOS, rows, paths.TFLITE_MODEL)

    # A photo with annotated faces is a scene. Any other photo shows a single person.
    faces = tables.read(paths.FACES)
    scenes = scene_faces.compare(faces, answers)
    tables.write(scenes, paths.SCENES)
    is_scene = rows["path"].isin(faces["path"])
    photos = end_to_end.main_faces(rows[~is_scene], answers)
    tables.write(photos, paths.PHOTOS)

    # Draw the detected faces that match no annotated face.
    contents = shards.contents(paths.RAW_PHOTOS)
    sheet = scene_faces.draw_outside(scenes, contents)
    pictures.write(sheet, paths.PLOTS / "rows_beside_faces.png")
    return photos, scenes


def make_contract(
    side: int,
    values: params.Params,
    table: pd.DataFrame,
    figures: dict[str, Any],
) -> Contract:
    """Return the metadata that the exported file contains.

    Args:
        side: side of the network's square input in pixels.
        values: all parameters.
        table: a row for each image, with its label.
        figures: content of `details/STAGE.json`, by stage.
    """
    ingest = figures["ingest"]
    name_of_source = ingest["source"].rsplit("/", 1)[-1]
    description = ingest["description"] or name_of_source
    rows = paths.SPLIT.read_bytes()
    return describe(
        author=values.export_tflite.author,
        labels=tables.classes(table),
        side=side,
        threshold=figures["evaluate"]["threshold"],
        crop=values.crop.model_dump(),
        training_data=hashlib.sha256(rows).hexdigest(),
        data_description=description,
    )


if __name__ == "__main__":
    with timing.stage("export_tflite", paths.TIMING) as times:
        times |= export_tflite(params.load(paths.PARAMS))
