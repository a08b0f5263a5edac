"""Contact sheet of the largest groups of near-duplicates."""

import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.store import images, shards

GROUPS, MOST = 12, 8
"""Most groups shown, and most images of each."""


def groups(table: pd.DataFrame, contents: shards.Contents) -> Image.Image:
    """Show the largest groups of more than one image, the largest first.

    Args:
        table: rows with `label`, `sha256` and `group`.
        contents: yields their files.
    """
    sizes = table.groupby("group").size().sort_values(ascending=False, kind="stable")
    sizes = sizes[sizes > 1]
    largest = [table[table["group"] == group] for group in sizes.index[:GROUPS]]
    wanted = {sha256 for rows in largest for sha256 in rows["sha256"].head(MOST)}
    tiles = {
        sha256: pictures.thumbnail(images.open_rgb(content)) for sha256, content in contents(wanted)
    }
    sheets = []
    for rows in largest:
        shown = [tiles[sha256] for sha256 in rows["sha256"].head(MOST)]
        title = f"{len(rows)} images taken for one picture ({', '.join(rows['label'].unique())})"
        sheets.append(pictures.sheet(title, shown, columns=MOST))
    return pictures.stack(sheets or [pictures.sheet("No two images are of one picture", [])])
