"""The web page in Chromium: its answers, its requests, its updates, and bad files.

`npm test` in `deploy/web/`, which runs here too, tests what needs no browser.
"""

import base64
import io
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps
from playwright.sync_api import Browser, Locator, Page, Playwright, Route, expect, sync_playwright

from facemask.inference import contract, detection, photos
from facemask.inference.classifier import Answer, Classifier
from facemask.inference.detection import FaceDetector
from facemask.inference.drawing import COLOURS
from facemask.store import images
from tests import composed
from tests.helpers import CLASSES, REPOSITORY, drawn_faces, photo, shell
from tools.browser import CHROMIUM, HTTP_CACHING, Server, camera_options, film, launch

NPM = shutil.which("npm")
pytestmark = [
    pytest.mark.apps,
    pytest.mark.skipif(not (CHROMIUM and NPM), reason="needs Chromium, node and npm"),
]

FIRST_VISIT = 7_200_000
"""Bytes, compressed, that it may transfer."""

COUNT = 100
CAMERA_SIDE = 256
CAMERA_FRAMES = 40
EASY = 0.6
"""Least score of a face that is found in a film too, whose colours are coarser."""

UNSURE = 0.7
NEXT_RUN = "Faces of the next run."
NEXT_EXTERNAL = "Street"
SCHEMES: tuple[Literal["light", "dark"], ...] = "light", "dark"


GROUP = {
    "attribute": "age",
    "value": "60-69",
    "label": "WithoutMask",
    "images": 250,
    "errors": 8,
    "error_rate": 0.032,
    "interval_95": [0.016, 0.062],
}
"""People as `evaluate` measures them."""


@pytest.fixture(scope="module")
def dist(demo: Path) -> Path:
    """The page with the model of the demo, as `make web` builds it, and a group of people."""
    evaluate = demo / "details/evaluate.json"
    before = evaluate.read_bytes()
    figures = json.loads(before)
    figures["external"]["people"] = {"groups": [GROUP]}
    evaluate.write_text(json.dumps(figures))
    shell(demo, "make", "deploy/web/dist")
    evaluate.write_bytes(before)
    return demo / "deploy/web/dist"


