"""Contact sheet of the largest groups of near-duplicates."""

import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.store import images, shards

GROUPS = 12
"""Largest number of groups on the sheet."""

IMAGES = 8
"""Largest number of images of a group on the sheet."""


def groups(table: pd.DataFrame, contents: shards.Contents) -> Image.Image:
    """Draw the largest groups of at least two images, in descending order of size.

    Args:
        table: rows with `label`, `sha256` and `group`.
        contents: reads the bytes of the images.
    """
    sizes = table.groupby("group").size()
    sizes = sizes[sizes > 1].sort_values(ascending=False, kind="stable")
    largest = sizes.index[:GROUPS]
    drawn = table[table["group"].isin(largest)].groupby("group").head(IMAGES)
    tiles = {}
    for sha256, content in contents(set(drawn["sha256"])):
        tiles[sha256] = pictures.thumbnail(images.open_rgb(content))

    sheets = []
    for name in largest:
        rows = table[table["group"] == name]
        labels = ", ".join(rows["label"].unique())
        title = f"{len(rows)} near-duplicates ({labels})"
        group = [tiles[sha256] for sha256 in rows["sha256"].head(IMAGES)]
        sheets.append(pictures.sheet(title, group, columns=IMAGES))
    if not sheets:
        return pictures.sheet("There are no near-duplicates", [])
    return pictures.stack(sheets)
