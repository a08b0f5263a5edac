"""Measure how many decisions flip when an image changes but the mask in it does not."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from tqdm import tqdm

from facemask.store import images
from facemask.store.pixels import Pixels

Change = Callable[[Image.Image], Image.Image]
"""Returns a changed copy of a square RGB image, of the same size."""

IMAGES_AT_ONCE = 256


def _turn_hue(degrees: float) -> Change:
    """Return a change that turns the hue of every pixel."""
    step = round(degrees / 360 * 256)

    def change(image: Image.Image) -> Image.Image:
        hue, saturation, value = image.convert("HSV").split()
        turned = hue.point(lambda level: (level + step) % 256)
        return Image.merge("HSV", (turned, saturation, value)).convert("RGB")

    return change


def _blur(radius: float) -> Change:
    """Return a change that blurs with a Gaussian of this radius in pixels."""
    return lambda image: image.filter(ImageFilter.GaussianBlur(radius))


def _brighten(factor: float) -> Change:
    """Return a change that multiplies all values."""
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


def _to_grey(image: Image.Image) -> Image.Image:
    """Return the image without colour."""
    return image.convert("L").convert("RGB")


def _half_way_to_white(image: Image.Image) -> Image.Image:
    """Return the image as in haze: every value is half way to white."""
    return image.point(lambda value: (value + 256) // 2)


def _as_jpeg(image: Image.Image) -> Image.Image:
    """Return the image after strong JPEG compression."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _at_half_resolution(image: Image.Image) -> Image.Image:
    """Return the image reduced to half its side and enlarged again."""
    half = (image.width // 2, image.height // 2)
    small = image.resize(half, Image.Resampling.BILINEAR)
    return small.resize(image.size, Image.Resampling.BILINEAR)


def _tighter(share: float) -> Change:
    """Return a change that cuts off an equal border at each edge, and enlarges the rest.

    Args:
        share: width of two opposite borders together, divided by the side of the image.
    """

    def change(image: Image.Image) -> Image.Image:
        border = round(share / 2 * image.width)
        part = ImageOps.crop(image, border)
        return images.resize(part, image.width)

    return change


def _looser(share: float) -> Change:
    """Return a change that adds an equal border at each edge, and shrinks the result.

    The border repeats the outermost pixels.

    Args:
        share: width of two opposite borders together, divided by the side of the image.
    """

    def change(image: Image.Image) -> Image.Image:
        side = image.width
        border = round(share / 2 * side)
        width = ((border, border), (border, border), (0, 0))
        padded = np.pad(np.asarray(image), width, "edge")
        return images.resize(Image.fromarray(padded), side)

    return change


def _expose(factor: float, noise: float = 0) -> Change:
    """Return a change that multiplies all values, adds noise, and clips.

    Args:
        factor: number by which the values are multiplied.
        noise: standard deviation of the noise, in grey levels.
    """

    def change(image: Image.Image) -> Image.Image:
        pixels = factor * np.asarray(image, np.float32)
        rng = np.random.default_rng(0)
        pixels += noise * rng.normal(size=pixels.shape)
        clipped = np.clip(np.rint(pixels), 0, 255)
        return Image.fromarray(np.uint8(clipped))

    return change


def _motion_blur(image: Image.Image) -> Image.Image:
    """Return the image blurred horizontally over 9 % of its side, as if the camera moved."""
    length = round(0.094 * image.width)
    border = length // 2
    pixels = np.asarray(image, np.float32)
    padded = np.pad(pixels, ((0, 0), (border, border), (0, 0)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)
    blurred = windows.mean(axis=-1)[:, : image.width]
    return Image.fromarray(np.uint8(np.rint(blurred)))


def _cut(left: float, bottom: float) -> Change:
    """Return a change that cuts off the left and the bottom, and stretches the rest to the square.

    Args:
        left: width of the part that is cut off at the left, divided by the side of the image.
        bottom: height of the part that is cut off at the bottom, divided by the side of the image.
    """

    def change(image: Image.Image) -> Image.Image:
        side = image.width
        first_column = round(left * side)
        end_row = round((1 - bottom) * side)
        part = image.crop((first_column, 0, side, end_row))
        return images.resize(part, side)

    return change


def _rotate(image: Image.Image) -> Image.Image:
    """Return the image rotated by 45 degrees, with black corners."""
    return image.rotate(45, Image.Resampling.BILINEAR)


def _in_wider_frame(factor: float) -> Change:
    """Return a change that shows the image smaller, in the middle of a wider frame.

    A blurred copy of the image, upside down, fills the frame around it.

    Args:
        factor: side of the frame, divided by the side of the smaller image.
    """

    def change(image: Image.Image) -> Image.Image:
        side = image.width
        blur = ImageFilter.GaussianBlur(side / 12)
        background = ImageOps.flip(image).filter(blur)
        small = images.resize(image, round(side / factor))
        border = (side - small.width) // 2
        background.paste(small, (border, border))
        return background

    return change


CHANGES: dict[str, Change] = {
    "mirror image": ImageOps.mirror,
    "greyscale": _to_grey,
    "hue turned by 60 degrees": _turn_hue(60),
    "hue turned by 120 degrees": _turn_hue(120),
    "hue turned by 180 degrees": _turn_hue(180),
    "JPEG of quality 30": _as_jpeg,
    "Gaussian blur of 1 pixel": _blur(1),
    "Gaussian blur of 2 pixels": _blur(2),
    "motion blur of 9 %": _motion_blur,
    "half resolution": _at_half_resolution,
    "30 % darker": _brighten(0.7),
    "30 % brighter": _brighten(1.3),
    "exposure x0.35": _expose(0.35),
    "exposure x0.2 with noise": _expose(0.2, noise=6),
    "exposure x0.12 with noise": _expose(0.12, noise=6),
    "exposure x2, clipped": _expose(2),
    "exposure x3, clipped": _expose(3),
    "half way to white": _half_way_to_white,
    "10 % tighter crop": _tighter(0.1),
    "10 % looser crop": _looser(0.1),
    "left third cut off": _cut(left=1 / 3, bottom=0),
    "lower fifth cut off": _cut(left=0, bottom=1 / 5),
    "rotated by 45 degrees": _rotate,
    "1.5 times as wide": _in_wider_frame(1.5),
    "2 times as wide": _in_wider_frame(2),
}
"""Changes that should flip no decision, by name.

Pixels in a name are pixels of the network's input.
"""


def flip_rates(
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    rows: NDArray[np.int64],
    pixels: Pixels,
    *,
    is_positive: NDArray[np.bool_],
    threshold: float,
) -> dict[str, float]:
    """Return for each of `CHANGES` the share of images, 0-1, whose decision it flips.

    Args:
        predict: takes RGB images with values 0-255, (n, size, size, 3). Returns the probability of
            the positive class for each image, (n,).
        rows: (n,), numbers of the images.
        pixels: the images.
        is_positive: (n,), whether the positive class is predicted for the unchanged images.
        threshold: probability from which the positive class is predicted.
    """
    flips = dict.fromkeys(CHANGES, 0)
    with tqdm(
        total=len(rows),
        desc="robustness",
        unit="image",
        disable=None,
    ) as bar:
        for start in range(0, len(rows), IMAGES_AT_ONCE):
            batch = slice(start, start + IMAGES_AT_ONCE)
            originals = [Image.fromarray(image) for image in pixels[rows[batch]]]
            for name, change in CHANGES.items():
                changed = [np.asarray(change(image)) for image in originals]
                is_positive_now = predict(np.stack(changed)) >= threshold
                flips[name] += int((is_positive_now != is_positive[batch]).sum())
            bar.update(len(originals))
    return {name: count / max(len(rows), 1) for name, count in flips.items()}
