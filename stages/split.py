"""Find which images descend from one picture, and keep each such group on one side of the split.

Run by `dvc repro split`; about two minutes for ten thousand new images on two cores.
"""

from facemask import galleries, params, pictures, report, tables
from facemask.dedup import groups as grouping
from facemask.dedup import split as subsets
from facemask.errors import one_line_errors
from facemask.external import stored
from stages import paths


def split(options: params.Split, seed: int) -> None:
    """Write the rows of `data/raw.csv` with the columns `group` and `split`."""
    table = tables.read(paths.RAW_TABLE)
    table["group"] = grouping.group(table, stored(paths.RAW), options.group_pattern, paths.MEMO)
    table["split"] = subsets.draw(table, options, seed)

    pictures.write(galleries.groups(table, paths.RAW), paths.PLOTS / "groups.png")
    sizes = table["group"].value_counts()
    groups = report.histogram(sizes, "group_size", "groups")
    alike = report.histogram(table["group"].map(sizes), "group_size", "images")
    tables.write(groups.merge(alike), paths.PLOTS / "group_size.csv")
    tables.write(table, paths.SPLIT_TABLE)
    counts = {"strategy": options.strategy, **subsets.summary(table)}
    report.write_json(counts, paths.METRICS / "split.json")


if __name__ == "__main__":
    with one_line_errors("split"):
        values = params.load(paths.PARAMS)
        split(values.split, values.seed)
