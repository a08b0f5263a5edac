"""Draw faces with and without a mask, as in pictures of a small camera.

Only the mask differs between the classes. Each face has two random streams, one for the mask and
one for everything else. So hair, beards, hands, cups, scarves, light and pose have the same
distribution in both classes.
"""

import io

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from tools.sketch import Array, Sketch, curve, ellipse, outline, pick

SEED, SUPERSAMPLING = 2024, 2
DARK, LIGHT = np.full(3, 16.0), np.full(3, 240.0)
SKINS = "3a241c 68422e 986648 c6926e e4b898 fadcc8"  # from dark to light; skins are mixed
HAIRS = "161212 281c16 4a3020 764e2e c49e5c 964222 80807c d6d4d0 5c3470"
FABRICS = "1e1e22 eceae4 808286 a02830 2c4c82 346c4c cea446 805488 d6a096"
MASKS = "86b8d6 9cccde f0f2f4 202024 888c92 e0aca8 ceac8a eec09e 78523e 548e6c a82c30 304070"
STYLES = ["bald", "short", "short", "fringe", "fringe", "long", "long", "curly", "headscarf"]
RIMS = "141416 5a3c28 aa965a 781e28"
MASK_OUTLINES = {
    "surgical": "0,-.7 .2,-.68 .45,-.56 .95,-.46 .95,.28 .55,.64 .2,.72 0,.72",
    "cup": "0,-.82 .14,-.78 .34,-.5 .9,-.28 .86,.14 .42,.66 .16,.76 0,.76",
    "cloth": "0,-.6 .3,-.68 .6,-.62 1,-.42 .94,.3 .55,.68 0,.74",
}
MASK_SEAMS = {
    "surgical": ["-.9,-.26 0,-.2 .9,-.26", "-.9,-.02 0,.04 .9,-.02", "-.9,.22 0,.28 .9,.22"],
    "cup": ["-.55,-.38 0,-.2 .55,-.38", "-.5,.42 0,.3 .5,.42"],
    "cloth": ["0,-.62 .04,0 0,.7"],
}


def backdrop(rng: Generator, width: int, height: int) -> Image.Image:
    """Return a background of one colour, with a gradient, with clouds or with clutter."""
    # A small picture is enlarged: 1 cell gives a plain colour, 2 x 2 a gradient, 9 x 9 clouds.
    cells, clutter = rng.choice([1, 2, 9]), rng.choice([0, 0, 7])
    colours = rng.uniform(30, 225) + rng.normal(0, 45, 3) + rng.normal(0, 30, (cells, cells, 3))
    image = Image.fromarray(colours.clip(0, 255).astype(np.uint8))
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for left, top in rng.uniform(-0.2, 0.9, (clutter, 2)):
        wide, high = rng.uniform(0.1, 0.6, 2)
        shape = draw.rectangle if rng.random() < 0.5 else draw.ellipse
        box = (left * width, top * height, (left + wide) * width, (top + high) * height)
        shape(box, fill=tuple(pick(rng, FABRICS, 30).astype(int).tolist()))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 0.02) * width))


def new_sketch(rng: Generator) -> Sketch:
    """Return a background, and the pose and the colours of a person who is not drawn yet."""
    side = 48 + 152 * rng.beta(1.5, 3.2)
    shape = np.array([1, 1 if rng.random() < 0.6 else rng.uniform(0.8, 1.35)])
    size = (side * shape / shape.max()).clip(48).round().astype(int) * SUPERSAMPLING
    extent, roll = float(size.min()), np.radians(np.clip(rng.normal(0, 10), -25, 25))
    tones = np.array([list(bytes.fromhex(code)) for code in SKINS.split()])
    tone = rng.uniform(0, len(tones) - 1)
    skin = [np.interp(tone, range(len(tones)), channel) for channel in tones.T]
    return Sketch(
        image=backdrop(rng, *size.tolist()),
        centre=size / 2 + rng.normal(0, 0.045, 2) * extent,
        scale=extent * rng.uniform(0.23, 0.37),
        aspect=rng.uniform(0.82, 0.98),
        rotation=np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]]),
        turn=rng.uniform([-0.32, -0.14], [0.32, 0.14]),
        skin=skin + rng.normal(0, 5, 3),
        hair=pick(rng, HAIRS),
        fabric=pick(rng, FABRICS),
        style=rng.choice(STYLES),
    )


