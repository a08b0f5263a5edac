"""Look at every file of the sources once: good images go to `data/raw/`, the rest is quarantined.

Run by `dvc repro ingest`; about half a minute for ten thousand new images.
"""

from functools import partial

import pandas as pd

from facemask import files, params, pictures, timing
from facemask.files import code_version
from facemask.inference import detection, views
from facemask.sources import external, image_sheets
from facemask.sources.collection import REFUSED, check, collect, store, summary
from facemask.sources.crops import FaceFinder
from facemask.sources.source import Source
from facemask.store import shards, tables
from stages import paths


def ingest(options: params.Ingest, margins: params.Crop, spool: shards.Spool) -> None:
    """Examine and label the images of `options.source`, the external test sets and the photos."""
    look = partial(collect, spool=spool, cache=paths.CACHE)
    finder = face_finder(margins) if options.crop_faces else None
    source = Source(options.source, sha256=options.sha256, downloads=paths.DOWNLOADS)
    found = look(source, options, finder=finder)
    limits = options.model_copy(update={"classes": found.classes})
    sources = external.sources(options.external, found.classes)
    sets = {name: look(one, limits, finder=finder, name=name) for name, one in sources.items()}
    whole = external.photos(options.photos)
    photos = {name: look(one, limits, name=name, whole=True) for name, one in whole.items()}
    parts = [("collection", found), *sets.items(), *photos.items()]
    quarantine = pd.concat([part.bad.assign(set=name) for name, part in parts])
    tables.write(quarantine[["set", *REFUSED]], paths.QUARANTINE)
    check(found, options, paths.QUARANTINE)

    store(paths.RAW, [found], spool)
    store(paths.RAW_EXTERNAL, sets.values(), spool)
    store(paths.RAW_PHOTOS, photos.values(), spool)
    pictures.write(image_sheets.classes(found.good, spool), paths.PLOTS / "classes.png")
    pictures.write(image_sheets.quarantined(found.bad, spool), paths.PLOTS / "quarantine.png")
    shorter = found.good[["width", "height"]].min(axis=1).astype(int)
    sizes = tables.histogram(shorter, "shorter_side", "images")
    tables.write(sizes, paths.PLOTS / "image_size.csv")
    counts = summary(source, found)
    counts["external"] = {name: summary(sources[name], part) for name, part in sets.items()}
    counts |= {name: summary(whole[name], part) for name, part in photos.items()}
    files.write_json(counts, paths.DETAILS / "ingest.json")


def face_finder(margins: params.Crop) -> FaceFinder:
    """Return what crops faces as whoever uses the exported file will crop them."""
    detector = detection.FaceDetector()
    version = f"{margins.model_dump_json()} {views.SETTINGS} {code_version(detection, views)}"
    return FaceFinder(lambda image: detector.crops(image, margins.model_dump()), version)


if __name__ == "__main__":
    with timing.stage("ingest", paths.TIMING), shards.Spool(paths.QUARANTINE.parent) as spool:
        values = params.load(paths.PARAMS)
        ingest(values.ingest, values.export_tflite.crop, spool)
