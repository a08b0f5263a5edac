"""Contact sheets of the images that `ingest` keeps and of the files that it quarantines."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from PIL import Image

from facemask import pictures
from facemask.store import images, shards

TILES = 24
"""Largest number of images on a contact sheet."""


def classes(
    good: pd.DataFrame,
    spool: shards.Spool,
) -> Image.Image:
    """Return a contact sheet for each class, one below the other.

    Args:
        good: rows with `label`, `path`, `sha256`, and `start` and `length` in the spool.
        spool: holds their files.
    """
    sheets = []
    for label, rows in good.groupby("label"):
        tiles = _tiles(rows.sort_values("sha256"), spool, ["path"])
        title = f"{label}: {len(tiles)} of {len(rows)} images"
        sheets.append(pictures.sheet(title, tiles))
    return pictures.stack(sheets)


def quarantined(
    bad: pd.DataFrame,
    spool: shards.Spool,
) -> Image.Image:
    """Return a contact sheet of quarantined files, which takes the reasons in turn.

    Args:
        bad: rows with `path`, `reason`, and `start` and `length` in the spool.
        spool: holds their files.
    """
    turn = bad.groupby("reason").cumcount()
    in_turn = bad.assign(turn=turn).sort_values(["turn", "reason"])
    tiles = _tiles(in_turn, spool, ["reason", "path"])
    title = "No file was quarantined"
    if tiles:
        title = f"Quarantined: {len(tiles)} of {len(bad)} files"
    return pictures.sheet(title, tiles)


def _tiles(
    rows: pd.DataFrame,
    spool: shards.Spool,
    columns: Sequence[str],
) -> list[Image.Image]:
    """Return thumbnails of the first rows, each above the values of these columns."""
    return [
        pictures.captioned(_thumbnail(row, spool), [row[column] for column in columns])
        for row in rows.head(TILES).to_dict("records")
    ]


def _thumbnail(
    row: Mapping[Hashable, Any],
    spool: shards.Spool,
) -> Image.Image:
    """Return a thumbnail of a file, or a white square if it could not be decoded."""
    image = Image.new("RGB", (1, 1), "white")
    if row["length"]:
        content = spool.read(row["start"], row["length"])
        image = images.open_rgb(content)
    return pictures.thumbnail(image)