def draw_head(sketch: Sketch, rng: Generator) -> None:
    """Draw hair behind the head, shoulders, neck, ears and the bare face."""
    skin, (u, v) = sketch.skin, sketch.grid
    jaw, length, size = rng.uniform([-0.1, 0.8, 1.15], [0.12, 1.3, 1.5])
    if sketch.style == "long":
        back = outline("0,-1.6 .8,-1.6 1.25,-.9 1.35,1.5 .8,1.8 0,1.5")
        sketch.fill(back * np.where(back > 0, [1, length], 1), sketch.hair * 0.8)
    elif sketch.style == "curly":
        sketch.fill(ellipse((0, -0.5), size), sketch.hair, blur=0.03)
    sketch.fill(outline("0,.6 .5,.6 .56,2.4 0,2.4"), skin * 0.8)
    sketch.fill(outline("0,2.05 .5,1.85 1.7,2.1 2.4,3 2.4,5 0,5"), pick(rng, FABRICS))
    for side in (-1, 1):
        sketch.fill(ellipse((side * 1.02, 0.08), (0.15, 0.28)), skin * 0.9)
    face = outline("0,-1.5 .6,-1.45 1,-.95 1.04,-.2 .98,.5 .74,1.05 .4,1.4 0,1.44")
    face[:, 0] *= 1 + jaw * face[:, 1].clip(0)
    sketch.fill(face, skin * (1.06 - 0.2 * u**2 - 0.05 * v**2))


def draw_eyes(sketch: Sketch, rng: Generator) -> None:
    """Draw eyes and brows."""
    opening, spread, arch, weight = rng.uniform([0.03, 0.38, 0, 0.05], [0.13, 0.45, 0.14, 0.12])
    gaze, iris = rng.normal(0, 0.04), pick(rng, "3c2618 321e14 5c8096 607048")
    radius = min(0.095, opening * 1.05)
    for side in (-1, 1):
        eye = np.array([side * spread, -0.12])
        sketch.fill(ellipse(eye, (0.27, 0.2)), sketch.skin * 0.72, alpha=0.5, blur=0.07)
        sketch.fill(ellipse(eye, (0.19, opening)), LIGHT)
        sketch.fill(ellipse(eye + [gaze, 0], (0.095, radius)), iris)
        sketch.fill(ellipse(eye + [gaze, 0], (0.045, radius / 2)), DARK)
        lid = curve("-.21,.1 -.1,-1.1 .1,-1.1 .21,.1") * [1, opening] + eye
        sketch.stroke(lid, sketch.skin * 0.3, 0.045)
        brow = curve(f"-.25,-.26 0,{-0.3 - arch} .26,-.22") * [side, 1] + eye
        sketch.stroke(brow, sketch.hair * 0.75, weight, alpha=0.85)


def draw_beard(sketch: Sketch, rng: Generator) -> None:
    """Draw a beard, stubble, a goatee, a moustache or no beard."""
    chance, longer = rng.random(), [1, rng.uniform(0.95, 1.2)]
    if chance < 0.24:
        beard = "0,.5 .5,.58 .75,.3 .98,-.1 1.02,.5 .85,1.05 .4,1.55 0,1.6"
        sketch.fill(outline(beard) * longer, sketch.hair, 0.93 if chance < 0.14 else 0.3, 0.035)
    elif chance < 0.3:
        sketch.fill(outline("0,.86 .32,.88 .3,1.6 0,1.6") * longer, sketch.hair, 0.93, 0.025)
    if 0.24 < chance < 0.38:
        sketch.fill(outline("0,.48 .3,.52 .46,.74 .2,.66 0,.64"), sketch.hair, 0.95, 0.02)


def draw_nose_and_mouth(sketch: Sketch, rng: Generator) -> None:
    """Draw the nose and a closed, smiling or open mouth."""
    skin, wide = sketch.skin, rng.uniform(0.8, 1.3)
    sketch.fill(outline("0,-.2 .08,0 .24,.4 0,.48") * [wide, 1], skin * 0.72, 0.55, 0.05)
    sketch.fill(ellipse((rng.choice([-0.03, 0.03]), 0.1), (0.06, 0.28)), skin * 1.15, 0.6, 0.05)
    for side in (-1, 1):
        sketch.fill(ellipse((side * wide * 0.1, 0.4), (0.055, 0.03)), skin * 0.35)
    lips = skin * [0.92, 0.66, 0.66] if rng.random() < 0.7 else pick(rng, "b02c3c")
    kind, half, curl = rng.integers(3), rng.uniform(0.28, 0.44), rng.uniform(-0.04, 0.12)
    height = [0.08, 0.14, rng.uniform(0.15, 0.3)][kind]
    gap, inside = [(0.15, lips * 0.5), (0.6, LIGHT), (0.65, lips * 0.3)][kind]
    for width, tall, paint in ((1, height, lips), (0.86, height * gap, inside)):
        mouth = outline("0,-.8 .25,-1 1.1,0 .4,1.4 0,1.4") * [width * half, tall]
        sketch.fill(mouth + (mouth**2 / half**2 * -curl)[:, ::-1] * [0, 1] + [0, 0.77], paint)


