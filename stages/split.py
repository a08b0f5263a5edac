"""Find which images descend from one picture, and keep each such group in one subset.

Run by `dvc repro split`; about a minute for ten thousand new images on two cores. External images
that descend from a picture of the collection are excluded from their test set.
"""

from facemask import files, params, pictures, timing
from facemask.dedup import group_sheet, groups, known
from facemask.dedup import split as subsets
from facemask.store import shards, signature, tables
from stages import paths


def split(options: params.Split, start: str, seed: int) -> None:
    """Write the rows of `data/raw/` with their group and subset, and those that are excluded."""
    table, of_start = shards.read_table(paths.RAW), signature.read(start)
    table["group"] = groups.group(table, paths.RAW, options.group_pattern, paths.CACHE)
    in_start = known.among(table, paths.RAW, of_start, paths.CACHE)
    table["split"] = subsets.draw(table, in_start, options, seed)

    external = shards.read_table(paths.RAW_EXTERNAL).assign(group=lambda rows: rows["sha256"])
    related = groups.related(external, paths.RAW_EXTERNAL, table, paths.RAW, paths.CACHE)
    seen = known.among(external, paths.RAW_EXTERNAL, of_start, paths.CACHE)
    reason = related.map({True: subsets.IN_COLLECTION, False: ""})
    reason = reason.mask(seen & ~related, subsets.IN_START)
    excluded = external.assign(reason=reason)[reason != ""]

    pictures.write(
        group_sheet.groups(table, shards.contents(paths.RAW)), paths.PLOTS / "groups.png"
    )
    sizes = table["group"].value_counts()
    counted = tables.histogram(sizes, "group_size", "groups")
    images = tables.histogram(table["group"].map(sizes), "group_size", "images")
    tables.write(counted.merge(images), paths.PLOTS / "group_size.csv")
    tables.write(excluded[["split", "path", "reason"]], paths.EXCLUDED)
    tables.write(external[reason == ""], paths.EXTERNAL)
    tables.write(table, paths.SPLIT)
    counts = {"strategy": options.strategy, **subsets.summary(table)}
    counts["in_train_start"] = int(in_start.sum())
    counts["external"] = subsets.external_summary(external, reason)
    files.write_json(counts, paths.DETAILS / "split.json")


if __name__ == "__main__":
    with timing.stage("split", paths.TIMING):
        values = params.load(paths.PARAMS)
        split(values.split, values.train.start, values.seed)
