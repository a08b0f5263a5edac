"""Open, verify, orient, convert and resize one image: the only place that touches pixels."""

import io
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
"""What photographs come in, by Pillow's names (JPEG has MPO in it); others are refused unread."""

Image.init()
SUFFIXES = {suffix for suffix, name in Image.EXTENSION.items() if name in FORMATS}
"""File name endings of `FORMATS`, lower case with the dot."""

RESIZE_FILTER = Image.Resampling.BILINEAR
"""Pillow's bilinear filter: its support grows with the reduction (that is, it is antialiased)."""


class BadImageError(ValueError):
    """The bytes are no whole image of a known format; the message is the reason."""


def open_rgb(source: Path | bytes) -> Image.Image:
    """Decode one image fully, as it is meant to be seen.

    The first frame is taken, turned upright by its EXIF orientation, brought to sRGB by its colour
    profile, laid on white where it is transparent, and reduced to 8 bits a channel.

    Args:
        source: a file, or the bytes of one, in one of `FORMATS`.

    Returns:
        The picture in mode RGB (8-bit, 0-255), at its own size.

    Raises:
        BadImageError: the bytes cannot be decoded to the end.
        OSError: the file cannot be read at all.
    """
    content = source if isinstance(source, bytes) else source.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise BadImageError(f"not an image in a known format ({', '.join(FORMATS)})") from None
    except Exception as error:  # Pillow's decoders raise what they please on damaged bytes
        raise BadImageError(f"cannot be decoded: {error or type(error).__name__}") from error


def resize(image: Image.Image, size: int) -> Image.Image:
    """Stretch an RGB image to `size` x `size` pixels with `RESIZE_FILTER`.

    An image that has this size already comes back pixel for pixel.
    """
    return image.resize((size, size), RESIZE_FILTER)


def _to_rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("L", "CMYK"):  # these two have profiles of their own
        image = image.convert("RGB")
    return (_to_srgb(image, profile) if profile else image).convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        wanted = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, found, wanted, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):  # damaged, or for another mode: viewers ignore it too
        return image
