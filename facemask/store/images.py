"""Open, verify, orient, convert and resize one image: the only place that touches pixels."""

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
"""Formats of photographs, by Pillow's names (JPEG includes MPO). Others are refused unread."""

if find_spec("pillow_heif"):
    from pillow_heif import register_heif_opener

    register_heif_opener()
    FORMATS += ("HEIF",)

Image.init()
SUFFIXES = {suffix for suffix, name in Image.EXTENSION.items() if name in FORMATS}
"""File name endings of `FORMATS`, lower case with the dot."""

UNREAD_HEIF = {".heic", ".heif", ".hif"} - SUFFIXES
"""Endings of HEIF, the format of many phones, if pillow-heif is not installed; else empty."""

HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""What follows `ftyp` at the beginning of a HEIF file."""

HEIF_ADVICE = "for HEIC pip install pillow-heif, or export JPEG"

MAX_PIXELS = 64_000_000
"""Most pixels of an image; large cameras have 61 million. Decoding takes up to 16 bytes a pixel."""

MAX_REDUCED = 4 * MAX_PIXELS
"""Most pixels of a JPEG, which is decoded at half its size above `MAX_PIXELS`; for phones."""

Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is higher, and would warn below it

TILE_WIDTH = 322
"""Number of a TIFF tag."""

TILE_HEIGHT = 323
"""Number of a TIFF tag."""

RESIZE_FILTER = Image.Resampling.BILINEAR
"""Pillow's bilinear filter is antialiased: its support grows with the reduction."""


def version() -> str:
    """Return a hash of what a decoded image depends on: this code, Pillow and the formats."""
    return code_version(sys.modules[__name__], PIL) + "".join(FORMATS)


class BadImageError(ValueError):
    """The bytes are not a whole image of a known format; the message says why.

    Attributes:
        reason: `not an image`, `truncated`, `undecodable` or `too many pixels`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Take a reason and a message."""
        super().__init__(reason, detail)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[1])


def open_rgb(source: Path | bytes) -> Image.Image:
    """Decode an image completely.

    The first frame is turned upright by its EXIF orientation, converted to sRGB by its colour
    profile, laid on white where it is transparent, and reduced to 8 bits a channel. A JPEG of more
    than `MAX_PIXELS` is returned at half its size.

    Args:
        source: a file or its bytes, in one of `FORMATS`.

    Returns:
        The image in mode RGB (8-bit, 0-255), at its own size.

    Raises:
        BadImageError: the bytes cannot be decoded to the end, or to too many pixels.
        OSError: the file cannot be read at all.
    """
    content = source if isinstance(source, bytes) else source.read_bytes()
    with _opened(content) as image:
        return _to_rgb(ImageOps.exif_transpose(image))


def resize(image: Image.Image, size: int) -> Image.Image:
    """Stretch an RGB image to `size` x `size` pixels with `RESIZE_FILTER`.

    An image of this size already keeps its pixels.
    """
    return image.resize((size, size), RESIZE_FILTER)


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """Read the header of an image; errors there and in the block become a `BadImageError`."""
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
    except Exception as error:  # Pillow's decoders raise what they please on damaged bytes
        reason = "truncated" if _ends_early(content, error) else "undecodable"
        detail = f"cannot be decoded: {error or type(error).__name__}"
        raise BadImageError(reason, detail) from error


def _refuse_bomb(image: Image.Image) -> None:
    """Refuse an image that would fill the memory."""
    tags = getattr(image, "tag_v2", {})  # of TIFF, whose tiles may be larger than the image
    tile = (tags.get(TILE_WIDTH, 0), tags.get(TILE_HEIGHT, 0))
    for width, height in (image.size, tile):
        if width * height > MAX_PIXELS:
            detail = f"{width} x {height} pixels, more than {MAX_PIXELS:,}"
            raise BadImageError("too many pixels", detail)


def _ends_early(content: bytes, error: Exception) -> bool:
    """Return whether the end of a file is missing. The decoder of WebP does not say so."""
    webp_size = int.from_bytes(content[4:8], "little") + 8
    is_cut_webp = content.startswith(b"RIFF") and len(content) < webp_size
    return is_cut_webp or "truncated" in str(error).lower()


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to sRGB, laid on white, 8 bits a channel."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode not in ("L", "CMYK"):  # these two have profiles of their own
        image = image.convert("RGB")
    if profile:
        image = _to_srgb(image, profile)
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an image by its profile. A damaged profile is ignored, as viewers do."""
    try:
        own_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(
            image,
            own_profile,
            srgb,
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError):  # damaged, or for another mode
        return image
    return converted or image
