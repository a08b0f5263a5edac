"""Write `tests/golden/*.json`: inputs, and the results of the Python code.

The tests of the web page and of the app compare their results with these files.
Each file is a list of cases, one case a line. Bytes are base64. Boxes are left, top, right and
bottom. Run `python -m tools.golden` after a change of the code behind a file.

`resize.json`
    `rgb` has the pixels of a `width` x `height` picture, row by row. `box` is the part that is
    stretched to `to` (width and height). `resized` is the result.
`orientation.json`
    `rgb` is the stored picture. `upright` is the picture after a rotation by its EXIF
    `orientation`. `jpeg` is a file of the stored picture, enlarged `BLOCK` times.
`contract.json`
    `file` is an exported file. `model` and `contract` are its parts. Both are null if the file must
    be refused. `refused` is then the reason: the file is `damaged` (or of another kind), has
    another `version` of the contract, or needs an unknown `input`.
`placement.json`
    A picture of `width` x `height` is scaled to `size`, and placed at `left` and `top` in a square
    of `side`, in which the face finder looks for faces.
`detection.json`
    `looks` has the output of the network for each square, in the order of `sides`. An output is a
    list of cells, each with its `row`, its `column` and its five `numbers`. All cells that are not
    in the list are zeros. `faces` are the resulting boxes in the photo with their scores, the
    largest first. `crops` are the crops of the faces, with the margins of the contract.
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
from facemask.inference.detection import SETTINGS, STRIDE, FaceDetector
from facemask.store import images

FOLDER = Path(__file__).parents[1] / "tests/golden"
BLOCK = 8
"""Side in pixels of a block of a JPEG file. A block of one colour keeps its colour."""

ORIENTATION = 0x0112
"""The EXIF tag of the orientation."""

CROP = {"scale": 1.19, "up": 0.09}
TOO_LOW = SETTINGS["min_score"] - 0.01
"""Score of a cell that is not a face."""
SMALLEST = 8
LARGEST = 450
"""Limits of a face's height, in pixels of a square. Other faces are not found in the square."""

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
    """Return pixels, uint8 (height, width, 3). Red grows to the right, green downwards."""
    y, x = np.indices((height, width))
    red = x * 255 // max(1, width - 1)
    green = y * 255 // max(1, height - 1)
    return np.stack([red, green, 255 - red], axis=2).astype(np.uint8)


def resizing() -> Iterator[Case]:
    """Yield pictures that are larger, and pictures that are smaller, than their target size."""
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
        distance = np.abs(np.asarray(upright, int)[:, :, np.newaxis] - pixels.reshape(1, 1, 6, 3))
        upright_pixels = pixels.reshape(6, 3)[distance.sum(axis=3).argmin(axis=2)]
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
    """Yield an exported file, and files that must be refused."""
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
        ("version 3", "version", contract.seal(model, replace(made, version="3"))),
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


def placements() -> Iterator[Case]:
    """Yield pictures smaller and larger than the squares, and very long pictures."""
    for width, height in (
        (1, 1), (128, 128), (255, 200), (640, 480), (480, 640), (1280, 960), (1279, 853),
        (2000, 3), (3, 2000), (257, 255),
    ):  # fmt: skip
        for side in SETTINGS["sides"]:
            placement = detection.fit_in_square((width, height), side)
            yield {"width": width, "height": height, "side": side} | placement._asdict()


Scene = tuple[tuple[int, int], list[tuple[tuple[int, int, int, int], float]]]