def mask_paint(sketch: Sketch, rng: Generator) -> Array:
    """Return plain, striped, dotted, checked or two-tone cloth, which is darker at the cheeks."""
    u, v = sketch.grid
    cloth, second = pick(rng, MASKS), pick(rng, MASKS, 30)
    (step, angle), kind = rng.uniform([9, 0], [20, np.pi]), rng.integers(10)
    if kind < 4:
        checks = np.sin(step * u) * np.sin(step * v)
        stripes = np.sin(step * (u * np.cos(angle) + v * np.sin(angle)))
        halves = np.abs(u) - 0.45 if angle < 1 else v - 0.7
        cloth = np.where([stripes, checks - 0.45, checks, halves][kind] > 0, second, cloth)
    return np.asarray(cloth * (1.04 - 0.2 * u**2 - 0.1 * (v - 0.6) ** 2))


def draw_mask(sketch: Sketch, rng: Generator, position: str) -> None:
    """Draw a mask over nose and mouth ("worn"), below the mouth ("chin") or off one "ear"."""
    kind, side, tilt = rng.choice(list(MASK_OUTLINES)), rng.choice([-1, 1]), rng.uniform(1.1, 1.5)
    fit, middle = np.diag([1, rng.uniform(0.94, 1.04)]), np.array([0, rng.uniform(0.7, 0.76)])
    if position == "chin":
        fit, middle = np.diag([0.92, rng.uniform(0.3, 0.42)]), np.array([0, 1.33])
    elif position == "ear":
        sin, cos = np.sin(side * tilt), np.cos(tilt)
        fit, middle = np.array([[cos, sin], [-sin, cos]]), np.array([side * 1.22, 0.85])
        fit *= [0.55, 0.7]
    cloth, edge = mask_paint(sketch, rng), outline(MASK_OUTLINES[kind]) @ fit + middle
    cord = pick(rng, "f0f0f0 28282c")
    for corner in curve("-.9,-.4 -.9,.3 .9,.3 .9,-.4")[[0, 7, -8, -1]] @ fit + middle:
        ear = side if position == "ear" else np.sign(corner[0])
        sketch.stroke([corner, (ear * 1.03, -0.1 if corner[1] < middle[1] else 0.25)], cord, 0.04)
    sketch.fill(edge * [1.02, 1] + [0, 0.03], DARK, alpha=0.4, blur=0.05)
    sketch.fill(edge, cloth)
    sketch.stroke(edge, cloth * 0.72, 0.025, alpha=0.8)
    for seam in MASK_SEAMS[kind]:
        sketch.stroke(curve(seam) @ fit + middle, cloth * 0.72, 0.035)
    if kind == "cup" and rng.random() < 0.4:
        sketch.fill(ellipse((0.4, 0.1), 0.15) * [side, 1] @ fit + middle, cloth * 0.72)


def draw_hair(sketch: Sketch, rng: Generator) -> None:
    """Draw what covers a part of the face: hair, loose strands or a headscarf."""
    u, v = sketch.grid
    locks = sketch.hair * (1 + 0.18 * np.sin(17 * u + 2 * np.sin(3 * v)) * np.sin(29 * u + v))
    line = rng.uniform(-0.65, -0.4) if sketch.style == "fringe" else rng.uniform(-1.1, -0.8)
    if sketch.style == "headscarf":
        inner = "0,1.28 .62,1.1 .92,.4 .92,-.5 .55,-1 0,-1.05"
        folds = sketch.fabric * (1 - 0.16 * np.sin(7 * np.hypot(u, v + 0.2)))
        sketch.fill(outline("0,-1.7 .8,-1.6 1.25,-.8 1.25,.6 1.3,2.2 0,2.4 " + inner), folds)
    elif sketch.style != "bald":
        inner = f".98,-.1 .92,{line + 0.25} .6,{line - 0.02} 0,{line}"
        sketch.fill(outline("0,-1.68 .7,-1.68 1.15,-1 1.1,-.05 " + inner), locks)
    side, reach, loose = rng.choice([-1, 1]), rng.uniform(0.4, 1.7), rng.random() < 0.5
    shifts = rng.uniform(-0.16, 0.16, 5)
    for shift in shifts if loose and sketch.style in ("long", "fringe") else ():
        strand = f".4,-1.3 {0.85 + shift},-.7 {0.72 + shift},.2 {0.8 + shift},{reach}"
        sketch.stroke(curve(strand) * [side, 1], locks, 0.08)


