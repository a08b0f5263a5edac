"""Draw on the picture of a person with outlines and colours that follow the pose of the head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFilter

Array = NDArray[np.float64]
Pair = float | tuple[float, float]


def curve(points: str, closed: bool = False) -> Array:
    """Return a smooth line along the points "u,v u,v ...", by Chaikin's corner cutting."""
    line = np.array([pair.split(",") for pair in points.split()], dtype=float)
    if closed:
        line = np.concatenate([line, (line * [-1, 1])[-2::-1]])
    for _ in range(3):
        start, end = line[:-1], line[1:]
        line = np.stack([0.75 * start + 0.25 * end, 0.25 * start + 0.75 * end], 1).reshape(-1, 2)
    return line


def outline(right_half: str) -> Array:
    """Return a smooth symmetric outline. Its right half starts and ends on the middle line."""
    return curve(right_half, closed=True)


def ellipse(centre: Array | Pair, radii: Array | Pair) -> Array:
    """Return the outline of an upright ellipse."""
    angle = np.linspace(0, 2 * np.pi, 36)[:, None]
    return np.asarray(np.hstack([np.cos(angle), np.sin(angle)]) * radii + centre)


def pick(rng: Generator, palette: str, jitter: float = 10) -> Array:
    """Return a colour near one of a palette of hexadecimal colours."""
    colour = list(bytes.fromhex(rng.choice(palette.split())))
    return np.asarray(colour + rng.normal(0, jitter, 3)).clip(6, 252)


@dataclass
class Sketch:
    """A person's picture in face units: cheeks at u = -1 and 1, eyes at v = -0.1, chin at 1.4."""

    image: Image.Image
    centre: Array
    scale: float
    aspect: float
    rotation: Array
    turn: Array
    skin: Array
    hair: Array
    fabric: Array
    style: str

    def bulge(self, points: Array) -> Array:
        """Return how far a turn of the head moves each point: most at the nose, 0 at the edge."""
        forward = 1 - ((points / [1.1, 1.5]) ** 2).sum(-1, keepdims=True)
        return np.asarray(forward.clip(0) * self.turn)

    def in_pixels(self, points: Array) -> list[float]:
        """Return the pixel coordinates of points, as the flat list that Pillow takes."""
        turned = (points + self.bulge(points)) * [self.aspect, 1]
        return list((turned @ self.rotation * self.scale + self.centre).ravel())

    @cached_property
    def grid(self) -> Array:
        """Return u and v of every pixel, for colours that vary over the face."""
        pixels = np.stack(np.meshgrid(*map(np.arange, self.image.size)), -1)
        points = (pixels - self.centre) / self.scale @ self.rotation.T / [self.aspect, 1]
        return np.moveaxis(points - self.bulge(points), -1, 0)[..., None]

    def paste(self, stencil: Image.Image, paint: Array) -> None:
        """Colour the stencil's area with one colour or with a colour for each pixel."""
        colours = paint.clip(0, 255).astype(np.uint8)
        if colours.ndim == 1:
            self.image.paste(tuple(colours.tolist()), mask=stencil)
        else:
            self.image.paste(Image.fromarray(colours), mask=stencil)

    def fill(self, points: Array, paint: Array, alpha: float = 1, blur: float = 0) -> None:
        """Fill an outline."""
        stencil = Image.new("L", self.image.size)
        ImageDraw.Draw(stencil).polygon(self.in_pixels(points), fill=round(255 * alpha))
        if blur:
            stencil = stencil.filter(ImageFilter.GaussianBlur(blur * self.scale))
        self.paste(stencil, paint)

    def stroke(self, points: ArrayLike, paint: Array, width: float, alpha: float = 1) -> None:
        """Draw a line with round ends."""
        stencil, thickness = Image.new("L", self.image.size), max(1, round(width * self.scale))
        draw, ink = ImageDraw.Draw(stencil), round(255 * alpha)
        pixels = self.in_pixels(np.asarray(points, dtype=float))
        draw.line(pixels, fill=ink, width=thickness, joint="curve")
        for end in (pixels[:2], pixels[-2:]):
            draw.circle(end, thickness / 2, fill=ink)
        self.paste(stencil, paint)
