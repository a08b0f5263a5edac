"""How many decisions flip with what a mask does not depend on."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from tqdm import tqdm

from facemask.store import images
from facemask.store.pixels import Pixels

Change = Callable[[Image.Image], Image.Image]
"""An RGB picture -> one of the same size."""

CROP = 0.1
"""By how much of its side a crop is tighter or looser."""

IMAGES_AT_ONCE = 256


def _turn_hue(degrees: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        hue, *others = image.convert("HSV").split()
        turned = hue.point(lambda value: (value + round(degrees / 360 * 256)) % 256)
        return Image.merge("HSV", (turned, *others)).convert("RGB")

    return change


def _as_jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _at_half_resolution(image: Image.Image) -> Image.Image:
    small = image.resize((image.width // 2, image.height // 2), Image.Resampling.BILINEAR)
    return small.resize(image.size, Image.Resampling.BILINEAR)


def _cropped(image: Image.Image, border: float) -> Image.Image:
    """Cut a border off, a share of the side, or repeat the outermost pixels so far outside."""
    width = round(abs(border) * image.width)
    pixels = np.asarray(image)
    if border < 0:
        pixels = np.pad(pixels, ((width, width), (width, width), (0, 0)), "edge")
    else:
        pixels = pixels[width:-width, width:-width]
    return images.resize(Image.fromarray(pixels), image.width)


def _exposed(factor: float, noise: float = 0) -> Change:
    """Expose by a factor and clip; a dark picture has noise of this standard deviation."""

    def change(image: Image.Image) -> Image.Image:
        pixels = factor * np.asarray(image, np.float32)
        pixels += np.random.default_rng(0).normal(0, 1, pixels.shape) * noise
        return Image.fromarray(np.uint8(np.clip(np.rint(pixels), 0, 255)))

    return change


def _moved(image: Image.Image) -> Image.Image:
    """Blur along a line of a tenth of the side, as a hand that moves does."""
    length = round(0.094 * image.width)
    pixels = np.pad(
        np.asarray(image, np.float32), ((0, 0), (length // 2, length // 2), (0, 0)), "edge"
    )
    means = np.lib.stride_tricks.sliding_window_view(pixels, length, axis=1).mean(axis=-1)
    return Image.fromarray(np.uint8(np.rint(means[:, : image.width])))


def _cut(left: float, bottom: float) -> Change:
    """Cut shares of the side off, and stretch the rest."""

    def change(image: Image.Image) -> Image.Image:
        side = image.width
        part = image.crop((round(left * side), 0, side, round((1 - bottom) * side)))
        return images.resize(part, side)

    return change


def _rotated(image: Image.Image) -> Image.Image:
    return image.rotate(45, Image.Resampling.BILINEAR)


def _wider(times: float) -> Change:
    """Show the picture smaller, before itself upside down and out of focus."""

    def change(image: Image.Image) -> Image.Image:
        side = image.width
        behind = ImageOps.flip(image).filter(ImageFilter.GaussianBlur(side / 12))
        small = images.resize(image, round(side / times))
        behind.paste(small, ((side - small.width) // 2, (side - small.width) // 2))
        return behind

    return change


CHANGES: dict[str, Change] = {
    "mirror image": ImageOps.mirror,
    "greyscale": lambda image: image.convert("L").convert("RGB"),
    "hue turned by 60 degrees": _turn_hue(60),
    "hue turned by 120 degrees": _turn_hue(120),
    "hue turned by 180 degrees": _turn_hue(180),
    "JPEG of quality 30": _as_jpeg,
    "Gaussian blur of 1 pixel": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "Gaussian blur of 2 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
    "motion blur of 9 %": _moved,
    "half resolution": _at_half_resolution,
    "30 % darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "30 % brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "exposure x0.35": _exposed(0.35),
    "exposure x0.2 with noise": _exposed(0.2, noise=6),
    "exposure x0.12 with noise": _exposed(0.12, noise=6),
    "exposure x2, clipped": _exposed(2),
    "exposure x3, clipped": _exposed(3),
    "half way to white": lambda image: image.point(lambda value: (value + 256) // 2),
    "10 % tighter crop": lambda image: _cropped(image, CROP / 2),
    "10 % looser crop": lambda image: _cropped(image, -CROP / 2),
    "left third cut off": _cut(1 / 3, 0),
    "lower fifth cut off": _cut(0, 1 / 5),
    "rotated by 45 degrees": _rotated,
    "1.5 times as wide": _wider(1.5),
    "2 times as wide": _wider(2),
}
"""What should change no decision, by name; the images have the network's input size."""


def flip_rates(
    predict: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    rows: NDArray[np.int64],
    pixels: Pixels,
    is_positive: NDArray[np.bool_],
    threshold: float,
) -> dict[str, float]:
    """Measure the share of images on which each of `CHANGES` flips the decision.

    Args:
        predict: from RGB images, (n, size, size, 3) 0-255, to probabilities (n,).
        rows: (n,), numbers of the images.
        pixels: the images.
        is_positive: (n,), whether the positive class is predicted for the images as they are.
        threshold: probability from which the positive class is predicted.

    Returns:
        0-1 for each change.
    """
    flips = dict.fromkeys(CHANGES, 0)
    with tqdm(total=len(rows), desc="robustness", unit="image", disable=None) as bar:
        for start in range(0, len(rows), IMAGES_AT_ONCE):
            shown = [
                Image.fromarray(image) for image in pixels[rows[start : start + IMAGES_AT_ONCE]]
            ]
            before = is_positive[start : start + len(shown)]
            for name, change in CHANGES.items():
                after = predict(_stacked([change(image) for image in shown])) >= threshold
                flips[name] += int((before != after).sum())
            bar.update(len(shown))
    return {name: count / max(len(rows), 1) for name, count in flips.items()}


def _stacked(shown: Sequence[Image.Image]) -> NDArray[np.uint8]:
    return np.stack([np.asarray(image) for image in shown])
