"""Write `tests/golden/*.json`: inputs, and what Python makes of them.

The web page and the app compute the same from the same inputs, and their tests read these files.
Each file is a list of cases, one a line, in which bytes are base64 and boxes are left, top, right
and bottom. Run `python -m tools.golden` after a change of what the files hold.

`resize.json`
    `rgb` is the content of a `width` x `height` picture, row by row; `box` is the part of it that
    is stretched to `to` (width and height); `resized` is the outcome.
`orientation.json`
    `rgb` is what a camera stored, `upright` how the EXIF `orientation` shows it; `jpeg` is a file
    of the same picture, a square of `BLOCK` pixels for each pixel.
`contract.json`
    `file` is a sealed model, `model` and `contract` what is in it; these two are null where the
    file must be refused, and `refused` says why: it is `damaged` or foreign, has another `version`
    of the contract, or one whose `input` a reader does not know how to make.
`views.json`
    `levels` are the sizes that the face finder looks at a picture in, the smallest first, each with
    the `weight` of a view and its `tiles`, in its pixels.
`anchors.json`
    `x` and `y`, 0-1, are the centre of the anchor with this `index`.
`detection.json`
    `views` hold what the network answers for each tile, those of the largest level first: the
    first four numbers of the `box` and the `logit` of some anchors (all others have a box of zeros
    and the logit -20). `faces` are the boxes found so in the photo, the surest first, with their
    scores; `crops` are the parts of the photo that are classified, by the contract's `crop`.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facemask.files import replacing
from facemask.inference import contract, detection
from facemask.inference.detection import FaceDetector
from facemask.inference.views import SIDE, Array, Box, levels, tiles
from facemask.store import images

FOLDER = Path(__file__).parents[1] / "tests/golden"
BLOCK = 8
"""Pixels; a block of a JPEG file, so that flat blocks stay flat."""

ORIENTATION = 0x0112
"""EXIF tag."""

CROP = {"scale": 1.19, "up": 0.09}
UNSEEN = -20.0
"""Logit of an anchor that no case lists."""

Case = dict[str, Any]
Pixels = NDArray[np.uint8]


def text(content: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(content).decode()


def noise(width: int, height: int) -> Pixels:
    """Return random pixels, uint8 (height, width, 3)."""
    rng = np.random.default_rng([width, height])
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def gradient(width: int, height: int) -> Pixels:
    """Return pixels whose red grows to the right, green downwards; uint8 (height, width, 3)."""
    y, x = np.indices((height, width))
    red, green = x * 255 // max(1, width - 1), y * 255 // max(1, height - 1)
    return np.stack([red, green, 255 - red], axis=2).astype(np.uint8)


def resizing() -> Iterator[Case]:
    """Yield pictures larger and smaller than what they are stretched to."""
    for pixels, box, to in (
        (noise(12, 12), (0, 0, 12, 12), (12, 12)),
        (noise(31, 23), (0, 0, 31, 23), (12, 12)),
        (noise(31, 23), (5, 2, 18, 23), (16, 16)),
        (noise(7, 5), (0, 0, 7, 5), (20, 20)),
        (noise(3, 200), (0, 0, 3, 200), (8, 8)),
        (noise(200, 3), (0, 0, 200, 3), (8, 8)),
        (noise(1, 1), (0, 0, 1, 1), (4, 4)),
        (noise(50, 20), (0, 0, 50, 20), (16, 6)),
        (noise(20, 30), (0, 0, 20, 30), (10, 10)),
        (noise(20, 31), (0, 0, 20, 31), (10, 10)),
        (noise(20, 50), (3, 10, 4, 50), (1, 16)),
        (gradient(40, 17), (0, 0, 40, 17), (16, 16)),
        (gradient(17, 40), (1, 1, 16, 39), (16, 16)),
        (gradient(9, 9), (0, 0, 9, 9), (24, 24)),
    ):
        part = Image.fromarray(pixels).crop(box)
        square = to[0] == to[1]
        result = images.resize(part, to[0]) if square else part.resize(to, images.RESIZE_FILTER)
        height, width, _ = pixels.shape
        yield {
            "width": width,
            "height": height,
            "rgb": text(pixels.tobytes()),
            "box": box,
            "to": to,
            "resized": text(result.tobytes()),
        }


def orientations() -> Iterator[Case]:
    """Yield a picture of 3 x 2 colours in each EXIF orientation."""
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (40, 40, 40)]
    pixels = np.array([*colours, (220, 220, 220)], np.uint8).reshape(2, 3, 3)
    blocks = Image.fromarray(pixels.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        file = io.BytesIO()
        blocks.save(file, "JPEG", quality=95, subsampling=0, exif=exif)
        upright = images.open_rgb(file.getvalue()).resize(
            (3, 2) if orientation < 5 else (2, 3), Image.Resampling.NEAREST
        )
        shown = np.abs(np.asarray(upright, int)[:, :, np.newaxis] - pixels.reshape(1, 1, 6, 3))
        upright_pixels = pixels.reshape(6, 3)[shown.sum(axis=3).argmin(axis=2)]
        yield {
            "orientation": orientation,
            "width": 3,
            "height": 2,
            "rgb": text(pixels.tobytes()),
            "upright_width": upright.width,
            "upright_height": upright.height,
            "upright": text(upright_pixels.tobytes()),
            "jpeg": text(file.getvalue()),
        }


def contracts() -> Iterator[Case]:
    """Yield a sealed file, and files that must be refused."""
    model = bytes(range(0, 256, 4))
    made = contract.describe(
        author="Nobody",
        labels=["WithMask", "WithoutMask"],
        side=96,
        threshold=0.47,
        crop=CROP,
        training_data="0" * 64,
    )
    file = contract.seal(model, made)
    _, values = contract.read(file, "golden")
    yield {
        "name": "sealed",
        "refused": None,
        "file": text(file),
        "model": text(model),
        "contract": vars(values),
    }

    def changed(at: int) -> bytes:
        return file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]

    no_crop = {key: value for key, value in made.input.items() if key != "crop"}
    other_filter = made.input | {"resize": made.input["resize"] | {"filter": "nearest"}}
    for name, refused, content in (
        ("nothing", "damaged", b""),
        ("a model alone", "damaged", model),
        ("an archive of something else", "damaged", model + _archive("other.json", b"{}")),
        ("a contract that is not JSON", "damaged", model + _archive(contract.CONTRACT, b"{")),
        ("first byte of the model", "damaged", changed(0)),
        ("last byte of the model", "damaged", changed(len(model) - 1)),
        ("a byte before the model", "damaged", b"\0" + file),
        ("a byte of the labels", "damaged", changed(file.index(b"WithMask\n"))),
        ("a digit of the threshold", "damaged", changed(file.index(b"0.47") + 3)),
        ("a digit of the checksum", "damaged", changed(file.index(b'"sha256": "') + 20)),
        ("the end cut off", "damaged", file[:-1]),
        ("half of it", "damaged", file[: len(file) // 2]),
        ("a byte too many", "damaged", file + b"\0"),
        ("version 1", "version", contract.seal(model, replace(made, version="1"))),
        ("without a crop", "input", contract.seal(model, replace(made, input=no_crop))),
        ("another filter", "input", contract.seal(model, replace(made, input=other_filter))),
    ):
        case = {"name": name, "refused": refused, "file": text(content)}
        yield case | {"model": None, "contract": None}


def _archive(name: str, content: bytes) -> bytes:
    """Return a zip archive of one entry with a fixed date."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def views() -> Iterator[Case]:
    """Yield pictures too small for tiles, larger ones, and very long ones."""
    for width, height in (
        (1, 1), (128, 128), (255, 200), (256, 200), (257, 255), (640, 480), (480, 640),
        (1280, 960), (1279, 853), (2000, 3), (3, 2000), (1000, 400),
    ):  # fmt: skip
        looked_at = [
            {"size": size, "weight": weight, "tiles": list(tiles(*size))}
            for size, weight in levels(width, height)
        ]
        yield {"width": width, "height": height, "levels": looked_at}


