"""Look at every file of the source once: good images go to `data/raw/`, the rest is quarantined.

Run by `dvc repro ingest`; about half a minute for ten thousand new images.
"""

from facemask import galleries, params, pictures, report, tables
from facemask.collection import NO_CLASS, REFUSED, Collection, collect, remove_unused
from facemask.errors import UserError, one_line_errors
from facemask.files import replacing
from facemask.source import Source
from stages import paths


def ingest(options: params.Ingest) -> None:
    """Judge and label the images of `options.source`."""
    source = Source(options.source, sha256=options.sha256, downloads=paths.DOWNLOADS)
    with replacing(paths.RAW) as folder:
        folder.mkdir()
        found = collect(source, options, folder, before=paths.RAW, memo=paths.MEMO)
        tables.write(found.bad[REFUSED], paths.QUARANTINE)
        _check(found, options)
        pictures.write(galleries.classes(found.good, folder), paths.PLOTS / "classes.png")
        pictures.write(galleries.quarantined(found.bad, folder), paths.PLOTS / "quarantine.png")
        remove_unused(folder, found.good)

    tables.write(found.good, paths.RAW_TABLE)
    shorter = found.good[["width", "height"]].min(axis=1).astype(int)
    tables.write(
        report.histogram(shorter, "shorter_side", "images"), paths.PLOTS / "image_size.csv"
    )
    report.write_json(
        {
            "source": options.source,
            "description": source.description,
            "images": len(found.good),
            "distinct_images": found.good["pixels"].nunique(),
            "images_of_class": found.good["label"].value_counts().sort_index().to_dict(),
            "quarantined": len(found.bad),
            "quarantined_for": found.bad["reason"].value_counts().sort_index().to_dict(),
        },
        paths.METRICS / "ingest.json",
    )


def _check(found: Collection, options: params.Ingest) -> None:
    """Stop where a class is empty, or where too much of what was meant to be used cannot be."""
    counts = found.good["label"].value_counts().reindex(found.classes, fill_value=0)
    if counts.min() == 0:
        raise UserError(f"{options.source}: no image in a folder named {counts.idxmin()}")
    reasons = found.bad["reason"][found.bad["reason"] != NO_CLASS]
    share = len(reasons) / (len(reasons) + len(found.good))
    if share > options.max_quarantined_share:
        raise UserError(
            f"ingest.max_quarantined_share = {options.max_quarantined_share}: {share:.3f} of the "
            f"files are quarantined, most of them as {reasons.mode()[0]!r}; see {paths.QUARANTINE}"
        )


if __name__ == "__main__":
    with one_line_errors("ingest"):
        ingest(params.load(paths.PARAMS).ingest)
