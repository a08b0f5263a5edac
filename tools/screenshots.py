"""Take the page's screenshots in `deploy/web/screenshots/`, with generated faces.

Run `python -m tools.screenshots` after `make deploy/web/dist`.
"""

import io
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from facemask.sources.source import Source
from facemask.store import images
from tools.browser import Server, launch

WEB = Path("deploy/web")
FACES = Path("data/demo.zip")
NUMBERS = (12, 502, 21, 513, 44, 527)
"""Numbers of the archive's faces that the screenshots show."""

WIDTHS = (360, 1280)
HEIGHT = 800
COLOURS = 64


def people() -> bytes:
    """Return a PNG picture of several generated people."""
    files = [entry for entry in Source(FACES) if entry.path.endswith(".jpg")]
    photo = Image.new("RGB", (720, 500), "slategrey")
    for index, number in enumerate(NUMBERS):
        face = images.open_rgb(files[number].content).resize((200, 200))
        column = index % 3
        row = index // 3
        photo.paste(face, (30 + 230 * column, 30 + 240 * row))
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    return buffer.getvalue()


def take(browser: Any, url: str, scheme: str, width: int) -> None:
    """Take a picture of the whole page, with few colours so that the file is small."""
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": HEIGHT})
    page.goto(url)
    photo = {"name": "people.png", "mimeType": "image/png", "buffer": people()}
    page.locator("#files").set_input_files([photo])
    page.locator("#results li[data-label]").first.wait_for()
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    picture.quantize(COLOURS).save(WEB / f"screenshots/{scheme}-{width}.png", optimize=True)
    page.close()


def main() -> None:
    """Take a screenshot for each scheme and width."""
    (WEB / "screenshots").mkdir(exist_ok=True)
    with Server(WEB / "dist") as server, sync_playwright() as playwright:
        browser = launch(playwright)
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                take(browser, server.page, scheme, width)
        browser.close()


if __name__ == "__main__":
    main()