def anchors() -> Iterator[Case]:
    """Yield anchors from both ends of both feature maps, and some between."""
    centres = detection.anchors()
    for index in sorted({0, 1, 2, 31, 32, 511, 512, 517, 518, 559, 560, 895, *range(0, 896, 61)}):
        x, y = centres[index]
        yield {"index": index, "x": x, "y": y}


SCENES: dict[str, tuple[tuple[int, int], list[tuple[Box, float]]]] = {
    "one face": ((320, 240), [((100, 60, 200, 160), 3.0)]),
    "small picture without tiles": ((90, 120), [((20, 30, 70, 80), 2.5)]),
    "no face": ((640, 480), []),
    "several people": (
        (1280, 960),
        [
            ((100, 100, 260, 260), 3.0),
            ((500, 120, 640, 260), 2.0),
            ((900, 90, 1080, 270), 2.5),
            ((300, 600, 420, 720), 1.5),
            ((1000, 640, 1090, 730), 2.0),
        ],
    ),
    "small faces, seen in tiles alone": (
        (1600, 1200),
        [((200, 300, 280, 380), 2.0), ((1290, 900, 1360, 970), 2.5)],
    ),
    "two heads close together": (
        (640, 480),
        [((200, 150, 320, 270), 3.0), ((270, 170, 380, 280), 2.0)],
    ),
    "a box within another": (
        (640, 480),
        [((180, 100, 420, 340), 3.0), ((250, 230, 330, 310), 0.8)],
    ),
    "sure boxes partly within larger ones": (
        (1280, 480),
        [
            ((140, 150, 220, 230), 3.0),
            ((176, 100, 416, 340), 1.5),
            ((780, 150, 860, 230), 3.0),
            ((807, 100, 1047, 340), 1.5),
        ],
    ),
    "smaller boxes beside surer faces": (
        (1280, 480),
        [
            ((300, 200, 420, 320), 3.0),
            ((390, 230, 480, 320), 1.5),
            ((900, 200, 1020, 320), 3.0),
            ((1065, 215, 1155, 305), 1.5),
            ((745, 190, 890, 335), 1.5),
        ],
    ),
    "faces cut by the border": (
        (500, 700),
        [((-30, 200, 110, 340), 2.0), ((400, 560, 520, 680), 2.0), ((200, -20, 300, 80), 2.0)],
    ),
    "long picture": ((1500, 300), [((60, 40, 240, 220), 2.5), ((1330, 100, 1480, 250), 2.5)]),
    "unsure": ((800, 600), [((100, 100, 300, 300), 0.5), ((500, 200, 640, 340), 0.2)]),
    "too unsure": ((800, 600), [((100, 100, 300, 300), 0.5), ((500, 200, 640, 340), -0.8)]),
}
"""Size of a picture, and its faces: the box in pixels, and the logit of the network at best."""


