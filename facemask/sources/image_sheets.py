"""Contact sheets of what `ingest` kept and of what it quarantined."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.store import images, shards

MOST = 24
"""Images shown of a class, and of the quarantined."""


def classes(good: pd.DataFrame, spool: shards.Spool) -> Image.Image:
    """Draw some images of each class.

    Args:
        good: rows with `label`, `path`, `sha256`, and `start` and `length` in the spool.
        spool: holds their files.
    """
    sheets = []
    for label, rows in good.groupby("label"):
        some = rows.sort_values("sha256").head(MOST).to_dict("records")
        tiles = [_tile(row, spool, [row["path"]]) for row in some]
        sheets.append(pictures.sheet(f"{label}: {len(tiles)} of {len(rows)} images", tiles))
    return pictures.stack(sheets)


def quarantined(bad: pd.DataFrame, spool: shards.Spool) -> Image.Image:
    """Show some of what was quarantined, each reason in turn.

    Args:
        bad: rows with `path`, `reason`, and `start` and `length` in the spool.
        spool: holds their files.
    """
    turn = bad.groupby("reason").cumcount()
    some = bad.assign(turn=turn).sort_values(["turn", "reason"]).head(MOST).to_dict("records")
    tiles = [_tile(row, spool, [row["reason"], row["path"]]) for row in some]
    title = f"Quarantined: {len(tiles)} of {len(bad)} files" if tiles else "No file was quarantined"
    return pictures.sheet(title, tiles)


def _tile(row: Mapping[Hashable, Any], spool: shards.Spool, lines: list[str]) -> Image.Image:
    """Return a file as it is, or a white square where nothing could be decoded."""
    image = Image.new("RGB", (1, 1), "white")
    if row["length"]:
        image = images.open_rgb(spool.read(row["start"], row["length"]))
    return pictures.captioned(pictures.thumbnail(image), lines)
