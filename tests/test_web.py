"""The web page in Chromium: what it answers, asks of the network, and does with junk."""

import io
import json
import re
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from benchmarks.browser import CHROMIUM, FAKE_CAMERA, Server, film
from numpy.typing import NDArray
from PIL import Image, ImageOps
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Playwright,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)

from benchmarks import browser as chromium
from facemask import images
from facemask.inference import detection
from facemask.inference.classifier import Classifier
from facemask.inference.detection import FaceDetector
from tests.conftest import CLASSES, shell

NPM = shutil.which("npm")
pytestmark = pytest.mark.skipif(not (CHROMIUM and NPM), reason="needs Chromium, node and npm")

FIRST_VISIT = 4_000_000
"""Bytes that it may transfer, compressed, without the face detector."""

COUNT = 100
CAMERA_SIDE, CAMERA_FRAMES = 240, 60


@pytest.fixture(scope="session")
def dist(demo: Path) -> Path:
    """The page with the model of the demo, as `make web` builds it."""
    shell(demo, "make", "deploy/web/dist")
    return demo / "deploy/web/dist"


@pytest.fixture(scope="session")
def server(dist: Path) -> Iterator[Server]:
    with Server(dist) as server:
        yield server


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


Launch = Callable[..., Browser]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="session")
def launch(playwright: Playwright) -> Iterator[Launch]:
    browsers = []

    def start(*arguments: str) -> Browser:
        browsers.append(chromium.launch(playwright, *arguments))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.close()


@pytest.fixture(scope="session")
def browser(launch: Launch) -> Browser:
    return launch()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """The page, loaded; no request of the test may have left its origin."""
    with browser.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        open_page(page, server)
        yield page
        local = (server.page, f"blob:{server.page.split('/some')[0]}")
        assert [url for url in asked if not url.startswith(local)] == []
        assert errors == []


def open_page(page: Page, server: Server) -> None:
    page.goto(server.page)
    expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)


def answers(page: Page, files: list[Any], find: bool = False) -> list[Locator]:
    """Hand over files; give the entries of the page's list, in order."""
    page.locator("#find-faces").set_checked(find)
    page.locator("#files").set_input_files(files)
    entries = page.locator("#results > li")
    expect(entries).to_have_count(len(files), timeout=120_000)
    return list(entries.all())


def decisions(page: Page, files: list[Any]) -> list[tuple[str, float]]:
    """Classify whole pictures in the page: label and its probability, for each."""
    answers(page, files)
    items = page.locator("#results li[data-label]").evaluate_all(
        "items => items.map(item => [item.dataset.label, +item.querySelector('data').value])"
    )
    return [(label, probability) for label, probability in items]


@pytest.fixture(scope="session")
def classifier(demo: Path) -> Classifier:
    return Classifier(demo / "models/facemask.tflite")