class Replayed(FaceDetector):
    """A face finder whose network answers what a scene says, without a network.

    Attributes:
        answers: of the network to each view in turn; an anchor's index -> box and logit.
    """

    def __init__(self, answers: list[dict[int, tuple[list[float], float]]]) -> None:
        """Keep the answers."""
        super().__init__()
        self.answers = iter(answers)

    def run(self, pixels: NDArray[np.float32]) -> tuple[Array, Array]:
        """Return the next answer."""
        boxes, logits = np.zeros((len(self._anchors), 4)), np.full(len(self._anchors), UNSEEN)
        for index, (box, logit) in next(self.answers).items():
            boxes[index], logits[index] = box, logit
        return boxes, logits


def answer(
    view: Box, faces: list[tuple[NDArray[np.float64], float]], rng: np.random.Generator
) -> dict[int, tuple[list[float], float]]:
    """Return what a network might say of a view: for each face, some anchors near its centre.

    Args:
        view: in pixels of the level.
        faces: their boxes in these pixels, and the logit of the network at best.
        rng: all chance.
    """
    centres = detection.anchors() * SIDE
    said = {int(index): ([0.0, 0.0, 9.0, 9.0], -3.0) for index in rng.integers(0, 896, 2)}
    for box, logit in faces:
        visible = np.concatenate([np.maximum(box[:2], view[:2]), np.minimum(box[2:], view[2:])])
        if (visible[2:] - visible[:2] < (box[2:] - box[:2]) / 2).any():
            continue
        corners = visible.reshape(2, 2) - view[:2]
        centre, sides = corners.mean(axis=0), corners[1] - corners[0]
        for index in np.hypot(*(centres - centre).T).argsort(kind="stable")[:4]:
            shift, stretch = rng.uniform(-0.05, 0.05, (2, 2)) * sides
            numbers = [*(centre + shift - centres[index]), *(sides + stretch)]
            lost = max(0, 14 - sides.min()) / 2 + rng.uniform(0, 0.5)
            said[int(index)] = [round(float(n), 3) for n in numbers], round(logit - lost, 3)
    return said


def scenes() -> Iterator[Case]:
    """Yield what the network answers for the views of some photos, and the faces found so."""
    for number, (name, (size, people)) in enumerate(SCENES.items()):
        rng = np.random.default_rng(number)
        photo = Image.new("RGB", size)
        answers = []
        for level, _ in reversed(levels(*size)):
            scaled = [(np.multiply(box, level[0] / size[0]), logit) for box, logit in people]
            answers += [answer(view, scaled, rng) for view in tiles(*level)]
        faces = Replayed(answers).find(photo)
        yield {
            "name": name,
            "width": size[0],
            "height": size[1],
            "views": [
                [
                    {"index": index, "box": box, "logit": logit}
                    for index, (box, logit) in said.items()
                ]
                for said in answers
            ],
            "faces": [
                {"box": [round(edge, 4) for edge in face.box], "score": round(face.score, 6)}
                for face in faces
            ],
            "crop": CROP,
            "crops": [detection.crop(face, CROP, size) for face in faces],
        }


FILES = {
    "resize.json": resizing,
    "orientation.json": orientations,
    "contract.json": contracts,
    "views.json": views,
    "anchors.json": anchors,
    "detection.json": scenes,
}


def content(name: str) -> str:
    """Return what the golden file of this name should hold."""
    return "[\n" + ",\n".join(json.dumps(case) for case in FILES[name]()) + "\n]\n"


def main() -> None:
    """Write all of them."""
    for name in FILES:
        with replacing(FOLDER / name) as file:
            file.write_text(content(name))


if __name__ == "__main__":
    main()
