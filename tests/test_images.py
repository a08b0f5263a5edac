import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from facemask.images import BadImageError, open_rgb, resize


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


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(Image.new("L", (8, 8), 77)), (77, 77, 77)),
        (encoded(Image.new("1", (8, 8), 1)), (255, 255, 255)),
        (encoded(SIXTEEN_BITS), (128, 128, 128)),
        (encoded(SIXTEEN_BITS, "TIFF"), (128, 128, 128)),
        (encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        (encoded(palette((10, 20, 30))), (10, 20, 30)),
        (encoded(palette((10, 20, 30)), transparency=1), (255, 255, 255)),
        (encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 128))), (255, 127, 127)),
        (encoded(Image.new("LA", (8, 8), (0, 255))), (0, 0, 0)),
        (encoded(Image.new("RGB", (8, 8), (1, 2, 3)), icc_profile=b"no profile"), (1, 2, 3)),
    ],
    ids=[
        "grey",
        "bilevel",
        "16-bit png",
        "16-bit tiff",
        "cmyk",
        "palette",
        "transparent palette",
        "alpha",
        "grey and alpha",
        "damaged profile",
    ],
)
def test_every_kind_of_pixel_becomes_8_bit_rgb(
    content: bytes, expected: tuple[int, int, int]
) -> None:
    assert first_pixel(content) == expected


def test_a_picture_is_turned_upright() -> None:
    lying = Image.new("RGB", (4, 2), "black")
    lying.putpixel((0, 1), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored with its left side up
    upright = open_rgb(encoded(lying, exif=exif))
    assert upright.size == (2, 4)
    assert upright.getpixel((0, 0)) == (255, 255, 255)


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert first_pixel(content) == (255, 0, 0)


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


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"some text, whatever its name",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        encoded(Image.effect_noise((64, 64), 90), "JPEG")[:-400],
        encoded(Image.effect_noise((64, 64), 90))[:-400],
    ],
    ids=["empty", "text", "postscript", "truncated jpeg", "truncated png"],
)
def test_what_is_no_whole_image_is_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(BadImageError, match=r"known format|cannot be decoded: .+"):
        open_rgb(content)


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    header = bytearray(encoded(Image.new("1", (8, 8))))
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(BadImageError):
        open_rgb(bytes(header))


def test_resizing_is_antialiased_bilinear_and_leaves_the_right_size_alone() -> None:
    noise = Image.effect_noise((64, 48), 90).convert("RGB")
    small = resize(noise, 16)
    assert small.size == (16, 16)
    # Every pixel counts; nearest neighbour would keep the spread.
    assert np.asarray(small).std() < 0.6 * np.asarray(noise).std()
    np.testing.assert_array_equal(np.asarray(resize(small, 16)), np.asarray(small))
