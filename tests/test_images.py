import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from facemask.store.images import BadImageError, open_rgb, resize
from tests.helpers import png, tiff


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def first_pixel(content: bytes) -> Any:
    image = open_rgb(content)
    assert image.mode == "RGB"
    return image.getpixel((0, 0))


def palette(colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, *colour])
    return image


SIXTEEN_BITS = Image.fromarray(np.full((8, 8), 32896, np.uint16))
SIZE_1 = {256: 1, 257: 1}
RGB_16 = struct.pack("<3H", 4 * 257, 5 * 257, 6 * 257)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(Image.new("L", (8, 8), 77)), (77, 77, 77)),
        (encoded(Image.new("1", (8, 8), 1)), (255, 255, 255)),
        (encoded(SIXTEEN_BITS), (128, 128, 128)),
        (encoded(SIXTEEN_BITS, "TIFF"), (128, 128, 128)),
        (png(1, 1, b"\0" + RGB_16, depth=16), (4, 5, 6)),
        (tiff({**SIZE_1, 258: 16, 259: 1, 262: 2, 277: 3, 279: 6}, RGB_16), (4, 5, 6)),
        (encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        (encoded(palette((10, 20, 30))), (10, 20, 30)),
        (encoded(palette((10, 20, 30)), transparency=1), (255, 255, 255)),
        (encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 128))), (255, 127, 127)),
        (encoded(Image.new("LA", (8, 8), (0, 255))), (0, 0, 0)),
        (encoded(Image.new("LA", (8, 8), (0, 128))), (127, 127, 127)),
        (encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (255, 0, 0)),
        (encoded(Image.new("RGB", (8, 8), (1, 2, 3)), icc_profile=b"no profile"), (1, 2, 3)),
    ],
    ids=[
        "grey",
        "bilevel",
        "16-bit png",
        "16-bit tiff",
        "16-bit rgb png",
        "16-bit rgb tiff",
        "cmyk",
        "palette",
        "transparent palette",
        "alpha",
        "grey and full alpha",
        "grey and alpha",
        "cmyk jpeg",
        "damaged profile",
    ],
)
def test_every_kind_of_pixel_becomes_8_bit_rgb(
    content: bytes, expected: tuple[int, int, int]
) -> None:
    assert first_pixel(content) == expected


UPRIGHT = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10)
LYING = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # stored so; to be turned back, clockwise
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize(("orientation", "stored"), LYING.items())
def test_a_picture_is_turned_upright(orientation: int, stored: Image.Transpose | None) -> None:
    lying = UPRIGHT if stored is None else UPRIGHT.transpose(stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = open_rgb(encoded(lying, exif=exif))
    np.testing.assert_array_equal(np.asarray(upright), np.asarray(UPRIGHT))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_first_frame_of_an_animation_counts(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    exact: dict[str, Any] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}
    content = encoded(
        frames[0], kind, save_all=True, append_images=frames[1:], **exact.get(kind, {})
    )
    with Image.open(io.BytesIO(content)) as animation:
        assert getattr(animation, "n_frames", 1) == 2
    assert first_pixel(content) == pytest.approx((255, 0, 0), abs=2)


def with_swapped_primaries(profile: bytes) -> bytes:
    """Make a colour profile in which red stands for blue, and blue for red."""
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")  # first found in the table of tags
    swapped = bytearray(profile)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(swapped)


def test_colours_of_another_profile_become_srgb() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red = Image.new("RGB", (8, 8), (200, 10, 10))
    assert first_pixel(encoded(red, icc_profile=srgb)) == (200, 10, 10)
    swapped = first_pixel(encoded(red, icc_profile=with_swapped_primaries(srgb)))
    assert swapped == pytest.approx((10, 10, 200), abs=2)
    assert first_pixel(encoded(red, icc_profile=lab)) == (200, 10, 10)  # no profile for RGB


def with_display_p3_primaries(profile: bytes) -> bytes:
    """Make the colour profile of a phone's screen, whose red and green reach further than sRGB's.

    Its curve is that of sRGB; its primaries are those for the D50 white that profiles are made for.
    """
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    wide = bytearray(profile)
    for tag, xyz in primaries.items():
        place = profile.index(tag)
        (start,) = struct.unpack_from(">L", profile, place + 4)
        struct.pack_into(">3l", wide, start + 8, *(round(value * 2**16) for value in xyz))
    return bytes(wide)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ((234, 51, 35), (255, 0, 0)),  # sRGB's own red and green, as Display P3 writes them
        ((117, 251, 76), (0, 255, 0)),
        ((90, 90, 90), (90, 90, 90)),
    ],
)
def test_colours_of_a_wide_gamut_become_srgb(
    stored: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(Image.new("RGB", (8, 8), stored), icc_profile=with_display_p3_primaries(srgb))
    assert first_pixel(content) == pytest.approx(expected, abs=3)


NOISE = Image.effect_noise((64, 64), 90)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an image"),
        (b"some text, whatever its name", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (encoded(NOISE, "JPEG")[:-400], "truncated"),
        (encoded(NOISE)[:-400], "truncated"),
        (encoded(NOISE, "WEBP")[:-400], "truncated"),
        (encoded(NOISE, "GIF")[:-400], "truncated"),
        (encoded(NOISE, "BMP")[:-400], "truncated"),
        (encoded(NOISE, "TIFF")[:-400], "truncated"),
        (encoded(NOISE.convert("RGB"), "AVIF")[:-40], "truncated"),
        (png(8, 8, b"\7" * 8 * 25), "undecodable"),
    ],
    ids=[
        "empty",
        "text",
        "postscript",
        "truncated jpeg",
        "truncated png",
        "truncated webp",
        "truncated gif",
        "truncated bmp",
        "truncated tiff",
        "truncated avif",
        "damaged png",
    ],
)
def test_what_is_no_whole_image_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(BadImageError, match=r"known format|cannot be decoded: .+") as refusal:
        open_rgb(content)
    assert refusal.value.reason == reason


def test_resizing_is_antialiased_bilinear_and_leaves_the_right_size_alone() -> None:
    noise = Image.effect_noise((64, 48), 90).convert("RGB")
    small = resize(noise, 16)
    assert small.size == (16, 16)
    # Every pixel counts; nearest neighbour would keep the spread.
    assert np.asarray(small).std() < 0.6 * np.asarray(noise).std()
    np.testing.assert_array_equal(np.asarray(resize(small, 16)), np.asarray(small))


def test_a_jpeg_of_a_phone_s_200_megapixels_comes_at_half_its_size() -> None:
    large = Image.new("L", (9000, 8000), 90)
    assert open_rgb(encoded(large, "JPEG")).size == (4500, 4000)
