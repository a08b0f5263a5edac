"""Find which images descend from one picture, and keep each such group on one side of the split.

Run by `dvc repro split`; about two minutes for ten thousand new images on two cores.
"""

import pandas as pd

from facemask import images, params, pictures, relatives, report, splitting, tables
from facemask.errors import one_line_errors
from stages import paths

GROUPS_PICTURED, IMAGES_PICTURED = 12, 8


def split(options: params.Split, seed: int) -> None:
    """Write the rows of `data/raw.csv` with the columns `group` and `split`."""
    table = tables.read(paths.RAW_TABLE)
    table["group"] = relatives.group(table, paths.RAW, options.group_pattern, paths.MEMO)
    table["split"] = splitting.draw(table, options, seed)

    _picture_groups(table)
    sizes = table["group"].value_counts()
    groups = report.histogram(sizes, "group_size", "groups")
    alike = report.histogram(table["group"].map(sizes), "group_size", "images")
    tables.write(groups.merge(alike), paths.PLOTS / "group_size.csv")
    tables.write(table, paths.SPLIT_TABLE)
    counts = {"strategy": options.strategy, **splitting.summary(table)}
    report.write_json(counts, paths.METRICS / "split.json")


def _picture_groups(table: pd.DataFrame) -> None:
    """Show the largest groups, the largest first."""
    sizes = table.groupby("group").size().sort_values(ascending=False, kind="stable")
    groups = [table[table["group"] == group] for group in sizes.index[:GROUPS_PICTURED]]
    sheets = [
        pictures.sheet(
            f"{len(rows)} images taken for one picture ({', '.join(rows['label'].unique())})",
            [
                pictures.thumbnail(images.open_rgb(paths.RAW / sha256))
                for sha256 in rows["sha256"].head(IMAGES_PICTURED)
            ],
            columns=IMAGES_PICTURED,
        )
        for rows in groups
    ]
    pictures.write(pictures.stack(sheets), paths.PLOTS / "groups.png")


if __name__ == "__main__":
    with one_line_errors("split"):
        values = params.load(paths.PARAMS)
        split(values.split, values.seed)
