"""Draw a box, a label and a probability at each face of a photo."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from facemask.files import replacing
from facemask.inference.photos import FaceAnswer

COLOURS = ("#0072b2", "#d55e00")
"""Blue for the first class, vermilion for the second.

The colour-blind can tell them apart (M. Okabe and K. Ito, "Color Universal Design", 2008).
"""

GREY = "#5f5f5f"
"""Colour of faces that are too small for an answer."""

INKS = {COLOURS[0]: "white", COLOURS[1]: "black", GREY: "white"}
"""Colour of the text on each background colour. The contrast is at least 4.5."""

MARK = ("Software", "facemask predict.py")
"""Key and text of an entry in the PNG files of `save`. `is_saved` recognizes them by it."""


def draw(
    image: Image.Image,
    faces: Sequence[FaceAnswer],
    labels: Sequence[str],
) -> Image.Image:
    """Return a copy of a photo with a box, a label and a probability at each face.

    Args:
        image: RGB.
        faces: in the photo, the largest first.
        labels: of the contract, in the order of `COLOURS`.
    """
    picture = image.copy()
    pen = ImageDraw.Draw(picture)
    line = max(2, round(max(image.size) / 300))
    font = ImageFont.load_default(max(12, round(max(image.size) / 45)))
    for face in faces:  # the smallest last, so that it is on top
        colour = GREY
        words = face.label
        if not face.too_small:
            colour = COLOURS[labels.index(face.label)]
            words += f" {face.answer.probability:.2f}" + " unsure" * face.unsure
        pen.rectangle(face.box, outline=colour, width=line)

        text_left, text_top, text_right, text_bottom = pen.textbbox((0, 0), words, font)
        width = text_right - text_left + 2 * line
        height = text_bottom - text_top + 2 * line
        left, top, _, bottom = face.box
        x = max(0, min(left, image.width - width))
        y = top - height
        if y < 0:
            y = min(bottom, image.height - height)
        pen.rectangle((x, y, x + width, y + height), fill=colour)
        start = (x + line - text_left, y + line - text_top)
        pen.text(start, words, INKS[colour], font)
    return picture


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all, with `MARK` in it.

    Raises:
        OSError: it cannot be written.
    """
    mark = PngInfo()
    mark.add_text(*MARK)
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", pnginfo=mark)


def is_saved(file: Path) -> bool:
    """Return whether `save` wrote a file; False if it cannot be read."""
    if file.suffix != ".png":
        return False
    key, text = MARK
    try:
        with Image.open(file, formats=("PNG",)) as image:
            return bool(image.info.get(key) == text)
    except Exception:  # Pillow's decoders raise many kinds
        return False
