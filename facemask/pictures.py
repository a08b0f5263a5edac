"""Contact sheets: images in rows, with titles and captions."""

import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from facemask.files import replacing

LINE = 18
"""Height in pixels of a line of text."""

FONT = ImageFont.load_default(14)

MARGIN = 6
"""Pixels between pictures, and around text."""


def captioned(
    image: Image.Image,
    lines: Sequence[str],
    least_width: int = 208,
) -> Image.Image:
    """Return an RGB image of at least `least_width` pixels, with lines of text below it."""
    if image.width < least_width:
        height = round(image.height * least_width / image.width)
        image = image.resize((least_width, height), Image.Resampling.BICUBIC)
    height = image.height + LINE * len(lines) + MARGIN
    canvas = Image.new("RGB", (image.width, height), "white")
    canvas.paste(image)
    draw = ImageDraw.Draw(canvas)
    top = image.height + 2
    for line in lines:
        text = _shortened(line, image.width - 2 * MARGIN)
        draw.text((MARGIN, top), text, "black", FONT)
        top += LINE
    return canvas


def sheet(
    title: str,
    pictures: Sequence[Image.Image],
    columns: int = 6,
) -> Image.Image:
    """Return a white sheet with a title, and below it rows of images of the same size."""
    columns = min(columns, len(pictures)) or 1
    rows = math.ceil(len(pictures) / columns)
    width = MARGIN
    height = MARGIN
    if pictures:
        width += pictures[0].width
        height += pictures[0].height
    title_width = round(FONT.getlength(title)) + 2 * MARGIN
    title_height = LINE + 2 * MARGIN
    size = (
        max(columns * width + MARGIN, title_width),
        title_height + rows * height,
    )
    canvas = Image.new("RGB", size, "white")
    ImageDraw.Draw(canvas).text((MARGIN, MARGIN), title, "black", FONT)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        left = MARGIN + column * width
        top = title_height + row * height
        canvas.paste(picture, (left, top))
    return canvas


def thumbnail(image: Image.Image, side: int = 128) -> Image.Image:
    """Fit an RGB image into a grey square of `side` pixels, without distortion."""
    return ImageOps.pad(
        image,
        (side, side),
        Image.Resampling.BICUBIC,
        "lightgrey",
    )


def stack(sheets: Sequence[Image.Image]) -> Image.Image:
    """Return a white image with the sheets below each other. There may be no sheets."""
    width = max((sheet.width for sheet in sheets), default=1)
    height = sum(sheet.height for sheet in sheets) or 1
    canvas = Image.new("RGB", (width, height), "white")
    top = 0
    for sheet in sheets:
        canvas.paste(sheet, (0, top))
        top += sheet.height
    return canvas


def write(picture: Image.Image, path: Path) -> None:
    """Write a picture, whole or not at all."""
    with replacing(path) as temporary:
        # A higher level takes many times as long, and hardly shrinks photos.
        picture.save(temporary, compress_level=1)


def _shortened(text: str, width: int) -> str:
    """Cut off the beginning of a text that is too wide. File names differ at the end."""
    text = text[-width:]  # more cannot fit, and measuring a long text is slow
    dots = ""
    while text and FONT.getlength(dots + text) > width:
        dots = "…"
        text = text[1:]
    return dots + text
