"""Decode an image and resize it. Every stage decodes images with this module."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import PIL
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from facemask.files import code_version

FORMATS: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
"""Allowed formats, by Pillow's names. JPEG includes MPO."""

if find_spec("pillow_heif"):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    FORMATS += ("HEIF",)

Image.init()
SUFFIXES = {suffix for suffix, name in Image.EXTENSION.items() if name in FORMATS}
"""File name endings of `FORMATS`, in lower case and with the dot."""

UNREAD_HEIF = {".heic", ".heif", ".hif"} - SUFFIXES
"""File name endings of HEIF that cannot be read, because pillow-heif is not installed."""

HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""Values of bytes 8 to 11 of a HEIF file. Bytes 4 to 7 are `ftyp`."""

HEIF_ADVICE = "for HEIC pip install pillow-heif, or export JPEG"

MAX_PIXELS = 64_000_000
"""Largest number of pixels of an image. Decoding needs up to 16 bytes for each."""

MAX_REDUCED = 4 * MAX_PIXELS
"""Largest number of pixels of a JPEG. Above `MAX_PIXELS`, it is decoded at half its size."""

Image.MAX_IMAGE_PIXELS = None  # `MAX_PIXELS` replaces Pillow's limit

TILE_WIDTH = 322
"""Number of the TIFF tag with the width of a tile."""

TILE_HEIGHT = 323
"""Number of the TIFF tag with the height of a tile."""

RESIZE_FILTER = Image.Resampling.BILINEAR
"""Pillow's bilinear filter is antialiased. It averages all pixels when it shrinks an image."""


def version() -> str:
    """Return a hash of what a decoded image depends on: this code, Pillow and the formats."""
    return code_version(sys.modules[__name__], PIL) + "".join(FORMATS)


class BadImageError(ValueError):
    """The bytes cannot be decoded to an image. The message says why.

    Attributes:
        reason: `not an image`, `truncated`, `undecodable` or `too many pixels`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Store a reason and a message."""
        super().__init__(reason, detail)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


def open_rgb(source: Path | bytes) -> Image.Image:
    """Decode the first frame of an image.

    The EXIF orientation and the colour profile are applied. Transparent pixels become white.
    Channels are reduced to 8 bits. A JPEG of more than `MAX_PIXELS` is returned at half its size.

    Args:
        source: a file or its bytes, in one of `FORMATS`.

    Returns:
        The image in mode RGB (8-bit, 0-255).

    Raises:
        BadImageError: the bytes cannot be decoded, or the image has too many pixels.
        OSError: the file cannot be read.
    """
    content = source if isinstance(source, bytes) else source.read_bytes()
    with _opened(content) as image:
        return _to_rgb(ImageOps.exif_transpose(image))


def resize(image: Image.Image, size: int) -> Image.Image:
    """Stretch an RGB image to `size` x `size` pixels with `RESIZE_FILTER`.

    An image that has this size keeps its pixels.
    """
    return image.resize((size, size), RESIZE_FILTER)


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Open an image. Errors in decoding become a `BadImageError`, also those in the block."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            is_large = MAX_PIXELS < image.width * image.height <= MAX_REDUCED
            if image.format == "JPEG" and is_large:
                half = (image.width // 2, image.height // 2)
                image.draft(image.mode, half)
            _refuse_bomb(image)
            yield image
    except BadImageError:
        raise
    except UnidentifiedImageError:
        formats = ", ".join(FORMATS)
        detail = f"not an image in a known format ({formats})"
        if UNREAD_HEIF and content[4:8] == b"ftyp" and content[8:12] in HEIF_BRANDS:
            detail += f"; {HEIF_ADVICE}"
        raise BadImageError("not an image", detail) from None
    except Exception as error:  # damaged bytes cause many kinds of errors
        reason = "truncated" if _ends_early(content, error) else "undecodable"
        detail = f"cannot be decoded: {error or type(error).__name__}"
        raise BadImageError(reason, detail) from error


def _refuse_bomb(image: Image.Image) -> None:
    """Raise an error if an image has more than `MAX_PIXELS`, or a TIFF has such a tile."""
    tags = getattr(image, "tag_v2", {})  # TIFF tiles may be larger than the image
    tile = (tags.get(TILE_WIDTH, 0), tags.get(TILE_HEIGHT, 0))
    for width, height in (image.size, tile):
        if width * height > MAX_PIXELS:
            detail = f"{width} x {height} pixels, more than {MAX_PIXELS:,}"
            raise BadImageError("too many pixels", detail)


def _ends_early(content: bytes, error: Exception) -> bool:
    """Return whether the end of a file is missing. Pillow does not report this for WebP."""
    webp_size = int.from_bytes(content[4:8], "little") + 8
    is_cut_webp = content.startswith(b"RIFF") and len(content) < webp_size
    return is_cut_webp or "truncated" in str(error).lower()


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to sRGB with 8 bits a channel, on a white background."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("L", "CMYK"):  # profiles of these modes expect them unchanged
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an image from its colour profile to sRGB. A damaged profile is ignored."""
    try:
        own_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(
            image,
            own_profile,
            srgb,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError):  # the profile is damaged or has another mode
        return image
    return converted or image
