"""Look at every file of the sources once: good images go to `data/raw/`, the rest is quarantined.

Run by `dvc repro ingest`; about half a minute for ten thousand new images.
"""

import pandas as pd

from facemask import params, pictures, report, timing
from facemask.data import contact_sheets, external, shards, tables
from facemask.data.collection import check, collect, summary
from facemask.data.crops import FaceFinder
from facemask.data.source import Source
from facemask.files import code_version, replacing
from facemask.inference import detection
from stages import paths


def ingest(options: params.Ingest, margins: params.Crop, spool: shards.Spool) -> None:
    """Examine and label the images of `options.source` and of the external test sets."""
    finder = face_finder(margins) if options.crop_faces else None
    source = Source(options.source, sha256=options.sha256, downloads=paths.DOWNLOADS)
    found = collect(source, options, spool, cache=paths.CACHE, finder=finder)
    limits = options.model_copy(update={"classes": found.classes})
    sources = external.sources(options.external, found.classes)
    sets = {
        name: collect(test_set, limits, spool, cache=paths.CACHE, finder=finder, name=name)
        for name, test_set in sources.items()
    }
    bad = {"collection": found.bad, **{name: part.bad for name, part in sets.items()}}
    quarantine = pd.concat(bad, names=["set"]).reset_index("set")
    tables.write(quarantine.drop(columns=["start", "length"]), paths.QUARANTINE)
    check(found, options, paths.QUARANTINE)

    good = [part.good for part in sets.values()] or [found.good.head(0)]
    for folder, rows in ((paths.RAW, found.good), (paths.RAW_EXTERNAL, pd.concat(good))):
        with replacing(folder) as temporary:
            temporary.mkdir()
            shards.write(temporary, rows, spool)
    pictures.write(contact_sheets.classes(found.good, spool), paths.PLOTS / "classes.png")
    pictures.write(contact_sheets.quarantined(found.bad, spool), paths.PLOTS / "quarantine.png")
    shorter = found.good[["width", "height"]].min(axis=1).astype(int)
    sizes = report.histogram(shorter, "shorter_side", "images")
    tables.write(sizes, paths.PLOTS / "image_size.csv")
    counts = summary(source, found)
    counts["external"] = {name: summary(sources[name], part) for name, part in sets.items()}
    report.write_json(counts, paths.DETAILS / "ingest.json")


def face_finder(margins: params.Crop) -> FaceFinder:
    """Return what crops faces as whoever uses the exported file will crop them."""
    detector = detection.FaceDetector()
    version = margins.model_dump_json() + code_version(detection)
    return FaceFinder(lambda image: detector.crops(image, margins.model_dump()), version)


if __name__ == "__main__":
    with timing.stage("ingest", paths.TIMING), shards.Spool(paths.QUARANTINE.parent) as spool:
        values = params.load(paths.PARAMS)
        ingest(values.ingest, values.export_tflite.crop, spool)
