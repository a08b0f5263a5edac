"""Find which images descend from one picture, and keep each such group in one subset.

Run by `dvc repro split`; about a minute for ten thousand new images on two cores. External images
that descend from a picture of the collection are excluded from their test set.
"""

from facemask import params, pictures, report
from facemask.data import shards, tables
from facemask.dedup import contact_sheets, groups
from facemask.dedup import split as subsets
from facemask.errors import one_line_errors
from stages import paths


def split(options: params.Split, seed: int) -> None:
    """Write the rows of `data/raw/` with their group and subset, and those that are excluded."""
    table = shards.read_table(paths.RAW)
    table["group"] = groups.group(table, paths.RAW, options.group_pattern, paths.CACHE)
    table["split"] = subsets.draw(table, options, seed)

    external = shards.read_table(paths.RAW_EXTERNAL).assign(group=lambda rows: rows["sha256"])
    related = groups.related(external, paths.RAW_EXTERNAL, table, paths.RAW, paths.CACHE)
    excluded = external[related].assign(reason=subsets.IN_COLLECTION)

    pictures.write(
        contact_sheets.groups(table, shards.contents(paths.RAW)), paths.PLOTS / "groups.png"
    )
    sizes = table["group"].value_counts()
    counted = report.histogram(sizes, "group_size", "groups")
    images = report.histogram(table["group"].map(sizes), "group_size", "images")
    tables.write(counted.merge(images), paths.PLOTS / "group_size.csv")
    tables.write(excluded[["split", "path", "reason"]], paths.EXCLUDED)
    tables.write(external[~related], paths.EXTERNAL)
    tables.write(table, paths.SPLIT)
    counts = {"strategy": options.strategy, **subsets.summary(table)}
    counts["external"] = subsets.external_summary(external, related)
    report.write_json(counts, paths.METRICS / "split.json")


if __name__ == "__main__":
    with one_line_errors("split"):
        values = params.load(paths.PARAMS)
        split(values.split, values.seed)
