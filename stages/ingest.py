"""Read the sources. Write the good images to `data/raw/`, and list the others as quarantined.

Run by `dvc repro ingest`; takes about half a minute for ten thousand new images.
"""

from functools import partial

import pandas as pd

from facemask import files, params, pictures, timing
from facemask.inference import detection
from facemask.sources import collection, image_sheets, people, sets
from facemask.sources.collection import Collection
from facemask.sources.crops import Edges, FaceCropper
from facemask.store import shards, tables
from stages import paths


def ingest(
    options: params.Ingest,
    margins: params.Crop,
    spool: shards.Spool,
) -> None:
    """Read and label the images of `ingest.source`, `ingest.external` and `ingest.photos`.

    Args:
        options: section `ingest` of params.yaml.
        margins: the square that is cut out around a face.
        spool: temporary file for the bytes of the images.
    """
    collect = partial(
        collection.collect,
        options=options,
        spool=spool,
        cache=paths.CACHE,
        cropper=face_cropper(margins),
    )

    # Read the images for training and validation.
    sources = sets.find(
        options.source,
        "ingest.source",
        options.names,
        sha256=options.sha256,
        downloads=paths.DOWNLOADS,
    )
    parts = [collect(source, options.names) for source in sources]
    images = collection.merge(parts)
    names = options.names or {name: name for name in images.classes}

    # Read the external test sets and the whole photos.
    tests = sets.find(
        options.external,
        "ingest.external",
        names,
        name="external",
    )
    whole = sets.find(
        options.photos,
        "ingest.photos",
        names,
        name="photos",
    )
    sets.check_cropped(options, [*sources, *tests])
    external = {}
    for source in tests:
        external[source.name] = collect(source, names, subset=source.name)
    photos = {}
    if whole:
        parts = [
            collect(
                source,
                names,
                subset=source.name,
                whole=True,
            )
            for source in whole
        ]
        photos["photos"] = collection.merge(parts)

    # List the quarantined files. Then stop if there are too many.
    write_quarantine({"collection": images} | external | photos)
    collection.check(images, options, paths.QUARANTINE)

    # Write the good images, the annotated faces, and the attributes of people.
    collection.store(paths.RAW, [images], spool)
    collection.store(paths.RAW_EXTERNAL, external.values(), spool)
    collection.store(paths.RAW_PHOTOS, photos.values(), spool)
    attributes = people.read([*tests, *whole])
    tables.write(attributes, paths.PEOPLE)
    faces = [part.faces for part in (images, *photos.values())]
    tables.write(pd.concat(faces), paths.FACES)

    # Show some images on contact sheets, and count all images.
    draw(images, spool)
    counts = collection.summary(images)
    counts["external"] = {name: collection.summary(part) for name, part in external.items()}
    for name, part in photos.items():
        counts[name] = collection.summary(part)
    files.write_json(counts, paths.DETAILS / "ingest.json")


def face_cropper(margins: params.Crop) -> FaceCropper:
    """Return a cropper that finds and crops faces in the same way as `predict.py`."""
    margin = margins.model_dump()
    detector = detection.FaceDetector()

    def around(box: Edges, size: tuple[int, int]) -> Edges:
        face = detection.Face(box, score=1)
        return detection.crop(face, margin, size)

    return FaceCropper(
        find=lambda image: detector.crops(image, margin),
        around=around,
        version=f"{margins.model_dump_json()} {detection.version()}",
    )


def write_quarantine(parts: dict[str, Collection]) -> None:
    """Write a table of the refused files with their reasons.

    Args:
        parts: each collection of images, by the name of its set.
    """
    refused = [part.bad.assign(set=name) for name, part in parts.items()]
    quarantine = pd.concat(refused)
    tables.write(quarantine[["set", *collection.REFUSED]], paths.QUARANTINE)


def draw(images: Collection, spool: shards.Spool) -> None:
    """Write contact sheets of good and of quarantined images, and count the good ones by size."""
    classes = image_sheets.classes(images.good, spool)
    pictures.write(classes, paths.PLOTS / "classes.png")

    quarantine = image_sheets.quarantined(images.bad, spool)
    pictures.write(quarantine, paths.PLOTS / "quarantine.png")

    shorter_side = images.good[["width", "height"]].min(axis=1).astype(int)
    sizes = tables.histogram(shorter_side, "shorter_side", "images")
    tables.write(sizes, paths.PLOTS / "image_size.csv")


if __name__ == "__main__":
    with (
        timing.stage("ingest", paths.TIMING),
        shards.Spool(paths.QUARANTINE.parent) as spool,
    ):
        values = params.load(paths.PARAMS)
        ingest(values.ingest, values.crop, spool)