@pytest.fixture(scope="session")
def faces(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Validation images of the demo, as they were before resizing."""
    rows = pd.read_csv(demo / "data/split.csv").query("split == 'validation'")
    rows = rows.groupby("label").head(COUNT // 2)
    assert len(rows) == COUNT
    with zipfile.ZipFile(demo / "data/demo.zip") as archive:
        folder = tmp_path_factory.mktemp("faces")
        return [Path(archive.extract(path, folder)) for path in rows.path]


def upload(name: str, content: bytes, kind: str = "") -> dict[str, Any]:
    return {"name": name, "mimeType": kind, "buffer": content}


def encode(pixels: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def test_same_pixels_same_probability(
    page: Page, faces: list[Path], classifier: Classifier
) -> None:
    pixels = [
        np.asarray(images.resize(images.open_rgb(file), classifier.contract.input["side"]))
        for file in faces
    ]
    found = decisions(page, [upload(f"{n}.png", encode(p)) for n, p in enumerate(pixels)])
    for (label, probability), pixel in zip(found, pixels, strict=True):
        expected = classifier.classify(Image.fromarray(pixel))
        assert label == expected.label
        assert probability == pytest.approx(expected.probability, abs=0.002)


def test_same_photo_same_decision(page: Page, faces: list[Path], classifier: Classifier) -> None:
    """The browser decodes and scales here; its JPEG decoder may round otherwise than Pillow's."""
    found = decisions(page, faces)
    for (label, probability), file in zip(found, faces, strict=True):
        expected = classifier.classify(images.open_rgb(file))
        assert label == expected.label
        assert probability == pytest.approx(expected.probability, abs=0.02)


@pytest.mark.parametrize("size", [(311, 97), (40, 500), (1, 7), (1200, 900)])
def test_scales_as_pillow_does(page: Page, classifier: Classifier, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    scaled = np.asarray(images.resize(Image.fromarray(pixels), classifier.contract.input["side"]))
    ours, pillows = decisions(page, [upload(f"{p.shape}.png", encode(p)) for p in (pixels, scaled)])
    assert ours == pillows


def test_says_when_it_is_unsure(page: Page, faces: list[Path], classifier: Classifier) -> None:
    decisions(page, faces)
    said = page.locator("#results li[data-label] strong").all_inner_texts()
    for words, file in zip(said, faces, strict=True):
        unsure = classifier.classify(images.open_rgb(file)).probability < 0.7
        assert words.startswith("Unsure") == unsure


def test_turned_photo_is_turned_back(page: Page, faces: list[Path], classifier: Classifier) -> None:
    upright = np.asarray(images.open_rgb(faces[0]))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    content = encode(np.rot90(upright).copy(), "JPEG", quality=95, exif=exif)
    ((label, probability),) = decisions(page, [upload("turned.jpg", content)])
    expected = classifier.classify(images.open_rgb(content))
    assert label == expected.label
    assert probability == pytest.approx(expected.probability, abs=0.02)


def test_transparency_and_animation(page: Page, faces: list[Path], classifier: Classifier) -> None:
    face = images.open_rgb(faces[0])
    clear = face.copy()
    clear.putalpha(Image.linear_gradient("L").resize(face.size))
    files = {}
    for name, kind, options in (
        ("clear.png", "PNG", {}),
        ("moving.gif", "GIF", {"save_all": True, "append_images": [face.rotate(90)] * 3}),
    ):
        buffer = io.BytesIO()
        (clear if kind == "PNG" else face).save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    found = decisions(page, [upload(name, content) for name, content in files.items()])
    for (_, probability), content in zip(found, files.values(), strict=True):
        expected = classifier.classify(images.open_rgb(content))
        assert probability == pytest.approx(expected.probability, abs=0.02)


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("empty.jpg", b"", "empty"),
        ("paper.pdf", b"%PDF-1.7\n1 0 obj", "PDF"),
        ("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("notes.txt", b"no picture", "Save it as JPEG"),
        ("cut.png", encode(np.zeros((9, 9, 3), np.uint8))[:40], "Save it as JPEG"),
    ],
)
def test_bad_file_gets_advice(page: Page, name: str, content: bytes, advice: str) -> None:
    (entry,) = answers(page, [upload(name, content)])
    expect(entry.locator(".trouble")).to_contain_text(advice)


def test_very_wide_photo(page: Page) -> None:
    content = encode(np.full((3_000, 12_000, 3), 90, np.uint8), "JPEG")
    (entry,) = answers(page, [upload("wide.jpg", content)], find=True)
    expect(entry.get_by_role("button", name="Classify the whole picture")).to_be_visible()
    entry.get_by_role("button").click()
    expect(entry.locator("[data-label]")).to_have_count(1)


def test_five_hundred_files(page: Page, faces: list[Path]) -> None:
    content = faces[0].read_bytes()
    files = [upload(f"{number}.jpg", content) for number in range(500)]
    assert len(decisions(page, files)) == 500
    expect(page.locator("#photo-status")).to_have_text("500 pictures done")
    page.get_by_role("button", name="Clear the list").click()
    expect(page.locator("#results > li")).to_have_count(0)


def test_drop_and_paste(page: Page, faces: list[Path]) -> None:
    page.locator("#find-faces").uncheck()
    for number, (event, field) in enumerate((("drop", "dataTransfer"), ("paste", "clipboardData"))):
        page.evaluate(
            """([type, field, bytes]) => {
                const event = new Event(type, {bubbles: true, cancelable: true});
                const file = new File([new Uint8Array(bytes)], "face.jpg");
                Object.defineProperty(event, field, {value: {files: [file]}});
                document.body.dispatchEvent(event);
            }""",
            [event, field, list(faces[0].read_bytes())],
        )
        expect(page.locator("#results li[data-label]")).to_have_count(number + 1)


def test_finds_each_face(page: Page, faces: list[Path]) -> None:
    photo = Image.new("RGB", (800, 600), "slategrey")
    for number in range(6):
        place = (40 + number % 3 * 260, 40 + number // 3 * 290)
        photo.paste(images.open_rgb(faces[number]).resize((200, 200)), place)
    (entry,) = answers(page, [upload("people.png", encode(np.asarray(photo)))], find=True)
    assert 5 <= entry.locator("[data-label]").count() <= 7
    expect(entry.get_by_role("img")).to_have_attribute("aria-label", "people.png, 6 faces")


def test_same_face_finder_as_in_python(dist: Path) -> None:
    """The page takes the weights from another package than Python does."""
    page = dist.parent / "node_modules/@mediapipe/face_detection/face_detection_short_range.tflite"
    assert page.read_bytes() == detection.weights().read_bytes()


def test_works_offline_after_the_first_visit(
    browser: Browser, server: Server, faces: list[Path]
) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        server.sent.clear()
        open_page(page, server)
        sizes = {name: size for name, size in server.sent.items() if "face_detection" not in name}
        assert sum(sizes.values()) <= FIRST_VISIT
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        context.set_offline(True)
        page.reload()
        expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)
        answers(page, [faces[0]], find=True)
        expect(page.locator("#results .trouble")).to_have_count(0)


def test_without_webassembly(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(server.page)
        expect(page.locator("#status")).to_contain_text("WebAssembly switched off")


def slowly(route: Route) -> None:
    time.sleep(1)
    route.continue_()


def test_interactive_while_loading(browser: Browser, server: Server) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.route("**/*.wasm", slowly)
        page.goto(server.page)
        expect(page.get_by_role("progressbar", name="Loading the model")).to_be_visible()
        page.locator("#find-faces").uncheck()
        expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)
        expect(page.locator("#progress")).to_be_hidden()


def test_camera_denied(launch: Launch, server: Server) -> None:
    page = launch("--use-fake-device-for-media-stream", "--deny-permission-prompts").new_page()
    open_page(page, server)
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("Allow it in the browser's settings")


def test_no_camera(page: Page) -> None:
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("or choose photos")


def second_of(scene: Image.Image, classifier: Classifier, detector: FaceDetector | None) -> float:
    """Give the probability of the second class for a scene's one face; NaN if it has not one."""
    boxes = [face.box for face in detector.find(scene)] if detector else [(0, 0, *scene.size)]
    if len(boxes) != 1:
        return np.nan
    label, probability = classifier.classify(scene.crop(boxes[0]))
    return probability if label == CLASSES[1] else 1 - probability


@pytest.mark.parametrize("find", [False, True])
def test_camera_follows_the_face(
    launch: Launch,
    server: Server,
    faces: list[Path],
    classifier: Classifier,
    tmp_path: Path,
    find: bool,
) -> None:
    border = CAMERA_SIDE // 6 if find else 0
    side = CAMERA_SIDE - 2 * border
    scenes = [
        ImageOps.expand(images.open_rgb(file).resize((side, side)), border, "slategrey")
        for file in faces
    ]
    detector = FaceDetector() if find else None
    second = [second_of(scene, classifier, detector) for scene in scenes]
    shown = [scenes[int(np.nanargmin(second))], scenes[int(np.nanargmax(second))]]
    film(tmp_path / "faces.y4m", shown, CAMERA_SIDE, CAMERA_SIDE, CAMERA_FRAMES)
    browser = launch(*FAKE_CAMERA, f"--use-file-for-fake-video-capture={tmp_path / 'faces.y4m'}")
    page = browser.new_page()
    open_page(page, server)
    page.locator("#find-faces").set_checked(find)
    page.get_by_role("button", name="Start the camera").click()
    for _ in range(2):
        for label in CLASSES:
            expect(page.locator("#answer")).to_have_text(label_pattern(label), timeout=10_000)
    expect(page.locator("#rate")).to_contain_text("frames a second")
    page.evaluate(
        """() => {
            Object.defineProperty(document, "hidden", {value: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    expect(page.locator("#live")).to_be_hidden()
    assert page.evaluate("document.querySelector('#video').srcObject") is None


def label_pattern(label: str) -> re.Pattern[str]:
    return re.compile(rf"(^|rather ){label}$")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_violation(
    browser: Browser, server: Server, dist: Path, faces: list[Path], scheme: Scheme
) -> None:
    axe = (dist.parent / "node_modules/axe-core/axe.min.js").read_text()
    viewport = ViewportSize(width=360, height=740)
    with browser.new_context(color_scheme=scheme, viewport=viewport, bypass_csp=True) as context:
        page = context.new_page()
        open_page(page, server)
        content = faces[0].read_bytes()
        answers(page, [upload("face.jpg", content), upload("empty.jpg", b"")], find=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.evaluate(axe)
        found = page.evaluate("axe.run()")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_keyboard_alone(page: Page) -> None:
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
    assert reached[:3] == ["find-faces", "files", "start"]


def test_says_what_the_metrics_say(page: Page, demo: Path) -> None:
    metrics = json.loads((demo / "metrics/evaluate.json").read_text())
    table = page.locator("#about table")
    for part in ("validation", "external"):
        expect(table).to_contain_text(f"{100 * metrics[part]['accuracy']:.1f} %")
    expect(page.locator("#about")).to_contain_text("Generated faces")