def draw_glasses(sketch: Sketch, rng: Generator) -> None:
    """Draw clear glasses or sunglasses."""
    rim, dark = pick(rng, RIMS), rng.random() < 0.4
    high, thick = rng.uniform([0.17, 0.035], [0.28, 0.08])
    square = outline("0,-1 .4,-1 1,-.9 1,.9 .4,1 0,1")
    lens = square if rng.random() < 0.5 else ellipse(0, 1)
    for side in (-1, 1):
        edge = lens * [0.32, high] + [side * 0.43, -0.1]
        sketch.fill(edge, DARK if dark else LIGHT, alpha=0.9 if dark else 0.1)
        sketch.stroke(edge, rim, thick)
        sketch.stroke([(side * 0.75, -0.14), (side * 1.05, -0.1)], rim, thick)
    sketch.stroke(curve("-.14,-.12 0,-.2 .14,-.12"), rim, thick)


def draw_cover(sketch: Sketch, rng: Generator) -> None:
    """Draw a scarf, a cup or a hand over part of the mouth, of masked faces as well."""
    kind, side, paint = rng.integers(3), rng.choice([-1, 1]), pick(rng, FABRICS)
    u, top = sketch.grid[0], rng.uniform(0.5, 0.85)
    if kind == 0:
        scarf = outline("0,.12 .6,.06 1.15,-.2 1.35,.7 1.3,1.6 0,1.7") + [0, top]
        sketch.fill(scarf, paint * (1 + 0.14 * np.sin(26 * u)))
        return
    if kind == 1:
        mug = outline("0,-.24 .34,-.24 .36,-.2 .28,.75 .24,.8 0,.8") + [side * 0.12, top + 0.2]
        sketch.fill(mug, paint * (1.05 - 0.5 * u**2))
    palm = np.array([side * rng.uniform(0.5, 0.75), 1.55])
    sketch.stroke([palm + [side * 0.5, 1.6], palm], sketch.skin * 0.86, 0.55)
    sketch.fill(ellipse(palm, (0.38, 0.36)), sketch.skin * 0.92)
    fingers = np.array([(-0.75, -0.22), (-0.7, -0.48), (-0.58, -0.72), (-0.36, -0.88)])
    for tip in palm + fingers * [side, 1]:
        sketch.stroke([palm, tip], sketch.skin * 0.62, 0.24)
        sketch.stroke([palm, tip], sketch.skin * 0.95, 0.19)


def photograph(sketch: Sketch, rng: Generator) -> Image.Image:
    """Return the picture at its final size, with uneven light, tint, blur and noise."""
    image = sketch.image.reduce(SUPERSAMPLING)
    image = image.filter(ImageFilter.GaussianBlur(min(rng.exponential(0.4), 1.4)))
    x, y = np.meshgrid(np.linspace(-1, 1, image.width), np.linspace(-1, 1, image.height))
    angle, slope = rng.uniform(0, [2 * np.pi, 0.35])
    light = rng.uniform(0.8, 1.15) + slope * (x * np.cos(angle) + y * np.sin(angle))
    pixels = np.asarray(image) * light[..., None] * rng.normal(1, 0.05, 3)
    pixels = 120 + (pixels - 120) * rng.uniform(0.75, 1.15)
    pixels += rng.normal(0, rng.exponential(2.5), pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, quality: int) -> bytes:
    """Return the picture as a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def draw_person(sketch: Sketch, rng: Generator, mask_rng: Generator, masked: bool) -> None:
    """Draw a person; the mask is drawn from a random stream of its own."""
    for draw in (draw_head, draw_eyes, draw_beard, draw_nose_and_mouth):
        draw(sketch, rng)
    position = "worn" if masked else mask_rng.choice(["none", "chin", "ear"], p=[0.86, 0.1, 0.04])
    if position != "none":
        draw_mask(sketch, mask_rng, position)
    for draw, share in ((draw_glasses, 0.3), (draw_hair, 1), (draw_cover, 0.1)):
        if rng.random() < share:
            draw(sketch, rng)


def draw_face(index: int, masked: bool) -> bytes:
    """Return one person's picture, which the face fills."""
    rng, mask_rng = np.random.default_rng([SEED, index]).spawn(2)
    sketch = new_sketch(rng)
    draw_person(sketch, rng, mask_rng, masked)
    return encode(photograph(sketch, rng), int(rng.integers(82, 95)))
