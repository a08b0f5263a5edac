"""Look at every file of the sources once: good images go to `data/raw/`, the rest is quarantined.

Run by `dvc repro ingest`; about half a minute for ten thousand new images.
"""

from functools import partial

import pandas as pd

from facemask import files, params, pictures, timing
from facemask.inference import detection
from facemask.sources import image_sheets, people, sets
from facemask.sources.collection import REFUSED, Collection, check, collect, merge, store, summary
from facemask.sources.crops import Edges, FaceCropper
from facemask.store import shards, tables
from stages import paths


def ingest(
    options: params.Ingest,
    margins: params.Crop,
    spool: shards.Spool,
) -> None:
    """Examine and label the images of `options.source`, the external test sets and the photos."""
    look = partial(
        collect,
        options=options,
        spool=spool,
        cache=paths.CACHE,
        cropper=face_cropper(margins),
    )
    sources = sets.find(
        options.source,
        "ingest.source",
        options.names,
        sha256=options.sha256,
        downloads=paths.DOWNLOADS,
    )
    collection = merge([look(source, options.names) for source in sources])
    names = options.names or {name: name for name in collection.classes}
    tests = sets.find(options.external, "ingest.external", names, name="external")
    whole = sets.find(options.photos, "ingest.photos", names, name="photos")
    sets.check_cropped(options, [*sources, *tests])
    external = {source.name: look(source, names, subset=source.name) for source in tests}
    photos = {}
    if whole:
        parts = [look(source, names, subset=source.name, whole=True) for source in whole]
        photos["photos"] = merge(parts)
    write_quarantine({"collection": collection} | external | photos)
    check(collection, options, paths.QUARANTINE)

    store(paths.RAW, [collection], spool)
    store(paths.RAW_EXTERNAL, external.values(), spool)
    store(paths.RAW_PHOTOS, photos.values(), spool)
    tables.write(people.read([*tests, *whole]), paths.PEOPLE)
    faces = [part.faces for part in (collection, *photos.values())]
    tables.write(pd.concat(faces), paths.FACES)
    draw(collection, spool)
    counts = summary(collection)
    counts["external"] = {name: summary(part) for name, part in external.items()}
    counts |= {name: summary(part) for name, part in photos.items()}
    files.write_json(counts, paths.DETAILS / "ingest.json")


def face_cropper(margins: params.Crop) -> FaceCropper:
    """Return what crops faces as whoever uses the exported model will crop them."""
    margin = margins.model_dump()
    detector = detection.FaceDetector()

    def around(box: Edges, size: tuple[int, int]) -> Edges:
        return detection.crop(detection.Face(box, score=1), margin, size)

    return FaceCropper(
        find=lambda image: detector.crops(image, margin),
        around=around,
        version=f"{margins.model_dump_json()} {detection.version()}",
    )


def write_quarantine(parts: dict[str, Collection]) -> None:
    """List the files that are not used, with the reason."""
    quarantine = pd.concat([part.bad.assign(set=name) for name, part in parts.items()])
    tables.write(quarantine[["set", *REFUSED]], paths.QUARANTINE)


def draw(collection: Collection, spool: shards.Spool) -> None:
    """Draw images of each class and of the quarantine; count images by size."""
    good = collection.good
    pictures.write(image_sheets.classes(good, spool), paths.PLOTS / "classes.png")
    pictures.write(image_sheets.quarantined(collection.bad, spool), paths.PLOTS / "quarantine.png")
    shorter = good[["width", "height"]].min(axis=1).astype(int)
    sizes = tables.histogram(shorter, "shorter_side", "images")
    tables.write(sizes, paths.PLOTS / "image_size.csv")


if __name__ == "__main__":
    with timing.stage("ingest", paths.TIMING), shards.Spool(paths.QUARANTINE.parent) as spool:
        values = params.load(paths.PARAMS)
        ingest(values.ingest, values.crop, spool)