SCENES: dict[str, Scene] = {
    "one face": ((320, 240), [((100, 60, 200, 160), 0.9)]),
    "no face": ((640, 480), []),
    "several people, the surest not the largest": (
        (1280, 960),
        [
            ((100, 100, 260, 260), 0.8),
            ((500, 120, 640, 260), 0.95),
            ((900, 90, 1080, 270), 0.7),
            ((300, 600, 420, 720), 0.6),
            ((1000, 640, 1090, 730), 0.65),
        ],
    ),
    "two heads close together": (
        (640, 480),
        [((200, 150, 320, 270), 0.9), ((270, 170, 380, 280), 0.8)],
    ),
    "a box within another": (
        (640, 480),
        [((180, 100, 420, 340), 0.9), ((250, 230, 330, 310), 0.7)],
    ),
    "a small face, seen in the large square alone": ((1600, 1200), [((200, 300, 230, 335), 0.8)]),
    "a face that fills the picture": ((90, 120), [((5, 10, 85, 115), 0.85)]),
    "faces cut by the border": (
        (500, 700),
        [((-30, 200, 110, 340), 0.8), ((400, 560, 520, 680), 0.7), ((200, -20, 300, 80), 0.9)],
    ),
    "a box beside the picture": (
        (1500, 300),
        [((60, 40, 240, 220), 0.9), ((700, 320, 800, 400), 0.8)],
    ),
    "a score just too low": (
        (800, 600),
        [((100, 100, 300, 300), 0.9), ((500, 200, 640, 340), TOO_LOW)],
    ),
}
"""Size of a picture, and its faces: the box in pixels, and the score of the best cell."""


class Replayed(FaceDetector):
    """A face finder that returns given outputs instead of running its network."""

    def __init__(self, outputs: list[list[Case]]) -> None:
        """Take the cells of each output, in the order of the calls of `run`."""
        super().__init__()
        self.outputs = iter(outputs)

    def run(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the next output."""
        side = len(pixels) // STRIDE
        output = np.zeros((side, side, 5), np.float32)
        for cell in next(self.outputs):
            output[cell["row"], cell["column"]] = cell["numbers"]
        return output


def network_output(scene: Scene, side: int, rng: np.random.Generator) -> list[Case]:
    """Return a possible output of the network: for each face, four cells around its centre.

    Args:
        scene: the picture and its faces.
        side: of the square into which the picture is fitted.
        rng: draws the errors of the output.
    """
    size, faces = scene
    placement = detection.fit_in_square(size, side)
    scale = placement.size[0] / size[0]
    cells = []
    for box, score in faces:
        corners = scale * np.reshape(box, (2, 2)) + [placement.left, placement.top]
        width, height = corners[1] - corners[0]
        if not SMALLEST < height < LARGEST:
            continue
        centre = corners.mean(axis=0)
        nearest = (centre / STRIDE).astype(int)
        for step in ((0, 0), (1, 0), (0, 1), (1, 1)):
            column, row = nearest + step
            dx, dy = centre - [STRIDE * column, STRIDE * row] + rng.uniform(-1, 1, 2)
            stretch = rng.uniform(-0.05, 0.05, 2)
            logarithms = np.log([width, height]) + stretch
            cell_score = score - 0.03 * sum(step) - rng.uniform(0, 0.01)
            numbers = [round(float(number), 4) for number in (cell_score, dx, dy, *logarithms)]
            cells.append({"row": int(row), "column": int(column), "numbers": numbers})
    return cells


def scenes() -> Iterator[Case]:
    """Yield the network's outputs for the squares of some photos, and the resulting faces."""
    for number, (name, scene) in enumerate(SCENES.items()):
        rng = np.random.default_rng(number)
        size, _ = scene
        outputs = [network_output(scene, side, rng) for side in SETTINGS["sides"]]
        faces = Replayed(outputs).find(Image.new("RGB", size))
        yield {
            "name": name,
            "width": size[0],
            "height": size[1],
            "looks": outputs,
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
    "placement.json": placements,
    "detection.json": scenes,
}


def content(name: str) -> str:
    """Return the content of the golden file of this name."""
    return "[\n" + ",\n".join(json.dumps(case) for case in FILES[name]()) + "\n]\n"


def main() -> None:
    """Write all golden files."""
    for name in FILES:
        with replacing(FOLDER / name) as file:
            file.write_text(content(name))


if __name__ == "__main__":
    main()
