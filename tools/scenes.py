"""Draw photos of one or several people, near or far, in the dark or in bright light.

Distance, light and background have the same distribution in both classes. `tools.faces` explains
the rest.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tools.faces import (
    FABRICS,
    SEED,
    SUPERSAMPLING,
    backdrop,
    draw_person,
    encode,
    new_sketch,
    photograph,
)
from tools.sketch import Array, Sketch, pick

Box = tuple[int, int, int, int]

WIDTH, HEIGHT = 480, 360
SCALES = (0.07, 0.24)
"""Limits of half a face's width, as a share of the shorter side of the picture."""

FACE = np.array([[-1, -1.3], [1, 1.44]])
"""Left and top, right and bottom of a face, relative to its centre, in halves of its width."""

WOODS = "5a3a22 8a6238 b48c5c d8d2c6 3c3c40"
LAMP = np.array([255.0, 240, 205])


def colour(paint: Array) -> tuple[int, ...]:
    """Return a colour as Pillow takes it."""
    return tuple(paint.clip(0, 255).astype(int).tolist())


def room(rng: Generator, width: int, height: int) -> Image.Image:
    """Return a wall with or without a floor, a window or a lamp, and pictures or shelves."""
    image = backdrop(rng, width, height)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 4)):
        left, top = rng.uniform(0, [0.85 * width, 0.4 * height])
        wide, high = rng.uniform(0.1, 0.25, 2) * height
        box = (left, top, left + wide, top + high)
        draw.rectangle(box, colour(pick(rng, FABRICS, 30)), colour(pick(rng, WOODS)), 6)
    kind, left = rng.integers(3), rng.choice([0.02, 0.68]) * width
    if kind == 0:
        window = (left, 0.05 * height, left + 0.3 * width, 0.6 * height)
        draw.rectangle(window, colour(rng.uniform(190, 255, 3)), colour(pick(rng, WOODS)), 12)
        draw.line([(left + 0.15 * width, 0.05 * height), (left + 0.15 * width, 0.6 * height)], 0, 8)
    elif kind == 1:
        lamp = (left, 0.02 * height, left + 0.2 * height, 0.22 * height)
        draw.ellipse(lamp, colour(LAMP))
    return image


def draw_table(sketch: Sketch, rng: Generator) -> None:
    """Draw a table in front of a person, unless it would lie below the picture."""
    width, height = sketch.image.size
    edge = float(sketch.centre[1] + rng.uniform(3, 3.8) * sketch.scale)
    wood = pick(rng, WOODS)
    if edge > 0.95 * height:
        return
    draw = ImageDraw.Draw(sketch.image)
    draw.rectangle((0, edge, width, height), colour(wood * 0.8))
    draw.rectangle((0, edge, width, edge + 0.03 * height), colour(wood))


def exposed(image: Image.Image, rng: Generator, dark: bool) -> Image.Image:
    """Return the picture underexposed or overexposed, with the noise of a small camera."""
    factor = rng.uniform(0.2, 0.5) if dark else rng.uniform(1, 1.6)
    pixels = np.asarray(image) * factor
    pixels += rng.normal(0, rng.uniform(1, 4 if dark else 2), pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_photo(index: int, masked: bool, dark: bool) -> bytes:
    """Return one photo as a JPEG file: `WIDTH` x `HEIGHT` pixels, or upright."""
    rng, mask_rng, scene_rng = np.random.default_rng([SEED, index]).spawn(3)
    size = np.array((WIDTH, HEIGHT) if scene_rng.random() < 0.7 else (HEIGHT, WIDTH))
    width, height = (size * SUPERSAMPLING).tolist()
    scale = min(width, height) * float(np.exp(scene_rng.uniform(*np.log(SCALES))))
    reach = np.array([1.6, 2.0]) * scale  # hair and chin stay within the picture
    last = np.array([width, height]) - reach
    centre = scene_rng.uniform(reach, np.maximum(reach, last * [1, 0.8]))
    scene = room(scene_rng, width, height)
    sketch = replace(new_sketch(rng), image=scene, centre=centre, scale=scale)
    draw_person(sketch, rng, mask_rng, masked)
    draw_table(sketch, scene_rng)
    photo = exposed(photograph(sketch, rng), scene_rng, dark)
    return encode(photo, int(scene_rng.integers(75, 88)))


def draw_scene(index: int, masked: Sequence[bool]) -> tuple[bytes, list[Box]]:
    """Return a photo of several people side by side as a JPEG file, and the box of each face.

    Args:
        index: seeds the scene.
        masked: for each person, from left to right, whether the person wears a mask.
    """
    scene_rng, *people = np.random.default_rng([SEED, index]).spawn(1 + len(masked))
    width = WIDTH * SUPERSAMPLING
    height = HEIGHT * SUPERSAMPLING
    column = width / len(masked)
    image = room(scene_rng, width, height)
    boxes = []
    for number, rng in enumerate(people):
        mask_rng = rng.spawn(1)[0]
        scale = column * scene_rng.uniform(0.1, 0.28)
        centre = np.array([column * (number + 0.5), height * scene_rng.uniform(0.3, 0.6)])
        sketch = replace(new_sketch(rng), image=image, centre=centre, scale=scale)
        draw_person(sketch, rng, mask_rng, masked[number])
        image = sketch.image
        edges = (centre + scale * FACE).ravel() / SUPERSAMPLING
        left, top, right, bottom = (round(edge) for edge in edges.tolist())
        boxes.append((left, top, right, bottom))
    photo = exposed(photograph(sketch, scene_rng), scene_rng, dark=False)
    return encode(photo, 82), boxes