@pytest.fixture(scope="module")
def next_dist(demo: Path, dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with another run: model, description, and the name of its external test set."""
    folder = tmp_path_factory.mktemp("next") / "dist"
    model = demo / "models/facemask.tflite"
    ingest = demo / "details/ingest.json"
    evaluate = demo / "details/evaluate.json"
    before = {file: file.read_bytes() for file in (model, ingest, evaluate)}
    content, values = contract.read(before[model], "")
    model.write_bytes(contract.seal(content, replace(values, author="Somebody else")))
    ingest.write_text(json.dumps(json.loads(before[ingest]) | {"description": NEXT_RUN}))
    figures = json.loads(before[evaluate])
    figures[NEXT_EXTERNAL] = figures.pop("external")
    evaluate.write_text(json.dumps(figures))
    shell(dist.parent, "npm", "run", "build", "--", "--outDir", str(folder))
    for file, old in before.items():
        file.write_bytes(old)
    return folder


@pytest.fixture(scope="module")
def server(dist: Path) -> Iterator[Server]:
    with Server(dist) as server:
        yield server


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    with launch(playwright) as browser:
        yield browser


@contextmanager
def opened(browser: Browser, server: Server, **options: Any) -> Iterator[Page]:
    """The page in a context of its own; fails at a request to another origin or at an error."""
    with browser.new_context(**options) as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        local = (server.page, f"blob:{server.page.split('/some')[0]}")
        assert [url for url in asked if not url.startswith(local)] == []
        assert errors == []


def visit(page: Page, server: Server) -> None:
    page.goto(server.page)
    expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)


@pytest.fixture(scope="module")
def shared_page(browser: Browser, server: Server) -> Iterator[Page]:
    with opened(browser, server) as page:
        visit(page, server)
        yield page


@pytest.fixture
def page(shared_page: Page) -> Page:
    """The page, loaded once for all tests, without the photos of the test before."""
    shared_page.locator("#find-faces").check()
    if shared_page.locator("#clear").is_visible():
        shared_page.locator("#clear").click()
    return shared_page


def answers(page: Page, files: list[Any], find: bool = False) -> list[Locator]:
    """Hand over files; return the entries of the page's list, in order."""
    page.locator("#find-faces").set_checked(find)
    page.locator("#files").set_input_files(files)
    entries = page.locator("#results > li")
    expect(entries).to_have_count(len(files), timeout=120_000)
    return list(entries.all())


class Line(NamedTuple):
    """What the page says of a face.

    Attributes:
        label: of the class.
        probability: of the label, 0-1.
        words: for people.
        box: left, top, right and bottom of the part of the picture that was classified, in pixels.
    """

    label: str
    probability: float
    words: str
    box: tuple[int, ...]


def lines(page: Page) -> list[Line]:
    """Return what the page says of all faces in its list."""
    items = page.locator("#results li[data-label]").evaluate_all(
        """items => items.map(item => [
            item.dataset.label,
            +item.querySelector('data').value,
            item.querySelector('strong').textContent,
            item.dataset.box.split(" ").map(Number),
        ])"""
    )
    return [Line(label, value, words, tuple(box)) for label, value, words, box in items]


def decisions(page: Page, files: list[Any]) -> list[Line]:
    """Classify crops of faces in the page."""
    answers(page, files)
    return lines(page)


def assert_same(line: Line, expected: Answer, tolerance: float) -> None:
    assert line.label == expected.label
    assert line.probability == pytest.approx(expected.probability, abs=tolerance)
    assert line.words.startswith("Unsure") == (line.probability < UNSURE)


@pytest.fixture(scope="module")
def classifier(demo: Path) -> Classifier:
    return Classifier(demo / "models/facemask.tflite")


@pytest.fixture(scope="module")
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


def people() -> Image.Image:
    return photo(drawn_faces())


def test_unit_tests(dist: Path) -> None:
    shell(dist.parent, "npm", "test")


def test_same_pixels_same_probability(
    page: Page, faces: list[Path], classifier: Classifier
) -> None:
    pixels = [
        np.asarray(images.resize(images.open_rgb(file), classifier.contract.input["side"]))
        for file in faces
    ]
    files = [upload(f"{number}.png", encode(pixel)) for number, pixel in enumerate(pixels)]
    for line, pixel in zip(decisions(page, files), pixels, strict=True):
        assert_same(line, classifier.classify(Image.fromarray(pixel)), 0.002)


def test_same_photo_same_decision(page: Page, faces: list[Path], classifier: Classifier) -> None:
    """The browser decodes and scales here; its JPEG decoder may round otherwise than Pillow's."""
    for line, file in zip(decisions(page, faces), faces, strict=True):
        assert_same(line, classifier.classify(images.open_rgb(file)), 0.02)


def test_scales_as_pillow_does(page: Page, classifier: Classifier) -> None:
    rng = np.random.default_rng(0)
    files = []
    for size in ((311, 97), (40, 500), (1, 7), (1200, 900)):
        pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        scaled = images.resize(Image.fromarray(pixels), classifier.contract.input["side"])
        files += [upload(f"{p.shape}.png", encode(p)) for p in (pixels, np.asarray(scaled))]
    answered = [line._replace(box=()) for line in decisions(page, files)]
    assert answered[::2] == answered[1::2]


def test_turns_a_webp_upright(page: Page, classifier: Classifier) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    files = []
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = encode(pixels, "WEBP", lossless=True, exif=exif)
        upright = np.asarray(images.open_rgb(turned))
        files += [upload(f"{orientation}.webp", turned), upload("upright.png", encode(upright))]
    answered = decisions(page, files)
    assert answered[::2] == answered[1::2]
    assert len(set(answered)) > 4


def test_turned_transparent_and_animated_pictures(
    page: Page, faces: list[Path], classifier: Classifier
) -> None:
    face = images.open_rgb(faces[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = encode(np.rot90(np.asarray(face)).copy(), "JPEG", quality=95, exif=exif)
    clear = face.copy()
    clear.putalpha(Image.linear_gradient("L").resize(face.size))
    frames = [face.rotate(90)] * 3
    files = {
        "turned.jpg": turned,
        "clear.png": encode(np.asarray(clear)),
        "moving.gif": encode(np.asarray(face), "GIF", save_all=True, append_images=frames),
    }
    answered = decisions(page, [upload(name, content) for name, content in files.items()])
    for line, content in zip(answered, files.values(), strict=True):
        assert_same(line, classifier.classify(images.open_rgb(content)), 0.02)


def test_bad_file_gets_advice(page: Page) -> None:
    files = {
        "empty.jpg": (b"", "empty"),
        "paper.pdf": (b"%PDF-1.7\n1 0 obj", "PDF"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        "notes.txt": (b"no picture", "Save it as JPEG"),
        "cut.png": (encode(np.zeros((9, 9, 3), np.uint8))[:40], "Save it as JPEG"),
    }
    entries = answers(page, [upload(name, content) for name, (content, _) in files.items()])
    for entry, (_, advice) in zip(entries, files.values(), strict=True):
        expect(entry.locator(".trouble")).to_contain_text(advice)


def test_picture_without_a_face_is_offered_in_full(page: Page) -> None:
    content = encode(np.full((3_000, 12_000, 3), 90, np.uint8), "JPEG")
    (entry,) = answers(page, [upload("wide.jpg", content)], find=True)
    expect(entry).to_contain_text("No face found.")
    expect(entry.locator("[data-label]")).to_have_count(0)
    entry.get_by_role("button", name="Classify the full frame").click()
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


def test_finds_and_classifies_each_face_as_python_does(page: Page, classifier: Classifier) -> None:
    (entry,) = answers(page, [upload("people.png", encode(np.asarray(people())))], find=True)
    expected = photos.answer(people(), classifier, FaceDetector())
    assert len(expected) == 6
    expect(entry.get_by_role("img")).to_have_attribute("aria-label", "people.png, 6 faces")
    for line, face in zip(lines(page), expected, strict=True):
        assert_same(line, face.answer, 0.02)
        assert line.box == pytest.approx(face.box, abs=1)


def test_finds_the_same_faces_in_forty_photos_as_python_does(
    page: Page, classifier: Classifier
) -> None:
    detector = FaceDetector()
    files = composed.photos()
    uploads = [upload(f"{number}.jpg", content) for number, content in enumerate(files)]
    faces = 0
    for entry, content in zip(answers(page, uploads, find=True), files, strict=True):
        boxes = entry.locator("[data-box]").evaluate_all(
            "items => items.map(item => item.dataset.box.split(' ').map(Number))"
        )
        expected = [
            answer.box for answer in photos.answer(images.open_rgb(content), classifier, detector)
        ]
        assert len(boxes) == len(expected)
        for box, expected_box in zip(boxes, expected, strict=True):
            assert box == pytest.approx(expected_box, abs=1)
        faces += len(boxes)
    assert faces > 2 * len(files)


def test_boxes_have_the_colour_of_their_label(page: Page) -> None:
    (entry,) = answers(page, [upload("people.png", encode(np.asarray(people())))], find=True)
    address = entry.get_by_role("img").evaluate("canvas => canvas.toDataURL()")
    drawn = images.open_rgb(base64.b64decode(address.split(",")[1]))
    colours = {colour for _, colour in drawn.getcolors(drawn.width * drawn.height) or []}
    labels = {line.label for line in lines(page)}
    for label, colour in zip(CLASSES, COLOURS, strict=True):
        assert (ImageColor.getrgb(colour) in colours) == (label in labels)


def test_says_whose_work_is_in_it(dist: Path) -> None:
    notice = (dist / "third-party.txt").read_text()
    for package in ("@litertjs/core", "@litertjs/wasm-utils", "CenterFace"):
        assert f"{package} " in notice
    assert notice.count("Apache License\nVersion 2.0, January 2004") >= 2
    assert "MIT License" in notice


def test_works_offline_after_the_first_visit(
    browser: Browser, server: Server, faces: list[Path]
) -> None:
    with opened(browser, server) as page:
        server.sent.clear()
        visit(page, server)
        assert sum(server.sent.values()) <= FIRST_VISIT
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)
        answers(page, [faces[0]], find=True)
        expect(page.locator("#results .trouble")).to_have_count(0)


@pytest.fixture(params=HTTP_CACHING)
def updated(request: pytest.FixtureRequest, dist: Path) -> Iterator[Server]:
    """A host of the page, which may get another version, for each kind of HTTP caching."""
    with Server(dist, HTTP_CACHING[request.param]) as server:
        yield server


KEPT = "navigator.serviceWorker.ready.then(() => caches.keys())"


def wait_for_update(page: Page, kept: list[str]) -> None:
    """Wait until the browser keeps another version than before, and that one alone."""
    page.evaluate(
        """async ([kept]) => {
            for (let tries = 0; tries < 600; tries++) {
                const keys = await caches.keys();
                if (keys.length === 1 && keys[0] !== kept) return;
                await new Promise(done => setTimeout(done, 50));
            }
            throw new Error("no other version is kept");
        }""",
        kept,
    )


def deploy_after_visit(page: Page, server: Server, folder: Path) -> list[str]:
    """Visit the page, then put another version on its host; return what the browser has kept."""
    visit(page, server)
    kept: list[str] = page.evaluate(KEPT)
    server.folder = folder
    return kept


def expect_next_run(page: Page, server: Server) -> None:
    expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)
    expect(page.locator("#about")).to_contain_text(NEXT_RUN)
    expect(page.locator("#about table")).to_contain_text(f"external test set “{NEXT_EXTERNAL}”")
    [model] = server.folder.glob("assets/facemask-*.tflite")
    fetched = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert f"{server.page}assets/{model.name}" in fetched


def test_new_version_after_one_reload(
    browser: Browser, updated: Server, next_dist: Path, faces: list[Path]
) -> None:
    with opened(browser, updated) as page:
        kept = deploy_after_visit(page, updated, next_dist)
        page.reload()
        expect_next_run(page, updated)
        wait_for_update(page, kept)
        page.context.set_offline(True)
        page.reload()
        expect_next_run(page, updated)
        assert len(decisions(page, faces[:2])) == 2


def test_open_tab_outlives_its_version(
    browser: Browser, updated: Server, next_dist: Path, faces: list[Path]
) -> None:
    with opened(browser, updated) as page:
        kept = deploy_after_visit(page, updated, next_dist)
        other = page.context.new_page()
        other.goto(updated.page)
        expect_next_run(other, updated)
        wait_for_update(other, kept)
        answers(page, [faces[0]], find=True)
        expect(page.locator("#results .trouble")).to_have_count(0)
        expect(page.locator("#about")).not_to_contain_text(NEXT_RUN)


def test_page_heals_itself_when_its_version_is_gone(
    browser: Browser, dist: Path, next_dist: Path, tmp_path: Path
) -> None:
    """The browser has kept the old page but none of its files, and has no service worker."""
    shutil.copy(dist / "index.html", tmp_path)
    [old_script] = dist.glob("assets/index-*.js")
    with Server(tmp_path) as server, browser.new_context(service_workers="block") as context:
        context.new_page().goto(server.page)
        server.folder = next_dist
        page = context.new_page()
        status: dict[str, int] = {}
        page.on("response", lambda response: status.update({response.url: response.status}))
        page.goto(server.page)
        expect_next_run(page, server)
        assert status[f"{server.page}assets/{old_script.name}"] == 404


def test_says_that_a_file_is_missing(browser: Browser, dist: Path, tmp_path: Path) -> None:
    for name in ("index.html", "heal.js"):
        shutil.copy(dist / name, tmp_path)
    with Server(tmp_path) as server, opened(browser, server) as page:
        page.goto(server.page)
        expect(page.locator("#status")).to_contain_text("Reload it in a minute.")


def test_without_webassembly(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        page.add_init_script("delete globalThis.WebAssembly")
        page.goto(server.page)
        expect(page.locator("#status")).to_contain_text("WebAssembly switched off")


def test_refuses_a_model_of_an_older_pipeline(browser: Browser, server: Server) -> None:
    cases = json.loads((REPOSITORY / "tests/golden/contract.json").read_text())
    (old,) = (base64.b64decode(case["file"]) for case in cases if case["name"] == "version 3")
    with opened(browser, server) as page:
        page.route("**/facemask-*.tflite", lambda route: route.fulfill(body=old))
        page.goto(server.page)
        expect(page.locator("#status")).to_contain_text("version 3 of the contract", timeout=30_000)


def slowly(route: Route) -> None:
    time.sleep(1)
    route.continue_()


def test_interactive_while_loading(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        page.route("**/*.wasm", slowly)
        page.goto(server.page)
        expect(page.get_by_role("progressbar", name="Loading the model")).to_be_visible()
        expect(page.locator("#find-faces")).to_be_checked()
        page.locator("#find-faces").uncheck()
        expect(page.locator("#status")).to_have_text("Ready.", timeout=30_000)
        expect(page.locator("#progress")).to_be_hidden()


def test_no_camera(page: Page) -> None:
    page.get_by_role("button", name="Start the camera").click()
    expect(page.get_by_role("alert")).to_contain_text("or choose photos")


def positive_probability(answer: Answer) -> float:
    return answer.probability if answer.label == CLASSES[1] else 1 - answer.probability


def camera_scenes(
    faces: list[Path], margins: dict[str, float]
) -> Iterator[tuple[Image.Image, detection.Box]]:
    """Yield pictures of a camera in which a face is easily found, each with the face's crop.

    As in the page, faces of a camera are looked for in the smallest square alone.
    """
    border = CAMERA_SIDE // 4
    side = CAMERA_SIDE - 2 * border
    detector = FaceDetector(min_score=EASY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(detection.SETTINGS, "sides", detection.SETTINGS["sides"][-1:])
        for file in faces:
            face = images.open_rgb(file).resize((side, side))
            scene = ImageOps.expand(face, border, "slategrey")
            for crop in detector.crops(scene, margins):
                yield scene, crop


@pytest.fixture(scope="module")
def camera(
    playwright: Playwright,
    faces: list[Path],
    classifier: Classifier,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Browser]:
    """A browser whose camera, where it is allowed, shows a masked and a bare face in turn.

    Of the faces that are easily found, they are the two that are classified most surely, both by
    the full frame and by the crop of the face.
    """
    masked = []
    bare = []
    for scene, crop in camera_scenes(faces, classifier.contract.input["crop"]):
        scores = [
            positive_probability(classifier.classify(picture))
            for picture in (scene, scene.crop(crop))
        ]
        masked.append((max(scores), scene))
        bare.append((min(scores), scene))
    pictures = [
        min(masked, key=itemgetter(0))[1],
        max(bare, key=itemgetter(0))[1],
    ]
    path = tmp_path_factory.mktemp("film") / "faces.y4m"
    film(path, pictures, CAMERA_SIDE, CAMERA_SIDE, CAMERA_FRAMES)
    with launch(playwright, *camera_options(path), "--deny-permission-prompts") as browser:
        yield browser


def test_camera_denied(camera: Browser, server: Server) -> None:
    with opened(camera, server) as page:
        visit(page, server)
        page.get_by_role("button", name="Start the camera").click()
        expect(page.get_by_role("alert")).to_contain_text("Allow it in the browser's settings")


def test_camera_follows_the_face(camera: Browser, server: Server) -> None:
    with opened(camera, server, permissions=["camera"]) as page:
        visit(page, server)
        page.get_by_role("button", name="Start the camera").click()
        for find in (True, False):
            page.locator("#find-faces").set_checked(find)
            for label in CLASSES * 2:
                pattern = re.compile(rf"(^|rather ){label}$")
                expect(page.locator("#answer")).to_have_text(pattern, timeout=20_000)
        expect(page.locator("#rate")).to_contain_text("frames a second")
        page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", {value: true});
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        expect(page.locator("#live")).to_be_hidden()
        assert page.evaluate("document.querySelector('#video').srcObject") is None


def test_no_accessibility_violation(
    browser: Browser, server: Server, dist: Path, faces: list[Path]
) -> None:
    axe = (dist.parent / "node_modules/axe-core/axe.min.js").read_text()
    viewport = {"width": 360, "height": 740}
    with opened(browser, server, viewport=viewport, bypass_csp=True) as page:
        visit(page, server)
        content = encode(np.asarray(people()))
        answers(page, [upload("people.png", content), upload("empty.jpg", b"")], find=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.evaluate(axe)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            violations = page.evaluate("axe.run()")["violations"]
            assert [(rule["id"], rule["nodes"][0]["html"]) for rule in violations] == []


def test_keyboard_alone(browser: Browser, server: Server) -> None:
    with opened(browser, server) as page:
        page.goto(server.page)
        reached = []
        for _ in range(3):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))
        assert reached == ["find-faces", "files", "start"]


def test_says_what_the_metrics_say(page: Page, demo: Path) -> None:
    metrics = json.loads((demo / "details/evaluate.json").read_text())
    table = page.locator("#about table")
    for part in ("validation", "external"):
        expect(table.first).to_contain_text(f"{100 * metrics[part]['accuracy']:.1f} %")
    cells = table.nth(1).locator("tbody tr").first.locator("th, td").all_text_contents()
    assert cells == ["age 60-69 (external)", "WithoutMask", "250", "3.2 %", "1.6 % – 6.2 %"]
    expect(page.locator("#about")).to_contain_text("Generated faces")
    expect(page.locator("#about")).not_to_contain_text("undefined")
