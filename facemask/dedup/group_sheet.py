"""Contact sheet of the largest groups of near-duplicates."""

import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.store import images, shards

GROUPS = 12
"""Most groups on the sheet."""

IMAGES = 8
"""Most images of a group."""


def groups(table: pd.DataFrame, contents: shards.Contents) -> Image.Image:
    """Draw the largest groups of more than one image, the largest first.

    Args:
        table: rows with `label`, `sha256` and `group`.
        contents: yields the files.
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
        title = f"{len(rows)} images taken for one picture ({labels})"
        group = [tiles[sha256] for sha256 in rows["sha256"].head(IMAGES)]
        sheets.append(pictures.sheet(title, group, columns=IMAGES))
    if not sheets:
        return pictures.sheet("No two images are of one picture", [])
    return pictures.stack(sheets)
