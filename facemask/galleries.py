"""Contact sheets of what the stages found, for people who would rather look than read."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from facemask import images, pictures

OF_CLASS, OF_GROUP, OF_DECISION = 24, 8, 12
"""Most images shown of a class and of the quarantined, of a group, and of wrong decisions."""

GROUPS = 12
"""Most groups shown."""


def classes(good: pd.DataFrame, folder: Path) -> Image.Image:
    """Show some images of each class.

    Args:
        good: rows with `label`, `path` and `sha256`.
        folder: holds their files under their SHA-256.
    """
    sheets = []
    for label, rows in good.groupby("label"):
        some = rows.sort_values("sha256").head(OF_CLASS)
        shown = [_tile(folder, row["sha256"], [row["path"]]) for row in some.to_dict("records")]
        sheets.append(pictures.sheet(f"{label}: {len(shown)} of {len(rows)} images", shown))
    return pictures.stack(sheets)


def quarantined(bad: pd.DataFrame, folder: Path) -> Image.Image:
    """Show some of what was quarantined, each reason in turn.

    Args:
        bad: rows with `path`, `reason` and `sha256`, empty where nothing could be decoded.
        folder: holds their files under their SHA-256.
    """
    turn = bad.groupby("reason").cumcount()
    some = bad.assign(turn=turn).sort_values(["turn", "reason"]).head(OF_CLASS)
    shown = [
        _tile(folder, row["sha256"], [row["reason"], row["path"]])
        for row in some.to_dict("records")
    ]
    return pictures.sheet(f"Quarantined: {len(shown)} of {len(bad)} files", shown)


def groups(table: pd.DataFrame, folder: Path) -> Image.Image:
    """Show the largest groups, the largest first.

    Args:
        table: rows with `label`, `sha256` and `group`.
        folder: holds their files under their SHA-256.
    """
    sizes = table.groupby("group").size().sort_values(ascending=False, kind="stable")
    sheets = []
    for group in sizes.index[:GROUPS]:
        rows = table[table["group"] == group]
        shown = [
            pictures.thumbnail(images.open_rgb(folder / sha256))
            for sha256 in rows["sha256"].head(OF_GROUP)
        ]
        title = f"{len(rows)} images taken for one picture ({', '.join(rows['label'].unique())})"
        sheets.append(pictures.sheet(title, shown, columns=OF_GROUP))
    return pictures.stack(sheets)


def mistakes(part: str, predicted: pd.DataFrame, files: Sequence[Path], most: int) -> Image.Image:
    """Show the wrong decisions, the most confident first.

    Args:
        part: what the images are called.
        predicted: n rows from `scores.predictions`, numbered from 0.
        files: of the n images.
        most: how many are shown.
    """
    wrong = predicted[predicted["label"] != predicted["predicted"]]
    worst = wrong.nlargest(most, "probability")
    title = f"{len(wrong)} mistakes in {len(predicted)} {part} images"
    if len(worst) < len(wrong):
        title += f"; the {len(worst)} most confident"
    tiles = [
        pictures.captioned(images.open_rgb(files[number]), [*_says(row), row["path"]])
        for number, row in zip(worst.index, worst.to_dict("records"), strict=True)
    ]
    return pictures.sheet(title, tiles)


def attention(
    part: str, predicted: pd.DataFrame, files: Sequence[Path], maps: NDArray[np.float32]
) -> Image.Image:
    """Show where the network looked in some wrong and some right decisions.

    Args:
        part: what the images are called.
        predicted: n rows from `scores.predictions`, numbered from 0.
        files: of the n images.
        maps: (n, h, w) from `attention.maps`.
    """
    wrong = predicted["label"] != predicted["predicted"]
    sheets = []
    for name, rows in (("wrong", predicted[wrong]), ("right", predicted[~wrong])):
        some = rows.sample(min(len(rows), OF_DECISION), random_state=0)
        tiles = [
            pictures.captioned(_spotlit(images.open_rgb(files[number]), maps[number]), _says(row))
            for number, row in zip(some.index, some.to_dict("records"), strict=True)
        ]
        title = f"Where the network looks: {len(some)} of {len(rows)} {name} {part} decisions"
        sheets.append(pictures.sheet(title, tiles))
    return pictures.stack(sheets)


def _tile(folder: Path, sha256: str, lines: list[str]) -> Image.Image:
    """Show a file as it is, or a white square where nothing could be decoded."""
    image = images.open_rgb(folder / sha256) if sha256 else Image.new("RGB", (1, 1), "white")
    return pictures.captioned(pictures.thumbnail(image), lines)


def _says(row: Mapping[Hashable, Any]) -> list[str]:
    return [f"says {row['predicted']} {row['probability']:.3f}", f"is {row['label']}"]


def _spotlit(image: Image.Image, attention: NDArray[np.float32]) -> Image.Image:
    """Darken an RGB picture where it has little attention."""
    strength = Image.fromarray(np.uint8(255 * attention / max(attention.max(), 1e-12)))
    strength = strength.resize(image.size, Image.Resampling.BICUBIC)
    dark = image.point(lambda value: value // 5)
    return Image.composite(image, dark, strength)
